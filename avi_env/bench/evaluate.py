"""`avi evaluate`: an agent over many houses, with intervals; one that was cut off goes on where it was."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from avi_env.content import content_path, name_error
from avi_env.whole_file import write_whole

if TYPE_CHECKING:
    from avi_env.agents.protocol import Planner

__all__ = ["EvaluateSettings", "Suite", "evaluate", "load_suite", "run_houses", "summarise"]

_SUITE_KEYS = ("calls", "scenes", "schema", "seed", "steps", "summary")


@dataclass(frozen=True)
class EvaluateSettings:
    """Evaluates an agent on one episode in each of a suite's houses: success, SPL, answers, with 95 % intervals."""

    suite: Annotated[str, tyro.conf.Positional] = "house_questions"
    """Suite: a folder of benchmarks/, or a path of your own. It sets what is not given here."""
    planner: str = "rules"
    """Who plans: "rules", "scoring", "chat", or a folder."""
    scenes: str | None = None
    """Houses: "houses:50", "houses:100-149", or names joined by commas."""
    seed: int | None = None
    """Seed of the episodes."""
    sounds: tuple[str, ...] = ()
    """Sound classes to draw from; empty = all."""
    steps: int | None = None
    """Actions at most."""
    calls: int | None = None
    """Planner turns at most."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    llm_url: str = ""
    """Endpoint of the chat planner (AVI_LLM_BASE_URL)."""
    llm_model: str = ""
    """Model of the chat planner (AVI_LLM_MODEL)."""
    output: Path | None = None
    """Folder for episodes.jsonl; an evaluation that was cut off goes on from there."""
    json: Path | None = None
    """File for the summary."""


@dataclass(frozen=True)
class Suite:
    """What suite.toml holds."""

    name: str
    scenes: str
    seed: int
    steps: int
    calls: int


def load_suite(settings: EvaluateSettings) -> Suite:
    """Returns the suite with what the command line says in its place.

    Raises:
        ValueError: no such suite, or a suite.toml with missing or unknown keys.
    """
    folder = content_path("benchmarks", settings.suite)
    path = folder / "suite.toml"
    if not path.is_file():
        raise ValueError(f"{folder} is no suite: it has no suite.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    for key in table:
        if key not in _SUITE_KEYS:
            raise name_error(f"key of {path}", key, _SUITE_KEYS)
    for key in ("scenes", "seed", "steps", "calls"):
        given = getattr(settings, key)
        if given is not None:
            table[key] = given
        elif key not in table:
            raise ValueError(f"{path} lacks {key!r}")
    return Suite(folder.name, str(table["scenes"]), int(table["seed"]), int(table["steps"]), int(table["calls"]))


def evaluate(settings: EvaluateSettings) -> int:
    """Runs the evaluation, prints its table, returns 0."""
    from rich.console import Console
    from rich.table import Table

    from avi_env.bench.files import write_json

    console, suite = Console(), load_suite(settings)
    episodes = run_houses(settings, suite, console)
    summary = summarise(settings, suite, episodes)
    table = Table(title=f"{summary['agent']}: {summary['episodes']} episodes, {suite.scenes}")
    for column in ("measure", "mean", "95 % interval"):
        table.add_column(column)
    for name, value in summary["measures"].items():
        low, high = value["ci95"]
        table.add_row(name, f"{value['mean']:.3f}", f"{low:.3f} ... {high:.3f}")
    console.print(table)
    if settings.json is not None:
        write_json(settings.json, summary)
    return 0


def run_houses(settings: EvaluateSettings, suite: Suite, console: Any) -> list[dict[str, Any]]:
    """Returns one record an episode, those of an earlier, cut-off run included."""
    from rich.progress import track

    from avi_env.agents.load import load_planner
    from avi_env.scene import scene_names

    log = _log_file(settings)
    done = {record["scene"]: record for record in _earlier(log, _arguments(settings, suite))}
    given = {"base_url": settings.llm_url, "model": settings.llm_model}
    planner = load_planner(settings.planner, **{name: value for name, value in given.items() if value})
    console.print(f"planner: [bold]{planner.name}[/]")
    for scene in track(scene_names(suite.scenes), "episodes", console=console, transient=True):
        if scene in done:
            continue
        done[scene] = _one(settings, suite, scene, planner)
        if log is not None:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**done[scene], "arguments": _arguments(settings, suite)}) + "\n")
    return [done[scene] for scene in scene_names(suite.scenes)]


def summarise(settings: EvaluateSettings, suite: Suite, episodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the summary of an evaluation: every measure's mean and 95 % interval, and what it was made with."""
    from avi_env.bench.spec import run_spec
    from avi_env.bench.statistics import mean_interval, proportion_interval

    count = len(episodes)
    measures = {
        name: proportion_interval(sum(bool(e[name]) for e in episodes), count).to_json()
        for name in ("success", "answer_right", "found_and_right")
    }
    for name in ("spl", "soft_spl", "sna", "distance_to_goal", "steps", "calls", "invalid_replies", "tokens"):
        measures[name] = mean_interval([float(e[name]) for e in episodes]).to_json()
    return {
        "suite": suite.name,
        "agent": episodes[0]["planner"],
        "split": suite.scenes,
        "episodes": count,
        "measures": measures,
        "spec": run_spec(settings.device, [suite.seed], _arguments(settings, suite)),
    }


