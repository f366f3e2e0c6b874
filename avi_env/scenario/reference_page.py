"""The part of docs/scenarios.md that is made from code: what expressions can ask."""

from __future__ import annotations

from typing import Any

from avi_env.bench.pages import markdown_table, rendered_regions
from avi_env.scenario.predicates import PREDICATES

__all__ = ["rendered_scenarios_page"]


def rendered_scenarios_page(page: str) -> str:
    """Returns the page with its table of predicates written anew."""
    return rendered_regions(page, "scenarios", {"predicates": _predicates}, {})


def _predicates(_: dict[str, Any]) -> str:
    rows: dict[str, tuple[str, str, str]] = {}
    for spelling, predicate in PREDICATES.items():
        if not (predicate.function.__module__ or "").startswith("avi_env."):
            continue  # somebody's own, which has no module at all where it was typed in
        known = rows.get(predicate.name)
        also = f"{known[0]}, `{spelling}`" if known else f"`{predicate.signature}`"
        rows[predicate.name] = (also, predicate.unit, predicate.doc)
    return markdown_table(("predicate", "unit", "what"), list(rows.values()))
