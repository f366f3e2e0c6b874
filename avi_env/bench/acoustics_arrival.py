"""Where the first sound comes from, held against geometry: traced sound has no diffraction that could tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.discrete import AROUND, DIRECT
from avi_env.acoustics.paths import Paths
from avi_env.scene import Portal, Scene
from avi_env.scene.rays import occluded

__all__ = ["arrival_error", "way_round_a_jamb"]

FloatArray = npt.NDArray[np.float64]

_STEP = 0.02  # [m] between the points that are tried about an opening, and the share of its width
_DEPTH = 0.3  # [m] on both sides of the opening's middle: the depth of a wall and more
_SLACK = 0.1  # [m]: a way longer than the one that is heard by more than this one is not the one that is heard


def way_round_a_jamb(
    scene: Scene, source: FloatArray, listener: FloatArray, portal: Portal
) -> tuple[float, FloatArray]:
    """Returns the length of the shortest way with one bend at a doorway [m], inf if there is none, and its bend (3,).

    Brute force, knowing nothing of the wavefront: points every 2 cm in and about the opening, each at the height that
    the unfolded way has there; a point counts if rays to both ends are free.
    """
    out = np.array([-np.sin(portal.yaw), 0.0, -np.cos(portal.yaw)])
    along = np.array([out[2], 0.0, -out[0]])
    u, v = np.meshgrid(
        np.arange(-0.5, 0.5, _STEP) * (portal.width + 0.1), np.arange(-_DEPTH, _DEPTH + 0.5 * _STEP, _STEP)
    )
    points = np.array(portal.center) + u.reshape(-1, 1) * along + v.reshape(-1, 1) * out
    to, back = (np.linalg.norm((points - end)[:, [0, 2]], axis=1) for end in (source, listener))
    points[:, 1] = source[1] + (listener[1] - source[1]) * to / (to + back)
    free = ~occluded(scene, np.tile(source, (len(points), 1)), points)
    free &= ~occluded(scene, points, np.tile(listener, (len(points), 1)))
    length = np.where(free, np.linalg.norm(points - source, axis=1) + np.linalg.norm(points - listener, axis=1), np.inf)
    best = int(np.argmin(length))
    return float(length[best]), points[best]


def arrival_error(
    scene: Scene, source: FloatArray, listener: FloatArray, exact: Paths, is_seen: bool, row: int = 0
) -> float:
    """Returns the angle between the first sound's direction and the true one [degrees], NaN where that is not known.

    In view the truth is the straight line. Out of view it is the shortest way with one bend that free rays find at a
    doorway, unless a shorter one is heard: ways through two doors or around furniture are not among the candidates.

    Args:
        scene: the scene.
        source: source position [m], shape (3,).
        listener: listener position [m], shape (3,).
        exact: discrete paths, as `discrete_paths` orders them.
        is_seen: whether the straight line is free.
        row: the listener's row in `exact`.
    """
    slot = DIRECT if is_seen else AROUND
    heard = exact.direction[row, slot].double().numpy()
    bend = source
    if not is_seen:
        ways = [way_round_a_jamb(scene, source, listener, portal) for portal in scene.portals]
        length, bend = min(ways, key=lambda way: way[0], default=(np.inf, source))
        if not length < float(exact.delay[row, slot]) * SPEED_OF_SOUND + _SLACK:
            return float("nan")
    truth = (bend - listener) / np.linalg.norm(bend - listener)
    return float(np.degrees(np.arccos(np.clip(heard @ truth, -1.0, 1.0))))
