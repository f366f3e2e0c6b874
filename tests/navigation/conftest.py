"""Small scenes made by hand for the navigation tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from avi_env.scene import Scene, scene_from_mesh, shoebox

Box = tuple[Sequence[float], Sequence[float]]
SceneBuilder = Callable[..., Scene]


def _box(low: Sequence[float], high: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([[q[0], *pair] for q in quads for pair in ((q[1], q[2]), (q[2], q[3]))])


def solid(*boxes: Box, shell: Sequence[float] | None = None, flip: bool = False) -> Scene:
    """Returns a scene of closed boxes (low corner, high corner), within a shoebox (x, y, z extents) if one is given."""
    parts = [_box(*box) for box in boxes]
    if shell is not None:
        room = shoebox(tuple(shell))
        parts.insert(0, (np.asarray(room.vertices), np.asarray(room.triangles)))
    start = np.cumsum([0, *(len(v) for v, _ in parts)])
    triangles = np.concatenate([t + s for (_, t), s in zip(parts, start, strict=False)])
    triangles = triangles[:, ::-1] if flip else triangles
    return scene_from_mesh(np.concatenate([v for v, _ in parts]), triangles, materials="plaster")


RISER, TREAD, STOREY = 0.2, 0.25, 3.0


def house_of_two_storeys(open_stairs: bool = False, height: float = STOREY) -> Scene:
    """Returns 8 m x 6 m on two storeys, joined by straight stairs along the wall z = 0, x rising from 2.

    The stairs are 1 m wide, risers 0.2 m, treads 0.25 m, solid below or only treads. The slab between the storeys is
    0.3 m thick, open above the stairs; upstairs a parapet stands beside and at the lower end of the opening.
    """
    run = round(height / RISER) * TREAD
    slab = [
        ([0, height - 0.3, 1.0], [8, height, 6]),
        ([0, height - 0.3, 0], [2, height, 1.0]),
        ([2 + run, height - 0.3, 0], [8, height, 1.0]),
    ]
    below = [0.0 if not open_stairs else (k + 1) * RISER - 0.1 for k in range(round(height / RISER) - 1)]
    steps = [([2 + k * TREAD, y, 0], [2 + (k + 1) * TREAD, (k + 1) * RISER, 1.0]) for k, y in enumerate(below)]
    steps.append(([2 + run - TREAD, height - 0.3, 0], [2 + run, height, 1.0]))
    parapet = [([2, height, 1.0], [2 + run, height + 0.9, 1.05]), ([1.95, height, 0], [2, height + 0.9, 1.05])]
    return solid(*slab, *steps, *parapet, shell=(8.0, height + 2.7, 6.0))


@pytest.fixture
def room_with() -> SceneBuilder:
    """Builds a room (x, y, z extents, corner at the origin) with solid boxes (low corner, high corner) in it."""

    def build(size: Sequence[float], *boxes: Box, flip: bool = False) -> Scene:
        return solid(*boxes, shell=size, flip=flip)

    return build
