"""How sources sound at places of a house: responses at both ears, as an agent hears them: many for one bake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics import render_rirs
from avi_env.acoustics.bake import BAKE_PATHS
from avi_env.acoustics.bake_cache import bake_key
from avi_env.acoustics.placement import check_place
from avi_env.array_cache import read_arrays, write_arrays
from avi_env.navigation import WalkableGrid, random_points, walkable_grid
from avi_env.scene import Scene, emission_point, load_scene
from avi_env.scene.outline import in_room

__all__ = ["EAR_HEIGHT", "HouseResponses", "ear_geometry", "house_responses", "join_responses", "random_ears"]

EAR_HEIGHT = 1.25
"""Of an agent's ears above the floor, as `EnvConfig.eye_height` [m]."""

_AGENT_RADIUS, _AGENT_HEIGHT = 0.2, 1.5  # as `EnvConfig`
_FREE_SHARE = 0.25  # of the sources hang in the air, where no object need be
_FREE_HEIGHTS = (0.1, 1.9)  # [m]: footsteps to a wall clock
_NEAR_SHARE = 0.5  # of the listeners are in a room where something sounds
_NEAREST = 0.35  # [m] between a source and the middle of a head
_LIMIT = 8 * 2**30  # [bytes] that responses may take on disk


class HouseResponses(NamedTuple):
    """How S sources sound in each of L poses, in one house or in several (then each pose has its own S sources)."""

    response: npt.NDArray[np.float16]
    """Pressure after an impulse of 1 Pa at 1 m, in units of `scale`, shape (L, S, 2, n), row 0 = left ear."""
    scale: npt.NDArray[np.float32]
    """Shape (L, S)."""
    azimuth: npt.NDArray[np.float32]
    """Of each source, counter-clockwise from ahead [rad], shape (L, S)."""
    distance: npt.NDArray[np.float32]
    """Straight from the middle of the head [m], shape (L, S)."""
    same_room: npt.NDArray[np.bool_]
    """Whether source and listener are in one room, shape (L, S)."""


def house_responses(
    scene_name: str,
    *,
    seed: int = 0,
    sources: int = 4,
    listeners: int = 64,
    seconds: float = 0.75,
    sample_rate: int = 16000,
    path_count: int = BAKE_PATHS,
) -> HouseResponses:
    """Returns responses in one house, from disk if they were made before: a pure function of the arguments.

    Sources are where objects sound, a quarter of them anywhere; listeners are anywhere one can walk, half of them in
    rooms of the sources; headings are random.

    Args:
        scene_name: as `load_scene` takes it.
        seed: of the places.
        sources: number of places where something sounds, each heard by all listeners.
        listeners: number of poses.
        seconds: length of a response [s]; a house's reverberation falls by 40 to 80 dB in 0.75 s.
        sample_rate: [Hz].
        path_count: sound paths of each bake.
    """
    scene = load_scene(scene_name)
    key = bake_key("responses", scene.digest, seed, sources, listeners, seconds, sample_rate, path_count)
    kept = read_arrays("responses", key)
    if kept is not None and set(HouseResponses._fields) <= set(kept):
        return HouseResponses(*(kept[name] for name in HouseResponses._fields))
    rng = np.random.default_rng([seed, 0x7461676765])
    grid = walkable_grid(scene, _AGENT_RADIUS, _AGENT_HEIGHT)
    places = _source_places(scene, grid, rng, sources)
    ears, yaw = random_ears(scene, grid, rng, places, listeners)
    sound = render_rirs(scene, places, ears, yaw, sample_rate, "baked", seconds=seconds, path_count=path_count)
    sound = np.moveaxis(sound, 0, 1)
    scale = np.maximum(np.abs(sound).max(axis=(2, 3)), 1e-20)
    made = HouseResponses(
        (sound / scale[..., None, None]).astype(np.float16),
        scale.astype(np.float32),
        *ear_geometry(scene, places, ears, yaw),
    )
    write_arrays("responses", key, made._asdict(), _LIMIT)
    return made


def ear_geometry(
    scene: Scene, places: npt.NDArray[np.float64], ears: npt.NDArray[np.float64], yaw: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Returns azimuth [rad], distance [m] and whether they share a room, of all sources for all poses, (L, S) each.

    Args:
        scene: with its rooms.
        places: of the sources [m], shape (S, 3).
        ears: middles of the heads [m], shape (L, 3).
        yaw: headings [rad], shape (L,), 0 looks along -Z.
    """
    to = places[None] - ears[:, None]
    turn = np.arctan2(-to[..., 0], -to[..., 2]) - yaw[:, None]
    azimuth = (turn + np.pi) % (2.0 * np.pi) - np.pi
    inside = [np.stack([in_room(room, points) for room in scene.rooms]) for points in (ears, places)]
    same = np.einsum("rl,rs->ls", inside[0].astype(int), inside[1].astype(int)) > 0
    return azimuth.astype(np.float32), np.linalg.norm(to, axis=-1).astype(np.float32), same


def random_ears(
    scene: Scene, grid: WalkableGrid, rng: np.random.Generator, places: npt.NDArray[np.float64], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns poses of listeners, half of them in rooms with a source: ears (L, 3) [m], headings (L,) [rad]."""
    ears = random_points(grid, rng, 16 * count).astype(np.float64) + np.array([0.0, EAR_HEIGHT, 0.0])
    ears = ears[np.linalg.norm(ears[:, None] - places[None], axis=-1).min(axis=1) >= _NEAREST]
    beside = np.zeros(len(ears), dtype=bool)
    for room in scene.rooms:
        if in_room(room, places).any():
            beside |= in_room(room, ears)
    near = ears[beside][: round(_NEAR_SHARE * count)]
    rest = ears[len(ears) - (count - len(near)) :]
    return np.concatenate([near, rest]), rng.uniform(-np.pi, np.pi, count)


def _source_places(scene: Scene, grid: WalkableGrid, rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Returns places where something may sound [m], shape (S, 3)."""
    bodies = [obj for obj in scene.objects if obj.emits]
    places: list[npt.NDArray[np.float64]] = []
    while len(places) < count:
        if bodies and rng.uniform() >= _FREE_SHARE:
            place = emission_point(bodies[int(rng.integers(len(bodies)))])
        else:
            place = random_points(grid, rng, 1)[0].astype(np.float64) + np.array(
                [0.0, rng.uniform(*_FREE_HEIGHTS), 0.0]
            )
        try:
            places.append(check_place(scene, place, "source"))
        except ValueError:  # in a piece of furniture: another one
            continue
    return np.stack(places)


def join_responses(parts: Sequence[HouseResponses]) -> HouseResponses:
    """Returns the poses of several houses as those of one."""
    return HouseResponses(*(np.concatenate(column) for column in zip(*parts, strict=True)))
