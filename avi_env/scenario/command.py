"""`avi scenario run|check|record|show`: scenarios from the command line; exit status 0 passed, 1 did not, 2 error."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from avi_env.scenario.cases import Case
    from avi_env.scenario.document import Scenario
    from avi_env.scenario.findings import CaseReport
    from avi_env.scenario.jobs import Job

__all__ = [
    "CheckSettings",
    "RecordSettings",
    "RunSettings",
    "ShowSettings",
    "check",
    "chosen_scenarios",
    "record",
    "run",
    "show",
]

Paths = Annotated[tuple[str, ...], tyro.conf.Positional]
_SUFFIX = ".scenario.yaml"
_STATUS = {"pass": 0, "fail": 1, "inconclusive": 1, "error": 2}


@dataclass(frozen=True)
class RunSettings:
    """Runs scenarios; prints what was expected, when it was violated and where to look; exit status 0, 1 or 2."""

    paths: Paths
    """Files, folders, or names of shipped scenarios ("distractor")."""
    agent: str = ""
    """Who plays: an agent's name or folder, "random", "solution"; empty = as each scenario says."""
    case: str = ""
    """Only cases whose name contains this."""
    tag: str = ""
    """Only scenarios with this tag."""
    seed: int | None = None
    """In place of the scenarios' seeds."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    replies: Literal["auto", "replay", "record", "off"] = "auto"
    """Replies of a language model: replay the recorded ones and never ask, record them, off = ask; auto = replay where
    there are recorded ones, else ask."""
    output: Path | None = None
    """Folder for traces, and for a page of each case that does not pass."""
    pages: Literal["none", "failed", "all"] = "failed"
    """Which cases get a page."""
    film: bool = True
    """Whether pages have the video."""
    workers: int = 1
    """Processes."""
    timing: bool = False
    """Whether to show what the scenario's own work costs, as a share of the steps'."""
    json: Path | None = None
    """File for all results."""
    junit: Path | None = None
    """File for JUnit XML, as CI servers read it."""


@dataclass(frozen=True)
class CheckSettings:
    """Proves that scenarios can be passed (by their solution) and are not trivial (baselines fail)."""

    paths: Paths
    """Files, folders, or names of shipped scenarios."""
    planners: tuple[str, ...] = ("rules",)
    """Agents whose result is shown beside."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: Path | None = None
    """Folder for traces, and for a page of each solution that does not pass."""
    workers: int = 1
    """Processes."""
    json: Path | None = None
    """File for all results."""


@dataclass(frozen=True)
class RecordSettings:
    """Runs scenarios with a language model and writes its replies beside them, to be replayed without it.

    Replies that were there are replaced once the model has given others; with --case they are kept and added to.
    """

    paths: Paths
    """Files or folders."""
    agent: str = ""
    """Who plays; empty = as each scenario says."""
    case: str = ""
    """Only cases whose name contains this."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    json: Path | None = None
    """File for all results."""


@dataclass(frozen=True)
class ShowSettings:
    """Writes a page: events, skills, sound and expectations on one time axis; map; video with binaural sound."""

    path: Annotated[str, tyro.conf.Positional]
    """A scenario, which is run, or a trace that `avi scenario run --output` wrote."""
    agent: str = ""
    """Who plays; empty = as the scenario says."""
    case: str = ""
    """Only cases whose name contains this."""
    seed: int | None = None
    """In place of the scenario's seed."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: Path = Path("scenarios")
    """Folder for the pages."""
    film: bool = True
    """Whether they have the video."""


def scenario_files(names: Sequence[str]) -> tuple[Path, ...]:
    """Returns the scenario files of paths, folders and names of shipped scenarios; those that are shipped by name.

    Raises:
        ValueError: no such file or scenario, or a folder without any.
    """
    from avi_env.content import content_path, name_error

    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_file():
            found.append(path)
            continue
        shipped = content_path("benchmarks", "scenarios")
        if not path.is_dir():
            if path.as_posix().rstrip("/") in ("scenarios", "benchmarks/scenarios"):
                path = shipped
            else:
                path = shipped / f"{name}{_SUFFIX}"
                if not path.is_file():
                    known = [file.name.removesuffix(_SUFFIX) for file in sorted(shipped.glob(f"*{_SUFFIX}"))]
                    raise name_error("scenario file, folder or shipped scenario", name, known)
                found.append(path)
                continue
        inside = sorted(path.rglob(f"*{_SUFFIX}"))
        if not inside:
            raise ValueError(f"{path} holds no scenario: their files are called NAME{_SUFFIX}")
        found += inside
    if not found:
        raise ValueError("name scenario files, folders that hold some, or shipped scenarios")
    return tuple(dict.fromkeys(found))