def _one(settings: EvaluateSettings, suite: Suite, scene: str, planner: Planner) -> dict[str, Any]:
    """Plays one episode; returns its measures."""
    from avi_env.agents.loop import NEEDED_SENSORS, RunLimits, run_agent
    from avi_env.envs.single import AviEnv
    from avi_env.tasks.questions import answer_is_right, room_question

    env = AviEnv(scene=scene, sounds=settings.sounds, sensors=NEEDED_SENSORS, device=settings.device)
    observation, info = env.reset(seed=suite.seed)
    question = room_question(env.batch.world.scene(0), env.episode)
    limits = RunLimits(suite.steps, suite.calls)
    done = run_agent(env, planner, question.text, observation=observation, info=info, limits=limits)
    right = done.answer is not None and answer_is_right(done.answer.text, question.answers)
    usage = planner.usage
    return {
        "scene": scene,
        "planner": planner.name,
        "sound": env.episode.sound,
        "geodesic_distance": env.episode.geodesic_distance,
        "answer": done.answer.text if done.answer else "",
        "expected": list(question.answers),
        "answer_right": right,
        "found_and_right": right and bool(done.info["success"]),
        "end": done.ended,
        "steps": len(done.actions),
        "calls": len(done.results),
        "invalid_replies": usage.invalid_replies,
        "tokens": usage.prompt_tokens + usage.completion_tokens,
        **{name: done.info[name] for name in ("success", "spl", "soft_spl", "sna", "distance_to_goal")},
    }


def _arguments(settings: EvaluateSettings, suite: Suite) -> dict[str, Any]:
    """Returns what decides each episode; which houses are played decides only which there are."""
    given = {**dataclasses.asdict(settings), **dataclasses.asdict(suite)}
    left_out = ("output", "json", "scenes", "name")
    return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if name not in left_out}


def _log_file(settings: EvaluateSettings) -> Path | None:
    if settings.output is None:
        return None
    from avi_env.bench.files import output_folder

    return output_folder(settings.output) / "episodes.jsonl"


def _earlier(log: Path | None, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the episodes of an earlier run with the same arguments; drops a line that was cut while being written.

    Raises:
        ValueError: the folder holds an evaluation with other arguments.
    """
    if log is None or not log.exists():
        return []
    whole, records = "", []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if record.pop("arguments") != arguments:
            raise ValueError(f"{log} holds an evaluation with other arguments: choose another --output, or remove it")
        records.append(record)
        whole += line + "\n"
    write_whole(log, whole)
    return records
