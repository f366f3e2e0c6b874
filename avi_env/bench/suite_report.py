"""`avi bench report`: evaluations as one page: tables with intervals, kinds of episodes, failures to see and hear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from avi_env.bench.failures import Failure

__all__ = ["ReportSettings", "bench_report"]


@dataclass(frozen=True)
class ReportSettings:
    """Writes a report of evaluations: report.html and report.md with tables, and maps and sounds of failures."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders that `avi evaluate --output` wrote."""
    failures: int = 4
    """Failed episodes of each that are shown."""
    output: Path = Path("report")
    """Folder for report.html, report.md and failures/."""
    json: Path | None = None
    """File for the summaries."""


def bench_report(settings: ReportSettings) -> int:
    """Plays the failures again, writes the report, prints where it is; returns 0.

    Raises:
        ValueError: no folder is given, or one holds no record.
        FileNotFoundError: a folder holds no evaluation.
    """
    from rich.console import Console

    from avi_env.bench.evaluate_log import read_records
    from avi_env.bench.evaluate_summary import summarise
    from avi_env.bench.files import output_folder, write_json
    from avi_env.bench.suite_pages import report_markdown, report_page
    from avi_env.whole_file import write_whole

    if not settings.folders:
        raise ValueError("a report needs at least one folder that `avi evaluate --output` wrote")
    if settings.failures < 0:
        raise ValueError(f"--failures must be at least 0, got {settings.failures}")
    evaluations = {folder: read_records(folder) for folder in settings.folders}
    for folder, records in evaluations.items():
        if not records:
            raise ValueError(f"{folder} holds no episode yet: `avi evaluate --resume` goes on with it")
    folder = output_folder(settings.output)
    summaries = [
        summarise(records, {**records[0]["spec"], "arguments": records[0]["arguments"]})
        for records in evaluations.values()
    ]
    shown = [failure for records in evaluations.values() for failure in _failures(records, settings.failures)]
    write_whole(folder / "report.html", report_page(summaries, shown))
    write_whole(folder / "report.md", report_markdown(summaries, shown, output_folder(folder / "failures")))
    Console().print(
        f"wrote {folder / 'report.html'} and report.md: {len(summaries)} evaluations, {len(shown)} failures"
    )
    if settings.json is not None:
        write_json(settings.json, summaries)
    return 0


def _failures(records: list[dict[str, Any]], count: int) -> Iterator[Failure]:
    """Plays some failures of an evaluation again, with a bar."""
    from rich.console import Console
    from rich.progress import track

    from avi_env.bench.failures import chosen_failures, replay_failure
    from avi_env.bench.suites import load_suite, suite_episodes

    chosen = chosen_failures(records, count)
    if not chosen:
        return
    first = chosen[0]
    suite = load_suite(first["arguments"]["suite"])
    episodes = {episode.episode_id: episode for episode in suite_episodes(suite, first["split"])}
    for record in track(chosen, f"failures of {first['agent']}", console=Console(stderr=True), transient=True):
        if record["episode_id"] not in episodes:
            raise ValueError(f"suite {first['suite']!r} has no episode {record['episode_id']!r} any more")
        yield replay_failure(record, episodes[record["episode_id"]])
