"""`avi evaluate`: an agent on a suite, in several processes; one that was cut off goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from rich.console import Console

    from avi_env.bench.evaluate_plan import EvaluationPlan, Job
    from avi_env.bench.judge import Judge
    from avi_env.tasks import Episode

__all__ = ["EvaluateSettings", "evaluate"]

_SHOWN_ERRORS = 3  # tracebacks printed in full; all are in the results
_TOLD = 20  # parts of an evaluation after each of which a line is written where there is no terminal


@dataclass(frozen=True)
class EvaluateSettings:
    """Evaluates an agent on the episodes of a suite: success, SPL, answers, with 95 % intervals."""

    suite: Annotated[str, tyro.conf.Positional]
    """Suite: a folder of benchmarks/, or a path of your own."""
    agent: str = "rules"
    """Who acts: a folder of agents/, or a path of your own."""
    split: str = "val"
    """Which of the suite's episodes."""
    episodes: int = 0
    """The first so many of them; 0 = all."""
    seeds: int = 1
    """Times that each is played, with seeds 0, 1 ..."""
    workers: int = 1
    """Processes; 0 = plays in this one. What comes out does not depend on it."""
    batch: int = 1
    """Episodes that each process plays at a time, in one vector environment; for step agents. Nor on this."""
    steps: int | None = None
    """Actions at most, in place of the suite's."""
    calls: int = 40
    """Turns of a planner at most."""
    mute: bool = False
    """Lets the agent hear silence: what is left is what it does without sound."""
    blind: bool = False
    """Lets the agent see nothing: rgb black, depth 0 (no hit), semantic -1 (no object). Position and goal are told."""
    skills: str = ""
    """What a planner's skills are carried out by: "policy", "oracle" or "classical", or one each
    ("go_to_sound=policy,go_to_room=oracle"); empty = as its agent.toml says. Oracles are privileged, and named so."""
    resume: bool = False
    """Goes on with the evaluation in --output that was cut off."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    llm_url: str = ""
    """Endpoint of the chat planner (AVI_LLM_BASE_URL)."""
    llm_model: str = ""
    """Model of the chat planner (AVI_LLM_MODEL)."""
    judge: str = ""
    """Who scores a planner's answers that are not exactly right: "rules", or "chat", a model behind an endpoint."""
    judge_url: str = ""
    """Endpoint of the judge "chat" (AVI_JUDGE_BASE_URL; key: AVI_JUDGE_API_KEY)."""
    judge_model: str = ""
    """Model of the judge "chat" (AVI_JUDGE_MODEL)."""
    output: Path | None = None
    """Folder for results.jsonl, a line an episode, and summary.json."""
    json: Path | None = None
    """File for the summary."""


def evaluate(settings: EvaluateSettings) -> int:
    """Runs the evaluation and prints its table; returns 0, or 1 if anything went wrong in an episode.

    Raises:
        ValueError: no such suite, split or agent, numbers out of range, or an --output that holds something else.
    """
    from rich.console import Console

    from avi_env.bench.evaluate_log import ResultsFile
    from avi_env.bench.evaluate_plan import evaluation_jobs
    from avi_env.bench.evaluate_summary import summarise
    from avi_env.bench.files import write_json
    from avi_env.bench.spec import run_spec

    console = Console()
    judge = _judge(settings)
    plan, episodes = _plan(settings, judge)
    arguments = plan.arguments(_digest(episodes))
    chosen = episodes[: settings.episodes] if settings.episodes else episodes
    jobs = evaluation_jobs(chosen, settings.seeds)
    log = ResultsFile(settings.output, arguments, resume=settings.resume)
    spec = run_spec(settings.device, list(range(settings.seeds)), arguments)
    told = {name: value for name, value in spec.items() if name not in ("arguments", "seeds")}
    beside = {"arguments": arguments, "spec": told}
    done = {(record["episode_id"], record["seed"]) for record in log.records}
    left = [job for job in jobs if job.key not in done]
    if done:
        console.print(f"{len(jobs) - len(left)} of {len(jobs)} episodes are there already")
    try:
        _play(console, plan, left, (settings.workers, settings.batch), judge, log, beside)
    except KeyboardInterrupt:
        if settings.output is not None:
            console.print(f"{len(log.records)} of {len(jobs)} episodes are in {settings.output}: go on with --resume")
        raise
    wanted = {job.key for job in jobs}
    records = [record for record in log.records if (record["episode_id"], record["seed"]) in wanted]
    records.sort(key=lambda record: (record["episode_id"], record["seed"]))
    commits = sorted({record["spec"]["commit"] for record in records})
    summary = summarise(records, {**spec, **({"commits": commits} if len(commits) > 1 else {})})
    _print_summary(console, summary)
    for path in (settings.json, settings.output / "summary.json" if settings.output is not None else None):
        if path is not None:
            write_json(path, summary)
    return 1 if summary["errors"] else 0


def _judge(settings: EvaluateSettings) -> Judge | None:
    """Returns who scores answers in words, if anybody does."""
    from avi_env.agents.load import load_manifest
    from avi_env.bench.judge import make_judge

    if not settings.judge:
        return None
    if load_manifest(settings.agent).python:
        raise ValueError(f"--judge scores answers in words: {settings.agent!r} is a step agent, which gives none")
    return make_judge(settings.judge, settings.judge_url, settings.judge_model)


