"""Episodes in the files of SoundSpaces and Habitat, for scenes and sounds that the user has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.navigation import ShortestPathFollower, distance_field, field_lookup, walkable_grid
from avi_env.scene import Scene
from avi_env.scene.datasets.quaternions import rotation_matrix
from avi_env.sounds import Schedule, sound_library
from avi_env.tasks.episode_files import check_episode
from avi_env.tasks.episodes import Episode, arrival_points
from avi_env.tasks.questions.staging import Body
from avi_env.tasks.sources import Distractor, triple

__all__ = ["SoundSpacesFolders", "soundspaces_episode"]

_NEEDED = ("episode_id", "scene_id", "start_position", "start_rotation", "goals")
_READ = (
    "distractor_position",
    "distractor_position_index",
    "distractor_sound_id",
    "duration",
    "info",
    "object_category",
    "offset",
    "sound_id",
)
_PASSED_OVER = ("additional_obj_config_paths", "scene_dataset_config", "scene_state", "shortest_paths", "start_room")
_PREFIXES = ("data/scene_datasets/", "data/scene_dataset/")
_ABOVE = np.array([0.0, 1.5, 0.0])  # [m] from a goal to its source (SoundSpaces 2.0)
_EAR_HEIGHTS = {"replica": 1.5528907}  # [m] at which points.txt has its points (SoundSpaces 1)
_EAR_HEIGHT = 1.5  # ... of the other data sets
_TILT = 1e-3  # sine of the angle by which a start may lean
_SOUND_ENDINGS = ("", ".wav", ".flac", ".ogg")


@dataclass(frozen=True)
class SoundSpacesFolders:
    """Where the things are that episodes of SoundSpaces and Habitat name, and who walks there."""

    scenes: str | Path
    """Folder of the scenes, as Habitat's `data/scene_datasets`: it holds "mp3d/17DRP5sb8fy/17DRP5sb8fy.glb"."""
    sounds: str | Path = ""
    """Folder of the sounds, as `data/sounds/1s_all`."""
    distractors: str | Path = ""
    """Folder of the distractors' sounds, as `data/sounds/1s_all_distractor`; "" = that of the sounds."""
    points: str | Path = ""
    """Folder of the graphs' points, as `data/metadata`: it holds "mp3d/17DRP5sb8fy/points.txt". For distractors."""
    body: Body = field(default_factory=Body)
    """Whose way and number of actions to the goal are found."""


def soundspaces_episode(
    row: Mapping[str, Any], folders: SoundSpacesFolders, where: str, scene_of: Callable[[str], Scene]
) -> Episode:
    """Returns an episode of AudioNav or SemanticAudioNav (it has a sound), or of PointNav.

    The source is 1.5 m above the first goal. Distance and number of actions are those of our own paths, not the
    file's, since measures compare with what can be walked here. `offset` is when the sound begins, `duration` how long
    it lasts [s]; without a duration it has no end.

    Args:
        row: the episode as the file has it.
        folders: where scenes and sounds are.
        where: file and number, for messages.
        scene_of: gives the scene of a path.

    Raises:
        ValueError: a missing or unknown key, a start that is not upright, a sound that is not there, a start or goal
            outside the walkable area, an episode of another task.
        FileNotFoundError: the scene is not there.

    Source: SoundSpaces, soundspaces/datasets/audionav_dataset.py and semantic_audionav_dataset.py (fields),
    soundspaces/continuous_simulator.py (height of the source), scripts/generate_*_metadata.py (points).
    """
    known = (*_NEEDED, *_READ, *_PASSED_OVER)
    for key in row:
        if key not in known:
            raise ValueError(f"{where}: {name_error('key', key, known)}")
    for key in _NEEDED:
        if key not in row:
            raise ValueError(f"{where}: the key {key!r} is missing")
    path = _scene_path(str(row["scene_id"]), folders, where)
    goal = _point(_first_goal(row, where).get("position"), f"{where}: goals[0].position")
    sound = _sound(row, folders, where)
    episode = Episode(
        scene=str(path),
        start_position=triple(_point(row["start_position"], f"{where}: start_position")),
        start_yaw=_yaw(row["start_rotation"], where),
        source_position=triple(goal + (_ABOVE if sound else 0.0)),
        goal_position=triple(goal),
        goal_object=-1,
        sound=sound,
        sound_variant=0,
        geodesic_distance=0.0,
        oracle_actions=0,
        distractors=_distractors(row, folders, where),
        schedule=_schedule(row, where),
        episode_id=str(row["episode_id"]),
    )
    try:
        return _measured(episode, scene_of(str(path)), folders.body)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _measured(episode: Episode, scene: Scene, body: Body) -> Episode:
    """Returns an episode with the place, the distance and the number of actions at which its goal is reached."""
    check_episode(scene, episode, agent_radius=body.radius, agent_height=body.height)
    grid = walkable_grid(scene, body.radius, body.height)
    points = arrival_points(scene, grid, episode)
    away, start = distance_field(grid, points), np.array(episode.start_position, dtype=np.float32)
    follower = ShortestPathFollower(grid, points, forward=body.forward, turn_deg=body.turn_deg, field=away)
    return replace(
        episode,
        goal_position=triple(points[0]),
        geodesic_distance=float(field_lookup(away, grid, start[None])[0]),
        oracle_actions=follower.action_count(start, episode.start_yaw),
    )


