"""Files of episodes: gzipped JSON with the field names of SoundSpaces and Habitat, ours under the key "avi_env"."""

from __future__ import annotations

import gzip
import json
import math
import types
import typing
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avi_env.content import name_error
from avi_env.navigation import WalkableGrid, distance_field, field_lookup, snap_point
from avi_env.scene import Scene, load_scene, with_doors
from avi_env.scene.outline import in_room
from avi_env.tasks.door_events import moving_doors, passable_grid
from avi_env.tasks.episodes import Episode
from avi_env.whole_file import write_whole

if TYPE_CHECKING:
    from avi_env.tasks.soundspaces_episodes import SoundSpacesFolders

__all__ = ["check_episode", "check_start", "episode_record", "load_episodes", "save_episodes"]

OURS = "avi_env"
"""Key of an episode's record that holds all of an `Episode`."""

_NEEDED = ("episode_id", "scene_id", "start_position", "start_rotation", "info", "goals", OURS)
_OPTIONAL = (
    "distractor_position",
    "distractor_sound_id",
    "duration",
    "object_category",
    "offset",
    "question",
    "sound_id",
    "start_room",
)
_SAME = ("episode_id", "scene_id", "start_position", "start_rotation", "info")  # told twice, so they must agree
_REACH = 0.25  # [m] that a start or goal of another simulator may lie beside our grid
_REMEDY = "write it anew with `avi bench episodes`, or correct it by hand"


def save_episodes(path: str | Path, episodes: Sequence[Episode], scene_of: Callable[[str], Scene] = load_scene) -> None:
    """Writes episodes, completely or not at all; the same episodes give the same bytes.

    Args:
        path: the file, "val.json.gz" for instance; its folder exists.
        episodes: in the order of the file.
        scene_of: gives the scene of a name, for the names of objects and rooms.
    """
    scene = lru_cache(maxsize=4)(scene_of)
    records = [episode_record(episode, scene(episode.scene)) for episode in episodes]
    text = json.dumps({"episodes": records}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    write_whole(path, gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))


def load_episodes(
    path: str | Path, folders: SoundSpacesFolders | None = None, scene_of: Callable[[str], Scene] = load_scene
) -> list[Episode]:
    """Returns the episodes of a file that `save_episodes` wrote, or that is SoundSpaces' or Habitat's.

    Args:
        path: the file. If SoundSpaces keeps its episodes by scene, in `content/` beside it, those are returned.
        folders: for files of SoundSpaces and Habitat: where the scenes and sounds are that they name.
        scene_of: gives the scene of a name; asked for files of SoundSpaces and Habitat.

    Raises:
        FileNotFoundError: no such file, or no such scene.
        ValueError: it is cut off or no JSON; an episode lacks a key, has an unknown one or a value of a wrong type, or
            tells start, scene or distance twice and differently. The message names file, episode and remedy.
    """
    scene = lru_cache(maxsize=2)(scene_of)
    content = sorted((Path(path).parent / "content").glob("*.json.gz"))
    rows = _rows(Path(path))
    named = [(f"{path}: episode {number}", row) for number, row in enumerate(rows)]
    if not rows:
        named = [(f"{file}: episode {number}", row) for file in content for number, row in enumerate(_rows(file))]
    return [_episode(row, where, folders, scene) for where, row in named]


def _rows(path: Path) -> list[Any]:
    data = _read(path)
    rows = data.get("episodes") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f"{path} is no file of episodes: it needs a list under the key 'episodes'")
    return rows


def episode_record(episode: Episode, scene: Scene) -> dict[str, Any]:
    """Returns an episode as it is written to a file.

    SoundSpaces and Habitat read position and rotation (x, y, z, w), goals, sound and categories; `avi_env` holds what
    an `Episode` needs, values that are the default left out.

    Source: SoundSpaces, soundspaces/datasets/semantic_audionav_dataset.py; Habitat-Lab, PointNav and ObjectNav
    datasets (names of the fields).
    """
    body = next((item for item in scene.objects if item.id == episode.goal_object), None)
    room = _room_at(scene, episode.goal_position)
    category = body.category if body is not None else episode.goal_category
    goal = {
        "position": list(episode.goal_position),
        "radius": None,
        "object_id": episode.goal_object,
        "object_name": body.name if body is not None else "",
        "object_category": category,
        "room_id": -1 if room is None else room.id,
        "room_name": "" if room is None else room.name,
        "view_points": [list(episode.goal_position)],
    }
    record: dict[str, Any] = {**_shared(episode), "goals": [goal], "object_category": category}
    if episode.sound:
        record["sound_id"] = episode.sound
    if episode.schedule is not None:
        record["offset"] = episode.schedule.start
        if math.isfinite(episode.schedule.on):
            record["duration"] = episode.schedule.on
    if episode.distractors:
        record["distractor_sound_id"] = episode.distractors[0].sound
        record["distractor_position"] = list(episode.distractors[0].position)
    return {**record, OURS: _ours(episode)}


