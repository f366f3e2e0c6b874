"""The record of one episode: all that it was made of and all that came of it, enough to replay it bit for bit."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from avi_env.content import name_error
from avi_env.whole_file import write_whole

__all__ = ["SCHEMA_VERSION", "EpisodeRecord", "SkillRecord", "load_episode", "save_episode", "split_timing"]

SCHEMA_VERSION = 1
"""Version of the file's layout."""

_TIMED = ("seconds",)  # keys of a transcript entry and of a bill that are wall-clock time


@dataclass(frozen=True)
class SkillRecord:
    """One skill that was called and what came of it."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    """Why the planner chose it, in its words."""
    status: str = ""
    """success, failure, timeout, interrupted ..."""
    code: str = ""
    message: str = ""
    first_step: int = 0
    """Environment step before its first action."""
    steps: int = 0
    sim_seconds: float = 0.0
    path_m: float = 0.0


@dataclass(frozen=True)
class EpisodeRecord:
    """What `episode.json` holds. Everything but `timing` is equal when the same run is made again."""

    environment: str
    """Gymnasium id: "avi_env/AudioNav-v0"."""
    scene: str
    """Name or path of the scene."""
    scene_digest: str
    """Hash of geometry and materials, so that a replay in a changed scene is found out."""
    seed: int
    settings: Mapping[str, Any]
    """Arguments of the environment."""
    episode: Mapping[str, Any]
    """The episode drawn from the seed: start, source, goal, sound and its variant."""
    planner: Mapping[str, Any]
    """Name, model and settings of the planner that ran, and its usage."""
    actions: Sequence[Any]
    """Every action in order: a number each (discrete) or a row of numbers (continuous)."""
    question: str = ""
    answer: str = ""
    expected_answer: str = ""
    answer_right: bool | None = None
    """None when there was no question."""
    success: bool = False
    """Whether the agent stopped at the goal and, where there was a question, answered right."""
    end: str = ""
    """Why the episode ended: "answer", "stop", "step limit", "call limit", "invalid replies" ..."""
    skills: Sequence[SkillRecord] = ()
    transcript: Sequence[Mapping[str, Any]] = ()
    """What the planner was asked and what it said, without wall-clock times: see `split_timing`."""
    trajectory: Sequence[Sequence[float]] = ()
    """Pose before each action and at the end: x, y, z [m], yaw [rad], world frame."""
    observations_sha256: str = ""
    """Hash over every observation: a replay that reaches it saw and heard the same bits."""
    measures: Mapping[str, Any] = field(default_factory=dict)
    """Reward, SPL, SoftSPL, SNA, distance to goal, steps ...; what is infinite or undefined is None."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Commit, versions, device, arguments."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """Timestamps and wall-clock durations: the only part that differs from run to run."""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name == "skills":
                plain: Any = tuple(s if isinstance(s, SkillRecord) else SkillRecord(**s) for s in value)
            else:
                plain = _plain(value, item.name)
            object.__setattr__(self, item.name, plain)

    def to_dict(self) -> dict[str, Any]:
        """Returns the record as it is written: plain JSON values only."""
        record: dict[str, Any] = _plain(dataclasses.asdict(self), "record")
        return record

    def comparable(self) -> dict[str, Any]:
        """Returns the record without `timing`: equal for two runs with equal arguments."""
        return {key: value for key, value in self.to_dict().items() if key != "timing"}

    def to_json(self) -> str:
        """Returns the file's text; numbers keep every bit."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def save_episode(path: str | Path, record: EpisodeRecord) -> None:
    """Writes `episode.json`, completely or not at all."""
    write_whole(path, record.to_json())


def load_episode(path: str | Path) -> EpisodeRecord:
    """Reads an episode for replay.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no JSON, another schema version, an unknown or a missing key.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no episode file: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} is no episode file: it holds no JSON object")
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{path} has schema version {version}, this avi-env reads {SCHEMA_VERSION}: "
            "replay it with the version of avi-env that its `spec` names"
        )
    _check_keys(EpisodeRecord, data, f"{path}")
    skills = data.get("skills", [])
    if not isinstance(skills, list):
        raise ValueError(f"{path}: skills must be a list")
    for number, skill in enumerate(skills):
        _check_keys(SkillRecord, skill, f"{path}: skill {number}")
    return EpisodeRecord(**data)


def split_timing(entries: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[float]]:
    """Parts transcript entries from their wall-clock seconds, which belong into `timing`."""
    rest = [{key: value for key, value in entry.items() if key not in _TIMED} for entry in entries]
    return rest, [float(entry.get("seconds", 0.0)) for entry in entries]


def _check_keys(kind: type[Any], data: object, what: str) -> None:
    if not isinstance(data, dict):
        raise ValueError(f"{what} must be a JSON object")
    fields = {item.name: item for item in dataclasses.fields(kind)}
    for key in data:
        if key not in fields:
            raise ValueError(f"{what}: {name_error('key', key, fields)}")
    for name, item in fields.items():
        needed = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if needed and name not in data:
            raise ValueError(f"{what}: the key {name!r} is missing")


def _plain(value: Any, where: str) -> Any:
    """Turns arrays, tuples, paths and dataclasses into plain JSON values; a number that JSON lacks becomes None."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return _plain(value.tolist(), where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value), where)
    raise TypeError(f"{where}: a {type(value).__name__} cannot be written to an episode file")
