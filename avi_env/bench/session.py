"""One episode of an agent, played or replayed, with its record and its footage."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avi_env.agents.backends import SkillBackends, parse_backends
from avi_env.agents.load import load_manifest, load_planner
from avi_env.agents.loop import AgentRun, RunLimits, StepReport, run_agent
from avi_env.agents.perception import Perception
from avi_env.agents.protocol import Answer, Invalid, Planner, PlannerObservation, SkillCall, direction_words
from avi_env.bench.episode_file import EpisodeRecord, SkillRecord, load_episode, split_timing
from avi_env.bench.recorder import Footage
from avi_env.bench.spec import run_spec
from avi_env.envs.single import AviEnv
from avi_env.tasks import Episode
from avi_env.tasks.questions import Question, answer_is_right, room_question

if TYPE_CHECKING:
    from rich.console import Console

    from avi_env.bench.run import RunSettings

__all__ = ["Session", "heard_words", "make_planner", "play", "replay"]

_ENVIRONMENT = "avi_env/AudioNav-v0"
_SURE = 0.4  # probability of a class from which the video names it
_SENSORS = ("rgb", "depth", "audio", "semantic", "pose")


@dataclass
class Session:
    """A finished episode."""

    record: EpisodeRecord
    footage: Footage
    exact: bool = True
    """Of a replay: whether every bit was as recorded."""


class Digest:
    """Hash of all observations of an episode: two episodes with one digest were seen and heard bit for bit alike."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, observation: dict[str, Any]) -> None:
        """Takes one observation in."""
        for name in sorted(observation):
            self._hash.update(np.ascontiguousarray(observation[name]).tobytes())

    def text(self) -> str:
        """Returns the hash so far."""
        return self._hash.hexdigest()


def make_planner(settings: RunSettings) -> Planner:
    """Returns the planner that was asked for, never another one."""
    given = {"base_url": settings.llm_url, "model": settings.llm_model}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    return load_planner(settings.planner, **chosen)


def play(settings: RunSettings, console: Console) -> Session:
    """Lets the agent play one episode, with a live line of what it does."""
    planner, backends = make_planner(settings), parse_backends(settings.skills, load_manifest(settings.planner).skills)
    who = backends.label(planner.name)
    env = AviEnv(
        scene=settings.scene,
        sounds=(settings.sound,) if settings.sound else (),
        sensors=_SENSORS,
        sample_rate=settings.sample_rate,
        device=settings.device,
    )
    console.print(f"planner: [bold]{who}[/]; scene: {settings.scene}; device: {settings.device}")
    with console.status("building the house, baking its sound field"):
        observation, info = env.reset(seed=settings.seed)
    question = _question(env, settings.question)
    console.print(f"question: [bold]{question.text}[/]")
    footage, digest = Footage(env, question.text, f"{settings.scene}, planner {who}"), Digest()
    with console.status("listening") as status:

        def on_step(report: StepReport) -> None:
            digest.add(dict(report.observation))
            skill = report.call.to_text() if report.call else "listening"
            heard, azimuth = heard_words(report.mind)
            footage.add(dict(report.observation), skill, heard, azimuth)
            status.update(f"step {report.step}: {skill}; hears {heard or 'nothing'}")

        done = run_agent(
            env,
            planner,
            question.text,
            observation=observation,
            info=info,
            limits=RunLimits(settings.steps, settings.calls),
            backends=backends,
            on_step=on_step,
            on_call=lambda told, said: _print_call(console, told, said),
        )
    return Session(_record(settings, env, planner, backends, question, done, footage, digest), footage)


def replay(path: Path, console: Console) -> Session:
    """Plays a recorded episode again, action by action, and compares every bit.

    Raises:
        ValueError: the file is no episode, or its scene has changed since.
    """
    record = load_episode(path)
    env = AviEnv(**dict(record.settings))
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.episode.items()}
    episode = Episode(**given)
    observation, info = env.reset(seed=record.seed, options={"episode": episode})
    found = env.batch.world.scene(0).digest
    if found != record.scene_digest:
        raise ValueError(f"scene {record.scene!r} is not the one of {path}: it was changed, or made by another version")
    console.print(f"replaying {path}: {len(record.actions)} actions, planned by {record.planner.get('name')}")
    footage, digest = Footage(env, record.question, f"{record.scene}, replay"), Digest()
    skills = _skill_per_step(record)
    digest.add(observation)
    footage.add(observation, skills[0], "", None)
    for step, action in enumerate(record.actions):
        observation, _, _, _, info = env.step(action)
        digest.add(observation)
        footage.add(observation, skills[min(step + 1, len(skills) - 1)], "", None)
    footage.conclude(record.answer, record.answer_right)
    same = (
        digest.text() == record.observations_sha256
        and footage.trajectory == [list(pose) for pose in record.trajectory]
        and all(record.measures[name] == value for name, value in info.items())
    )
    return Session(record, footage, same)


