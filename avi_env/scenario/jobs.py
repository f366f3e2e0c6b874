"""Cases as jobs: played, judged, recorded and, where they fail, shown on a page; here or in processes of their own."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from avi_env.scenario.findings import CaseReport, case_report

if TYPE_CHECKING:
    from avi_env.scenario.cases import Case

__all__ = ["PAGES", "REPLIES", "Job", "file_name", "fresh_replies", "play", "play_all", "replies_file", "show_trace"]

Replies = Literal["auto", "replay", "record", "off"]
Pages = Literal["none", "failed", "all"]
REPLIES: tuple[str, ...] = get_args(Replies)
"""What is done with a planner's replies: "replay" never asks a model, "record" asks it and writes the replies beside
the scenario, "off" asks it, "auto" replays where there are recorded replies and asks where there are none."""
PAGES: tuple[str, ...] = get_args(Pages)
"""Which cases get a page."""


@dataclass(frozen=True)
class Job:
    """One case to play."""

    case: Case
    agent: str = ""
    """Who plays; "" = as the scenario says."""
    device: str = "cpu"
    replies: str = "auto"
    """One of `REPLIES`."""
    folder: Path | None = None
    """Where pages and traces go; None = none are written."""
    pages: str = "failed"
    """One of `PAGES`."""
    film: bool = True
    """Whether a page has the video."""


def replies_file(case: Case) -> Path:
    """Returns where a scenario's recorded replies are: beside its file."""
    return case.scenario.folder / f"{case.scenario.name}.replies.jsonl"


@contextmanager
def fresh_replies(files: Sequence[Path]) -> Iterator[None]:
    """Sets files of replies aside, so that recording begins with none; those that were not made anew come back."""
    kept = {file: file.with_name(f"{file.name}.before") for file in files if file.is_file()}
    for file, aside in kept.items():
        file.replace(aside)
    try:
        yield
    finally:
        for file, aside in kept.items():
            if file.is_file():
                aside.unlink()
            else:
                aside.replace(file)


def file_name(name: str) -> str:
    """Returns a case's name as a file's: "kettle[seed=3]#0" -> "kettle-seed=3-0"."""
    return re.sub(r"[^A-Za-z0-9_.=+,]+", "-", name).strip("-")


def play(job: Job) -> CaseReport:
    """Plays a case; returns what came of it. Its trace, and its page where it gets one, are written to the folder."""
    from avi_env.scenario.run import run_case

    kept = replies_file(job.case)
    replies = kept if job.replies in ("replay", "record") or (job.replies == "auto" and kept.is_file()) else None
    shown = job.folder is not None and job.pages != "none"
    began = time.perf_counter()
    result = run_case(
        job.case,
        job.agent,
        device=job.device,
        replies=replies,
        record=job.replies == "record",
        footage=shown,
    )
    agent = job.agent or job.case.scenario.agent.planner
    report = case_report(result, agent, time.perf_counter() - began)
    if job.folder is None:
        return report
    from avi_env.scenario.page import write_page
    from avi_env.scenario.trace import write_trace

    stem = file_name(f"{job.case.id}-{Path(agent).name}")
    paged = job.pages == "all" or (job.pages == "failed" and report.outcome != "pass")
    if paged and result.footage is not None:
        page = job.folder / f"{stem}.html"
        report = replace(report, page=str(page))
        scene = result.footage.env.batch.world.scene(0)
        write_page(page, report, result.trace, scene, result.footage, job.film)
    header = {**result.trace.header, "report": report.to_json()}
    write_trace(job.folder / f"{stem}.jsonl", replace(result.trace, header=header))
    return report


def show_trace(path: Path, folder: Path) -> Path:
    """Writes the page of a trace that `play` wrote; without sound and video, which no trace has. Returns its path.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no trace.
    """
    from avi_env.scenario.page import write_page
    from avi_env.scenario.trace import read_trace
    from avi_env.scene import load_scene

    trace = read_trace(path)
    if "report" not in trace.header:
        raise ValueError(f"{path} tells no verdicts: `avi scenario run --output` writes traces that do")
    report = CaseReport.from_json(trace.header["report"])
    page = folder / f"{path.stem}.html"
    write_page(page, report, trace, load_scene(report.scene))
    return page


def play_all(jobs: Sequence[Job], workers: int = 1) -> Iterator[CaseReport]:
    """Plays jobs; yields their reports in the jobs' order.

    Args:
        jobs: what to play.
        workers: processes; 1 = all in this one.
    """
    if workers <= 1 or len(jobs) <= 1:
        yield from map(play, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(play, jobs)
