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


@pytest.fixture
def room_with() -> SceneBuilder:
    """Builds a room (x, y, z extents, corner at the origin) with solid boxes (low corner, high corner) in it."""

    def build(size: Sequence[float], *boxes: Box, flip: bool = False) -> Scene:
        room = shoebox(tuple(size))
        parts = [(np.asarray(room.vertices), np.asarray(room.triangles)), *(_box(*box) for box in boxes)]
        start = np.cumsum([0, *(len(v) for v, _ in parts)])
        triangles = np.concatenate([t + s for (_, t), s in zip(parts, start, strict=False)])
        vertices = np.concatenate([v for v, _ in parts])
        return scene_from_mesh(vertices, triangles[:, ::-1] if flip else triangles, materials="plaster")

    return build