def check_episode(scene: Scene, episode: Episode, *, agent_radius: float = 0.2, agent_height: float = 1.5) -> None:
    """Finds out whether an episode can be played in a scene.

    Args:
        scene: the scene that the episode names.
        episode: the episode.
        agent_radius: of who walks there [m].
        agent_height: of who walks there [m].

    Raises:
        ValueError: it starts, or has its goal, outside the walkable area, or no way leads from one to the other.
    """
    who = f"episode {episode.episode_id!r}" if episode.episode_id else "the episode"
    place = with_doors(scene, dict(episode.doors)) if episode.doors else scene
    grid = passable_grid(place, moving_doors(place, episode.door_events), agent_radius, agent_height)
    check_start(episode, grid)
    goal = np.array(episode.goal_position, dtype=np.float64)
    apart = _distance_beside(grid, goal)
    if apart > _REACH:
        raise ValueError(
            f"{who} has its goal at {np.round(goal, 3).tolist()} in scene {episode.scene!r}, {apart:.2f} m from the "
            "nearest place where the agent can stand: is it an episode of another scene?"
        )
    start = np.array(episode.start_position, dtype=np.float32)[None]
    if not np.isfinite(
        field_lookup(distance_field(grid, snap_point(grid, goal)), grid, snap_point(grid, start[0])[None])[0]
    ):
        raise ValueError(f"{who}: no way leads from its start to its goal in scene {episode.scene!r}: choose another")


def check_start(episode: Episode, grid: WalkableGrid) -> None:
    """Finds out whether an episode starts where an agent can stand.

    Raises:
        ValueError: it does not.
    """
    start, yaw = np.array(episode.start_position, dtype=np.float64), float(episode.start_yaw)
    if not (np.all(np.isfinite(start)) and np.isfinite(yaw)):
        raise ValueError(f"an episode starts at a finite position and yaw, not at {start.tolist()}, {yaw:g} rad")
    apart = _distance_beside(grid, start)
    if apart > _REACH:
        raise ValueError(
            f"the episode starts at {np.round(start, 3).tolist()} in scene {episode.scene!r}, {apart:.2f} m from the "
            f"nearest place where the agent can stand: is it an episode of another scene?"
        )


def _distance_beside(grid: WalkableGrid, point: np.ndarray) -> float:
    """How far a point is from where one can stand, seen from above [m]."""
    if not np.all(np.isfinite(point)):
        return math.inf
    return float(np.linalg.norm((snap_point(grid, point) - point)[[0, 2]]))


def _shared(episode: Episode) -> dict[str, Any]:
    """Returns what SoundSpaces and Habitat tell of every episode."""
    half = 0.5 * episode.start_yaw
    return {
        "episode_id": episode.episode_id,
        "scene_id": episode.scene,
        "start_position": list(episode.start_position),
        "start_rotation": [0.0, round(math.sin(half), 9), 0.0, round(math.cos(half), 9)],
        "info": {
            "geodesic_distance": episode.geodesic_distance,
            "num_action": episode.oracle_actions,
            "sound": episode.sound,
        },
    }


def _ours(episode: Episode) -> dict[str, Any]:
    """Returns the fields of an episode that are not their default."""
    values = asdict(episode)
    return {
        f.name: values[f.name] for f in fields(episode) if f.default is MISSING or getattr(episode, f.name) != f.default
    }


def _room_at(scene: Scene, point: tuple[float, float, float]) -> Any:
    place = np.array(point)[None] + np.array([0.0, 0.5, 0.0])  # above the floor, whichever way that is rounded
    return next((room for room in scene.rooms if in_room(room, place)[0]), None)