def _scene_path(scene_id: str, folders: SoundSpacesFolders, where: str) -> Path:
    plain = next((scene_id.removeprefix(p) for p in _PREFIXES if scene_id.startswith(p)), scene_id)
    path = Path(folders.scenes) / plain
    if not path.exists():
        raise FileNotFoundError(
            f"{where}: its scene_id is {scene_id!r}, but there is no {path}: "
            f"SoundSpacesFolders(scenes=...) is the folder that holds {plain!r}"
        )
    return path


def _first_goal(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    goals = row["goals"]
    if not isinstance(goals, list) or not goals or not isinstance(goals[0], dict):
        raise ValueError(f"{where}: goals must be a list of at least one goal with its position, not {goals!r}")
    found: Mapping[str, Any] = goals[0]
    return found


def _sound(row: Mapping[str, Any], folders: SoundSpacesFolders, where: str) -> str:
    """Returns the name of the goal's sound, "" where the task is PointNav's."""
    info = row.get("info") or {}
    named = row.get("sound_id") or info.get("sound")
    if named:
        key = "sound_id" if row.get("sound_id") else "info.sound"
        return _library_name(str(named), folders.sounds, f"{where}: its {key}", "sounds")
    if row.get("object_category"):
        raise ValueError(
            f"{where} seeks an object of category {row['object_category']!r} without a sound: of Habitat's episodes "
            "those of PointNav are read, of SoundSpaces' all"
        )
    return ""


def _library_name(named: str, folder: str | Path, where: str, keyword: str) -> str:
    """Returns the name under which a file of the user's sounds is known."""
    told = f"SoundSpacesFolders({keyword}=...) is the folder that holds it"
    if not str(folder):
        raise ValueError(f"{where} is {named!r}: {told}")
    wanted = [Path(folder) / f"{named}{ending}" for ending in _SOUND_ENDINGS]
    found = next((sound.name for sound in sound_library(folder).sounds if sound.file in wanted), None)
    if found is None:
        raise ValueError(f"{where} is {named!r}, but there is no {wanted[0]}, as it is or as .wav: {told}")
    return found


def _schedule(row: Mapping[str, Any], where: str) -> Schedule | None:
    """Returns when the goal sounds; None = as the environment is told."""
    start, on = row.get("offset", 0.0), row.get("duration", math.inf)
    for key, value in (("offset", start), ("duration", on)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{where}: {key} must be a number of seconds, not {value!r}")
    if "offset" not in row and "duration" not in row:
        return None
    try:
        return Schedule(float(start), float(on), count=1)
    except ValueError as error:
        raise ValueError(f"{where}: offset {start}, duration {on}: {error}") from error


def _distractors(row: Mapping[str, Any], folders: SoundSpacesFolders, where: str) -> tuple[Distractor, ...]:
    """Returns the sound that is not the goal's, if there is one."""
    named = row.get("distractor_sound_id")
    if not named:
        return ()
    folder, keyword = (folders.distractors, "distractors") if str(folders.distractors) else (folders.sounds, "sounds")
    sound = _library_name(str(named), folder, f"{where}: its distractor_sound_id", keyword)
    if "distractor_position" in row:
        place = _point(row["distractor_position"], f"{where}: distractor_position")
    else:
        place = _node(row, folders, where) + _ABOVE
    return (Distractor(sound, 0, triple(place)),)


def _node(row: Mapping[str, Any], folders: SoundSpacesFolders, where: str) -> npt.NDArray[np.float64]:
    """Returns the place on the floor of the graph's node at which the distractor is [m], shape (3,)."""
    index, parts = row.get("distractor_position_index"), str(row["scene_id"])
    plain = next((parts.removeprefix(p) for p in _PREFIXES if parts.startswith(p)), parts)
    place = "/".join(plain.split("/")[:2])
    file = Path(folders.points) / place / "points.txt"
    if not str(folders.points) or not file.is_file():
        raise ValueError(
            f"{where}: its distractor is at node {index} of SoundSpaces' graph: SoundSpacesFolders(points=...) is the "
            f"folder that holds {place}/points.txt"
        )
    table = np.loadtxt(file, dtype=np.float64, ndmin=2)
    found = table[table[:, 0] == index]
    if len(found) != 1:
        raise ValueError(f"{where}: {file} has no node {index}, at which its distractor is")
    _, x, y, z = found[0]
    return np.array([x, z - _EAR_HEIGHTS.get(plain.split("/")[0], _EAR_HEIGHT), -y])


def _yaw(rotation: Any, where: str) -> float:
    """Returns the yaw of a quaternion x, y, z, w that turns about the vertical, in [0, 2 pi)."""
    try:
        matrix = rotation_matrix(rotation)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: start_rotation: {error}") from error
    if matrix.shape != (3, 3) or matrix[1, 1] < math.sqrt(1.0 - _TILT**2):
        raise ValueError(f"{where}: start_rotation {rotation} is not upright: x and z of a quaternion x, y, z, w are 0")
    return float(math.atan2(matrix[0, 2], matrix[0, 0]) % (2.0 * math.pi))


def _point(value: Any, where: str) -> npt.NDArray[np.float64]:
    try:
        point = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        point = np.zeros(0)
    if point.shape != (3,) or not np.all(np.isfinite(point)):
        raise ValueError(f"{where} must be three finite numbers, not {value!r}")
    return point
