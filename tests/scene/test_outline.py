"""Points in floor outlines: one at a time as many at once, and as areas say."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.scene.outline import in_outline, outline_area, outline_holds

ELL = ((0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (2.0, 3.0), (2.0, 5.0), (0.0, 5.0))


def test_one_point_as_many_at_once() -> None:
    """Stars of random corners, points on a lattice that meets corners and edges: both answers are the same."""
    rng = np.random.default_rng(0)
    lattice = np.stack(np.meshgrid(np.arange(-1.0, 6.0, 0.25), np.arange(-1.0, 6.0, 0.25)), axis=-1).reshape(-1, 2)
    outlines = [ELL, ELL[::-1]]
    for corners in rng.integers(3, 12, 20):
        angle, radius = np.sort(rng.uniform(0.0, 2.0 * np.pi, corners)), rng.uniform(0.5, 3.0, corners)
        star = np.stack([2.5 + radius * np.cos(angle), 2.5 + radius * np.sin(angle)], axis=1)
        outlines.append(tuple((float(x), float(z)) for x, z in star.round(2)))
    for outline in outlines:
        alone = [outline_holds(outline, float(x), float(z)) for x, z in lattice]
        assert_array_equal(alone, in_outline(outline, lattice))


def test_the_share_within_is_the_area() -> None:
    """An L of 16 m2 in a square of 36 m2: of 40,000 drawn points 16/36 lie within, to 4 standard errors of 0.0025."""
    xz = np.random.default_rng(1).uniform(-0.5, 5.5, (40_000, 2))
    assert_allclose(outline_area(ELL), 16.0, rtol=1e-12)
    assert_allclose(in_outline(ELL, xz).mean(), 16.0 / 36.0, atol=0.01)
