"""Rasters of floors that are not level, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import solid
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.navigation.layer_raster import clearance_over, footing, surface_crossings
from avi_env.navigation.raster import clearance_raster, raster_over


def test_crossings_are_the_triangles_over_a_point(device: str) -> None:
    """Heights over each column's centre are those of the triangles it lies in, from below, of either winding."""
    rng = np.random.default_rng(0)
    vertices = rng.uniform(0.0, 2.0, size=(60, 3)).astype(np.float32)
    triangles = np.arange(60, dtype=np.int32).reshape(20, 3)
    raster = raster_over(np.zeros(2), np.full(2, 2.0), 0.1, 0.0)
    found = surface_crossings(vertices, triangles, raster, device)
    a, ab, ac = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    ab, ac = ab - a, ac - a
    expected: list[tuple[int, float]] = []
    for i in range(20):
        for j in range(20):
            p = np.array([raster.origin[0] + 0.1 * i, raster.origin[1] + 0.1 * j])
            area = ab[:, 0] * ac[:, 2] - ab[:, 2] * ac[:, 0]
            d = p - a[:, [0, 2]]
            v = (d[:, 0] * ac[:, 2] - d[:, 1] * ac[:, 0]) / area
            w = (ab[:, 0] * d[:, 1] - ab[:, 2] * d[:, 0]) / area
            inside = (v >= 0) & (w >= 0) & (v + w <= 1)
            expected += [(i * 20 + j, y) for y in sorted((a[:, 1] + v * ab[:, 1] + w * ac[:, 1])[inside])]
    assert_array_equal(found.column, [column for column, _ in expected])
    assert_allclose(found.y, [y for _, y in expected], rtol=0, atol=1e-4)


def test_clearance_over_a_level_floor_is_the_band_clearance(device: str) -> None:
    """With one band everywhere the distances are those of `clearance_raster`; a higher band loses what is below it."""
    scene = solid(([1.0, 0.0, 1.0], [2.0, 0.8, 2.0]), ([3.0, 1.2, 0.5], [3.5, 2.0, 1.5]), shell=(5.0, 3.0, 4.0))
    raster = raster_over(np.zeros(2), np.array([5.0, 4.0]), 0.05, 0.1)
    low, high = np.full(raster.shape, 0.1, np.float32), np.full(raster.shape, 1.5, np.float32)
    low[:50] = 1.0
    found = clearance_over(scene.vertices, scene.triangles, raster, low, high, 0.5, device)
    for rows, band in ((slice(50, None), (0.1, 1.5)), (slice(None, 50), (1.0, 1.5))):
        whole = clearance_raster(scene.vertices, scene.triangles, raster, band, 0.5, device)
        assert_allclose(found[rows], whole[rows], rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="bands of heights"):
        clearance_over(scene.vertices, scene.triangles, raster, low[1:], high, 0.5, device)


def test_footing_is_the_nearest_edge(device: str) -> None:
    """Distance to the edge and highest floor, against loops in NumPy on terraces with holes."""
    rng = np.random.default_rng(1)
    floor = np.cumsum(rng.choice([0.0, 0.2, 0.4], size=(24, 20), p=[0.7, 0.25, 0.05]), axis=0).astype(np.float32)
    floor[rng.random(floor.shape) < 0.05] = -np.inf
    edge, top = footing(floor, 0.25, 4, device)
    for i, j in np.argwhere(np.isfinite(floor))[::3]:
        nearest, highest = 5.0, floor[i, j]
        for di in range(-4, 5):
            for dj in range(-4, 5):
                steps = max(abs(di), abs(dj))
                if not 0 < math.hypot(di, dj) <= 4:
                    continue
                line = [
                    (i + math.floor(di * n / steps + 0.5), j + math.floor(dj * n / steps + 0.5))
                    for n in range(steps + 1)
                ]
                inside = all(0 <= p < 24 and 0 <= q < 20 for p, q in line)
                y = np.array([floor[p, q] for p, q in line]) if inside else np.array([0.0, -np.inf])
                if np.isfinite(y).all() and np.abs(np.diff(y)).max() <= 0.25:
                    highest = max(highest, y[-1])
                else:
                    nearest = min(nearest, math.hypot(di, dj))
        assert_allclose([edge[i, j], top[i, j]], [nearest, highest], rtol=0, atol=1e-5)