def chosen_scenarios(names: Sequence[str], tag: str = "", seed: int | None = None) -> tuple[Scenario, ...]:
    """Returns the scenarios of paths and names.

    Args:
        names: see `scenario_files`.
        tag: only those with it; "" = all.
        seed: in place of theirs.

    Raises:
        ScenarioError: what is wrong in all files, with lines and columns.
        ValueError: no such file, or none with the tag.
    """
    from rich.console import Console

    from avi_env.content import name_error
    from avi_env.scenario.located import Problem, ScenarioError
    from avi_env.scenario.reading import ScenarioWarning, load_scenario

    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ScenarioWarning)
        for file in scenario_files(names):
            try:
                scenarios.append(load_scenario(file))
            except ScenarioError as error:
                problems += error.problems
    for one in caught:
        Console(stderr=True).print(f"warning: {one.message}", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise ScenarioError(tuple(problems))
    if tag:
        known = sorted({name for scenario in scenarios for name in scenario.tags})
        if tag not in known:
            raise name_error("tag of these scenarios", tag, known)
        scenarios = [scenario for scenario in scenarios if tag in scenario.tags]
    if seed is not None:
        scenarios = [s.model_copy(update={"world": s.world.model_copy(update={"seed": seed})}) for s in scenarios]
    return tuple(scenarios)


def chosen_cases(scenarios: Sequence[Scenario], part: str) -> list[Case]:
    """Returns the cases whose names contain a text.

    Raises:
        ValueError: there are none.
    """
    from avi_env.scenario.cases import cases

    every = [case for scenario in scenarios for case in cases(scenario)]
    chosen = [case for case in every if part in case.id]
    if not chosen:
        raise ValueError(f"no case has {part!r} in its name; cases: {', '.join(case.id for case in every[:20])}")
    return chosen


def run(settings: RunSettings) -> int:
    """Runs scenarios; returns 0 when all pass, 1 when one does not, 2 when one could not be run."""
    from avi_env.bench.files import output_folder
    from avi_env.scenario.jobs import Job

    chosen = chosen_cases(chosen_scenarios(settings.paths, settings.tag, settings.seed), settings.case)
    folder = output_folder(settings.output) if settings.output is not None else None
    jobs = [
        Job(case, settings.agent, settings.device, settings.replies, folder, settings.pages, settings.film)
        for case in chosen
    ]
    return _run_jobs(jobs, settings, settings.workers, settings.json, settings.junit, settings.timing)


def record(settings: RecordSettings) -> int:
    """Runs scenarios and records the planner's replies; returns as `run` does."""
    from rich.console import Console

    from avi_env.scenario.jobs import Job, fresh_replies, replies_file

    chosen = chosen_cases(chosen_scenarios(settings.paths), settings.case)
    jobs = [Job(case, settings.agent, settings.device, "record") for case in chosen]
    files = tuple(dict.fromkeys(replies_file(case) for case in chosen))
    with fresh_replies(() if settings.case else files):
        status = _run_jobs(jobs, settings, 1, settings.json)
        for file in files:
            words = f"wrote {file}" if file.is_file() else f"no replies for {file}: no language model was asked"
            Console().print(words, markup=False, highlight=False, soft_wrap=True)
    return status


def show(settings: ShowSettings) -> int:
    """Writes pages of a scenario's cases, or of a trace; returns 0 whatever the verdict is."""
    from rich.console import Console

    from avi_env.bench.files import output_folder
    from avi_env.scenario.jobs import Job, play_all, show_trace

    folder = output_folder(settings.output)
    if settings.path.endswith(".jsonl"):
        Console().print(f"wrote {show_trace(Path(settings.path), folder)}", soft_wrap=True)
        return 0
    chosen = chosen_cases(chosen_scenarios([settings.path], "", settings.seed), settings.case)
    jobs = [Job(case, settings.agent, settings.device, "auto", folder, "all", settings.film) for case in chosen]
    for report in play_all(jobs):
        Console().print(f"{report.name}: {report.outcome}; wrote {report.page}", markup=False, soft_wrap=True)
    return 0


def check(settings: CheckSettings) -> int:
    """Proves scenarios; returns 0 when all are proven, 1 when one is not, 2 when one could not be run."""
    from avi_env.bench.files import output_folder
    from avi_env.scenario.check import check_jobs, print_proofs, proofs_json, proofs_of

    scenarios = chosen_scenarios(settings.paths)
    folder = output_folder(settings.output) if settings.output is not None else None
    jobs = check_jobs(scenarios, settings.planners, settings.device, folder)
    reports = _played(jobs, settings.workers)
    proofs = proofs_of(scenarios, reports, settings.planners)
    print_proofs(proofs, settings.planners)
    if settings.json is not None:
        _write(settings.json, settings, reports, proofs_json(proofs))
    return max((proof.status for proof in proofs), default=0)


def _run_jobs(
    jobs: Sequence[Job],
    settings: Any,
    workers: int,
    json: Path | None,
    junit: Path | None = None,
    timing: bool = False,
) -> int:
    from avi_env.scenario.junit import write_junit
    from avi_env.scenario.tables import point_rows, print_reports
    from avi_env.whole_file import require_folder

    if junit is not None:
        require_folder(junit)
    reports = _played(jobs, workers)
    points = point_rows([job.case for job in jobs], reports)
    print_reports(reports, points, timing)
    if json is not None:
        _write(json, settings, reports, points)
    if junit is not None:
        write_junit(junit, reports)
    return max(_STATUS[point["outcome"]] for point in points)


def _played(jobs: Sequence[Job], workers: int) -> list[CaseReport]:
    """Plays jobs with a bar, which is gone afterwards."""
    from rich.console import Console
    from rich.progress import track

    from avi_env.scenario.jobs import play_all

    console = Console(stderr=True)
    return list(track(play_all(jobs, workers), "scenarios", total=len(jobs), console=console, transient=True))


def _write(path: Path, settings: Any, reports: Sequence[CaseReport], points: list[dict[str, Any]]) -> None:
    from dataclasses import asdict

    from avi_env.bench.files import write_json
    from avi_env.bench.spec import run_spec

    places = ("json", "junit", "output")  # where files go is not what was run
    arguments = {name: value for name, value in asdict(settings).items() if name not in places}
    spec = run_spec(settings.device, sorted({report.seed for report in reports}), arguments)
    write_json(path, {"spec": spec, "results": [report.to_json() for report in reports], "scenarios": points})
