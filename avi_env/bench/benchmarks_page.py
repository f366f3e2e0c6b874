"""The page of benchmarks: a table a suite, written from the committed summaries of evaluations."""

from __future__ import annotations

import json
from typing import Any

from avi_env.bench.pages import markdown_table, rendered_regions
from avi_env.bench.result_tables import HEADLINES, agent_rows, headline_rows
from avi_env.bench.suites import load_suite, suite_names
from avi_env.content import content_path

__all__ = ["committed_summaries", "rendered_benchmarks_page"]

_FURTHER = ("sna", "distance_to_goal", "collisions", "steps")
"""Measures of the tables beside the headlines."""

_NEEDED = {"suite", "split", "agent", "episodes", "measures", "spec"}


def committed_summaries() -> list[dict[str, Any]]:
    """Returns the summaries in benchmarks/*/results/*.json, by suite, split and file.

    Raises:
        ValueError: a file there is no summary of an evaluation.
    """
    found = []
    for name in suite_names():
        for path in sorted((content_path("benchmarks", name) / "results").glob("*.json")):
            summary = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(summary, dict) or not set(summary) >= _NEEDED:
                raise ValueError(f"{path} is no summary as `avi evaluate --json` writes it")
            found.append(summary)
    return sorted(found, key=lambda summary: (summary["suite"], summary["split"] != "val", summary["split"]))


def rendered_benchmarks_page(page: str, summaries: list[dict[str, Any]]) -> str:
    """Returns the page with its tables written anew."""
    regions = {"tables": _tables, "kinds": _kinds}
    return rendered_regions(page, "benchmarks", regions, {"summaries": summaries})


def _tables(report: dict[str, Any]) -> str:
    """A table of agents for each suite and split, with the suite's summary."""
    summaries, parts = report["summaries"], []
    for suite, split in dict.fromkeys((one["suite"], one["split"]) for one in summaries):
        rows = [one for one in summaries if (one["suite"], one["split"]) == (suite, split)]
        what = load_suite(suite).summary
        parts.append(f"### {suite}, {split}\n{what}\n\n{markdown_table(*agent_rows(rows, (*HEADLINES, *_FURTHER)))}")
    return "\n\n".join(parts)


def _kinds(report: dict[str, Any]) -> str:
    """Success by kinds of episodes, an evaluation a table."""
    parts = []
    for summary in report["summaries"]:
        if "breakdown" in summary:
            header, rows = headline_rows(summary)
            if rows:
                title = f"**{summary['agent']}** on {summary['suite']}, {summary['split']}"
                parts.append(f"{title}\n\n{markdown_table(header, rows)}")
    return "\n\n".join(parts)