def _read(path: Path) -> Any:
    """Returns the JSON value in a file, gzipped or not."""
    if not path.is_file():
        raise FileNotFoundError(f"no file of episodes at {path}: write one with `avi bench episodes`")
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is cut off or damaged ({error}): copy it again, or {_REMEDY}") from error
    try:
        return json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is neither JSON nor gzipped JSON ({error}): {_REMEDY}") from error


def _episode(row: Any, where: str, folders: SoundSpacesFolders | None, scene_of: Callable[[str], Scene]) -> Episode:
    if not isinstance(row, dict):
        raise ValueError(f"{where} must be a JSON object, not {_kind(row)}: {_REMEDY}")
    where = f"{where} ({row['episode_id']!r})" if "episode_id" in row else where
    if OURS not in row:
        if folders is None:
            raise ValueError(
                f"{where}: the key {OURS!r} is missing: {_REMEDY}; of an episode of SoundSpaces or Habitat say where "
                "its scenes and sounds are: load_episodes(path, SoundSpacesFolders(scenes=..., sounds=...))"
            )
        from avi_env.tasks.soundspaces_episodes import soundspaces_episode  # which checks places as this module does

        return soundspaces_episode(row, folders, where, scene_of)
    _check_keys(row, _NEEDED, (*_NEEDED, *_OPTIONAL), where)
    if not isinstance(row[OURS], dict):
        raise ValueError(f"{where}: {OURS!r} must be a JSON object, not {_kind(row[OURS])}: {_REMEDY}")
    _check_fields(row[OURS], Episode, f"{where}: {OURS}")
    episode = Episode(**row[OURS])
    for name, told in _shared(episode).items():
        if name in _SAME and not _alike(row[name], told):
            raise ValueError(f"{where}: {name} is {row[name]}, but {OURS} makes it {told}: change both alike")
    return episode


def _alike(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, numbers to 1e-6."""
    if isinstance(one, bool) or isinstance(other, bool) or isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return bool(one == other)


def _check_keys(row: Mapping[str, Any], needed: Sequence[str], known: Sequence[str], where: str) -> None:
    for key in row:
        if key not in known:
            raise ValueError(f"{where}: {name_error('key', key, known)}")
    for key in needed:
        if key not in row:
            raise ValueError(f"{where}: the key {key!r} is missing: {_REMEDY}")


def _check_fields(row: Mapping[str, Any], kind: type[Any], where: str) -> None:
    """Checks keys and types of a JSON object against a dataclass."""
    hints, parts = _hints(kind), fields(kind)
    needed = [f.name for f in parts if f.default is MISSING and f.default_factory is MISSING]
    _check_keys(row, needed, [f.name for f in parts], where)
    for name, value in row.items():
        _check_type(value, hints[name], f"{where}.{name}")


def _hints(kind: type[Any]) -> dict[str, Any]:
    from avi_env.tasks.questions import Question  # questions are asked about episodes, which know them by name alone

    return typing.get_type_hints(kind, localns={"Question": Question})


def _check_type(value: Any, hint: Any, where: str) -> None:
    """Checks a JSON value against an annotation: plain types, tuples, unions, dataclasses."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
        if value is not None or len(choices) == len(typing.get_args(hint)):
            _check_type(value, choices[0], where)
    elif is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a JSON object, not {_kind(value)}: {_REMEDY}")
        _check_fields(value, hint, where)
    elif _is_tuple(hint):
        _check_tuple(value, hint, where)
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise ValueError(f"{where} must be a number, not {_kind(value)}: {_REMEDY}")
    elif isinstance(hint, type) and (type(value) is not hint):
        raise ValueError(f"{where} must be of type {hint.__name__}, not {_kind(value)}: {_REMEDY}")


def _is_tuple(hint: Any) -> bool:
    return typing.get_origin(hint) is tuple or hasattr(hint, "_fields")


def _check_tuple(value: Any, hint: Any, where: str) -> None:
    if not isinstance(value, list):
        raise ValueError(f"{where} must be a list, not {_kind(value)}: {_REMEDY}")
    inner = tuple(_hints(hint).values()) if hasattr(hint, "_fields") else typing.get_args(hint)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(value) != len(inner):
        raise ValueError(f"{where} must hold {len(inner)} values, not {len(value)}: {_REMEDY}")
    for number, (one, kind) in enumerate(zip(value, inner, strict=True)):
        _check_type(one, kind, f"{where}[{number}]")


def _kind(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
