"""Nodes: the places for which fields of moving sources are baked, common to all sources of a scene."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.placement import check_place
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import occluded

__all__ = ["NODE_LIMIT", "Node", "nodes_around", "path_nodes"]

FloatArray = npt.NDArray[np.float64]

NODE_LIMIT = 4
"""Nodes around a source: the corners of a square."""

_SPACINGS = (1.0, 0.5, 0.25)  # of the lattices [m], coarsest first; their points are multiples of the spacing
_LEVEL_METRES = 0.25  # of the heights for which a source that climbs is baked
_LEAST_SHARE = 0.1  # of the square's corners that must be seen, by bilinear weight, or a finer lattice is taken
_LOOK_METRES = 0.25  # along a path, between the places where its nodes are asked for


class Node(NamedTuple):
    """A place with the share that its field has in that of the source."""

    place: tuple[float, float, float]
    """[m], world frame."""
    share: float


def nodes_around(scene: Scene, emitter: Emitter, seconds: float) -> list[Node]:
    """Returns the nodes around a moving source at a time on the clock, at most 4, with shares that sum to 1.

    They are corners of the lattice square around it, with bilinear weights, as far as the source sees them: of the
    lattice of 1 m, or of a finer one where that has none. Where even the finest has none it is the source's own place.
    """
    place = emitter.place_at(seconds)
    level = place[1] if emitter.level else round(place[1] / _LEVEL_METRES) * _LEVEL_METRES
    for spacing in _SPACINGS:
        nodes = _square(scene, place, float(level), spacing)
        if sum(node.share for node in nodes) >= _LEAST_SHARE:
            break
    else:
        nodes = [Node((float(place[0]), float(place[1]), float(place[2])), 1.0)]
    total = sum(node.share for node in nodes)
    return [Node(node.place, node.share / total) for node in nodes]


def path_nodes(scene: Scene, emitter: Emitter) -> list[tuple[float, float, float]]:
    """Returns the places of all nodes that a moving source will need, in the order in which it comes to them."""
    corners = emitter.corners
    count = int(np.ceil(corners[-1, 5] / _LOOK_METRES)) + 1
    moving = np.concatenate([[True], np.diff(corners[:, 5]) > 0.0])  # it may rest at a corner
    times = np.interp(np.linspace(0.0, corners[-1, 5], count), corners[moving, 5], corners[moving, 0])
    return list(dict.fromkeys(node.place for time in times for node in nodes_around(scene, emitter, float(time))))


def _square(scene: Scene, place: FloatArray, level: float, spacing: float) -> list[Node]:
    """Returns the corners of the lattice square around a place that a source can be at and that it sees."""
    flat = place[[0, 2]] / spacing
    low = np.floor(flat)
    nodes = []
    for step in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        column = low + step
        share = float(np.prod(1.0 - np.abs(flat - column)))
        node = (float(column[0] * spacing), level, float(column[1] * spacing))
        if share > 1e-6 and _is_open(scene, node):
            nodes.append(Node(node, share))
    if not nodes:
        return []
    ends = np.array([node.place for node in nodes])
    hidden = occluded(scene, np.broadcast_to(place, ends.shape), ends)
    return [node for node, unseen in zip(nodes, hidden, strict=True) if not unseen]


def _is_open(scene: Scene, place: tuple[float, float, float]) -> bool:
    """Returns whether a source can be at a place."""

    def ask() -> bool:
        try:
            check_place(scene, place, "source")
        except ValueError:
            return False
        return True

    return derived(scene, ("open_node", place), ask)
