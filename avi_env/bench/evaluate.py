"""`avi evaluate`: an agent over many houses, with intervals; one that was cut off goes on where it was."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avi_env.agents.protocol import Planner

__all__ = ["EvaluateSettings", "evaluate", "run_houses", "summarise"]


@dataclass(frozen=True)
class EvaluateSettings:
    """Evaluates an agent on one episode in each of many houses: success, SPL, answers, with confidence intervals."""

    planner: str = "rules"
    """Who plans: "rules", "scoring", "chat", or a folder."""
    scenes: str = "houses:50"
    """Houses: "houses:50", "houses:100-149", or names joined by commas."""
    seed: int = 0
    """Seed of the episodes."""
    sounds: tuple[str, ...] = ()
    """Sound classes to draw from; empty = all."""
    steps: int = 500
    """Actions at most."""
    calls: int = 40
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


def evaluate(settings: EvaluateSettings) -> int:
    """Runs the evaluation, prints its table, returns 0."""
    from rich.console import Console
    from rich.table import Table

    from avi_env.bench.files import write_json

    console = Console()
    episodes = run_houses(settings, console)
    summary = summarise(settings, episodes)
    table = Table(title=f"{summary['agent']}: {summary['episodes']} episodes, {settings.scenes}")
    for column in ("measure", "mean", "95 % interval"):
        table.add_column(column)
    for name, value in summary["measures"].items():
        low, high = value["ci95"]
        table.add_row(name, f"{value['mean']:.3f}", f"{low:.3f} ... {high:.3f}")
    console.print(table)
    if settings.json is not None:
        write_json(settings.json, summary)
    return 0


def run_houses(settings: EvaluateSettings, console: Any) -> list[dict[str, Any]]:
    """Returns one record an episode, those of an earlier, cut-off run included."""
    from rich.progress import track

    from avi_env.agents.load import load_planner
    from avi_env.scene import scene_names

    log = _log_file(settings)
    done = {record["scene"]: record for record in _earlier(log, settings)}
    given = {"base_url": settings.llm_url, "model": settings.llm_model}
    planner = load_planner(settings.planner, **{name: value for name, value in given.items() if value})
    console.print(f"planner: [bold]{planner.name}[/]")
    for scene in track(scene_names(settings.scenes), "episodes", console=console, transient=True):
        if scene in done:
            continue
        done[scene] = _one(settings, scene, planner)
        if log is not None:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**done[scene], "arguments": _arguments(settings)}) + "\n")
    return [done[scene] for scene in scene_names(settings.scenes)]


def summarise(settings: EvaluateSettings, episodes: list[dict[str, Any]]) -> dict[str, Any]:
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
        "suite": "audio_nav_question",
        "agent": episodes[0]["planner"],
        "split": settings.scenes,
        "episodes": count,
        "measures": measures,
        "spec": run_spec(settings.device, [settings.seed], _arguments(settings)),
    }


def _one(settings: EvaluateSettings, scene: str, planner: Planner) -> dict[str, Any]:
    """Plays one episode; returns its measures."""
    from avi_env.agents.loop import NEEDED_SENSORS, RunLimits, run_agent
    from avi_env.envs.single import AviEnv
    from avi_env.tasks.questions import answer_is_right, room_question

    env = AviEnv(scene=scene, sounds=settings.sounds, sensors=NEEDED_SENSORS, device=settings.device)
    observation, info = env.reset(seed=settings.seed)
    question = room_question(env.batch.world.scene(0), env.episode)
    limits = RunLimits(settings.steps, settings.calls)
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


def _arguments(settings: EvaluateSettings) -> dict[str, Any]:
    """Returns what decides the result, without where files go."""
    given = dataclasses.asdict(settings)
    return {name: value for name, value in given.items() if name not in ("output", "json", "scenes")}


def _log_file(settings: EvaluateSettings) -> Path | None:
    if settings.output is None:
        return None
    settings.output.mkdir(parents=True, exist_ok=True)
    return settings.output / "episodes.jsonl"


def _earlier(log: Path | None, settings: EvaluateSettings) -> list[dict[str, Any]]:
    """Returns the episodes of an earlier run with the same arguments.

    Raises:
        ValueError: the folder holds an evaluation with other arguments.
    """
    if log is None or not log.exists():
        return []
    records = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line that was being written when the run was cut off
        if record.pop("arguments") != json.loads(json.dumps(_arguments(settings))):
            raise ValueError(f"{log} holds an evaluation with other arguments: choose another --output, or remove it")
        records.append(record)
    return records