def _scored(records: Iterator[dict[str, Any]], judge: Judge | None) -> Iterator[dict[str, Any]]:
    """Yields records as they come, scored by a judge if there is one."""
    from avi_env.bench.judge import judged

    for record in records:
        yield record if judge is None else judged(record, judge)


def _plan(settings: EvaluateSettings, judge: Judge | None) -> tuple[EvaluationPlan, list[Episode]]:
    """Returns what is evaluated and all episodes of the split."""
    from avi_env.agents.backends import parse_backends
    from avi_env.agents.load import load_manifest
    from avi_env.bench.evaluate_plan import EvaluationPlan
    from avi_env.bench.suites import load_suite, suite_episodes

    for name, least in (("episodes", 0), ("seeds", 1), ("workers", 0), ("batch", 1), ("calls", 1), ("steps", 1)):
        given = getattr(settings, name)
        if given is not None and given < least:
            raise ValueError(f"--{name} must be at least {least}, got {given}")
    if settings.resume and settings.output is None:
        raise ValueError("--resume goes on with the results in --output: name that folder")
    suite = load_suite(settings.suite)
    manifest = load_manifest(settings.agent)  # a wrong name is told before any work
    if settings.batch > 1 and not manifest.python:
        raise ValueError(f"{manifest.name!r} is a planner, which plays one episode at a time: leave --batch out")
    if settings.skills and manifest.python:
        raise ValueError(f"{manifest.name!r} is a step agent, which has no skills: leave --skills out")
    parse_backends(settings.skills, manifest.skills)
    given = {"base_url": settings.llm_url, "model": settings.llm_model}
    plan = EvaluationPlan(
        suite=suite.name,
        source=settings.suite,
        split=settings.split,
        task=suite.task,
        agent=settings.agent,
        environment=dict(suite.environment),
        settings={name: value for name, value in given.items() if value},
        steps=suite.steps if settings.steps is None else settings.steps,
        calls=settings.calls,
        mute=settings.mute,
        blind=settings.blind,
        skills=settings.skills,
        device=settings.device,
        judge=dict(judge.identity) if judge is not None else {},
    )
    return plan, suite_episodes(suite, settings.split)


def _digest(episodes: Sequence[Episode]) -> str:
    """Returns the digest of a split's episodes: results of others do not go together with theirs."""
    import dataclasses

    text = json.dumps([dataclasses.asdict(episode) for episode in episodes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _play(
    console: Console,
    plan: EvaluationPlan,
    jobs: Sequence[Job],
    crew: tuple[int, int],
    judge: Judge | None,
    log: Any,
    beside: dict[str, Any],
) -> None:
    """Plays what is left, by so many workers with so many episodes at a time, and writes every record down."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from avi_env.bench.evaluate_worker import play_jobs

    times = (TimeElapsedColumn(), "left", TimeRemainingColumn())
    name = f"{plan.suite} {plan.split}: {Path(plan.agent).name}"
    shown, successes = 0, 0
    bar = Progress("{task.description}", BarColumn(), MofNCompleteColumn(), *times, console=console, transient=True)
    with bar:
        task = bar.add_task(name, total=len(jobs))
        for count, record in enumerate(_scored(play_jobs(plan, jobs, *crew), judge), 1):
            seconds = record.pop("seconds")
            log.add({**record, "arguments": beside["arguments"], "spec": {**beside["spec"], "seconds": seconds}})
            successes += bool(record["measures"].get("success", False))
            if record["error"] is not None and shown < _SHOWN_ERRORS:
                shown += 1
                console.print(record["error"]["message"], record["error"]["traceback"], style="red", markup=False)
            bar.update(task, advance=1, description=f"{name}, success {successes / count:.2f}")
            if not console.is_terminal and count % max(1, -(-len(jobs) // _TOLD)) == 0 and count < len(jobs):
                left = bar.tasks[0].time_remaining
                console.print(f"{count} of {len(jobs)} episodes{'' if left is None else f', {left:.0f} s left'}")


def _print_summary(console: Console, summary: dict[str, Any]) -> None:
    """Prints measures, kinds of episodes, and what went wrong."""
    from rich.table import Table

    from avi_env.bench.result_tables import headline_rows, measure_rows

    seeds = f" x {summary['seeds']} seeds" if summary["seeds"] > 1 else ""
    title = f"{summary['agent']} on {summary['suite']} {summary['split']}: {summary['episodes']} episodes{seeds}"
    for name, (header, rows) in ((title, measure_rows(summary)), ("", headline_rows(summary))):
        if rows:
            table = Table(*header, title=name)
            for row in rows:
                table.add_row(*row)
            console.print(table)
    for error in summary["errors"]:
        last = error["traceback"].strip().splitlines()[-1:]
        console.print(error["message"], *last, style="red", markup=False, highlight=False)
    if summary["errors"]:
        console.print(f"{len(summary['errors'])} episodes ended with an error{os.linesep}", style="red")