def _question(env: AviEnv, text: str) -> Question:
    return Question(text, ()) if text else room_question(env.batch.world.scene(0), env.episode)


def heard_words(mind: Perception) -> tuple[str, float | None]:
    """Returns what the agent takes itself to hear, in words, and from where [deg clockwise]."""
    if not mind.hearing.is_on(mind.time_s):
        return "", None
    name, sure = mind.recognition.verdict
    azimuth = math.degrees(math.remainder(mind.yaw - mind.hearing.direction.bearing, math.tau))
    kind = name.replace("_", " ") if sure >= _SURE else "a sound"
    return f"{kind}, {direction_words(azimuth)}, {mind.hearing.last_level_db:.0f} dB", azimuth


def _print_call(console: Console, told: PlannerObservation, said: SkillCall | Answer | Invalid) -> None:
    from rich.markup import escape

    if isinstance(said, Invalid):
        console.print(f"[{told.time_s:6.2f} s] [red]invalid reply[/]: {escape(said.reason)}", highlight=False)
        return
    words = said.to_text() if isinstance(said, SkillCall) else f"answer: {said.text}"
    why = f" [dim]{escape(said.reason)}[/]" if said.reason else ""
    console.print(f"\\[{told.time_s:6.2f} s] [bold]{escape(words)}[/]{why}", highlight=False)


def _record(
    settings: RunSettings,
    env: AviEnv,
    planner: Planner,
    backends: SkillBackends,
    question: Question,
    done: AgentRun,
    footage: Footage,
    digest: Digest,
) -> EpisodeRecord:
    given = done.answer.text if done.answer else ""
    right = answer_is_right(given, question.answers) if question.answers else None
    footage.conclude(given, right)
    transcript, seconds = split_timing(done.transcript)
    usage = dataclasses.asdict(planner.usage)
    planning = usage.pop("seconds")
    arguments = {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(settings).items()}
    for name in ("name", "output", "json", "replay"):  # where files go is not what the run is
        arguments.pop(name)
    return EpisodeRecord(
        environment=_ENVIRONMENT,
        scene=settings.scene,
        scene_digest=env.batch.world.scene(0).digest,
        seed=settings.seed,
        settings=dataclasses.asdict(env.config),
        episode=dataclasses.asdict(env.episode),
        planner={"name": backends.label(planner.name), "usage": usage},
        actions=done.actions,
        question=question.text,
        answer=given,
        expected_answer=" or ".join(question.answers),
        answer_right=right,
        success=bool(done.info.get("success")) and right is not False,
        end=done.ended,
        skills=_skills(done),
        transcript=transcript,
        trajectory=footage.trajectory,
        measures={"reward": done.reward, "steps": len(done.actions), **done.info},
        observations_sha256=digest.text(),
        spec=run_spec(settings.device, [settings.seed], arguments),
        timing={"planning_seconds": planning, "transcript_seconds": seconds},
    )


def _skills(done: AgentRun) -> tuple[SkillRecord, ...]:
    records, first = [], 0
    for result in done.results:
        call = result.call
        records.append(
            SkillRecord(
                call.name,
                dict(call.arguments),
                call.reason,
                result.status,
                result.code,
                result.message,
                first,
                result.steps,
                result.sim_seconds,
                result.path_m,
            )
        )
        first += result.steps
    return tuple(records)


def _skill_per_step(record: EpisodeRecord) -> list[str]:
    """Returns the skill that each observation belongs to, the first one being from before any action."""
    names = ["listening"]
    for skill in record.skills:
        arguments = ", ".join(f"{k}={v}" for k, v in skill.arguments.items())
        names += [f"{skill.name}({arguments})"] * skill.steps
    return names
