"""Procedural patterns: each is seen from near, and from far its mean brightness stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avi_env.scene import Light, Scene, material
from avi_env.vision import render
from avi_env.vision.patterns import PATTERNS

_SIZES = {"carpet": 0.05, "fabric": 0.05, "knit": 0.02, "terrazzo": 0.04, "weave": 0.03, "popcorn": 0.03, "books": 0.04}
_SPACING = 8.0


@pytest.fixture(scope="module")
def fields() -> Scene:
    """One square of 6 m a pattern, all under equal lamps."""
    corners, looks, lights = [], [], []
    for k, pattern in enumerate(PATTERNS):
        x, y = _SPACING * k, 6.0
        corners += [(x, 0.0, 0.0), (x, 0.0, y), (x + y, 0.0, y), (x + y, 0.0, 0.0)]
        size = _SIZES.get(pattern, 0.2)
        looks.append(replace(material("plaster"), name=f"{pattern}_field", pattern=pattern, pattern_size=size))
        lights.append(Light((x + 3.0, 6.0, 3.0), (1.0, 1.0, 1.0), 10.0, -1))
    quads = 4 * np.arange(len(PATTERNS))
    triangles = np.stack([quads[:, None] + (0, 1, 2), quads[:, None] + (0, 2, 3)], axis=1).reshape(-1, 3)
    owner = np.repeat(np.arange(len(PATTERNS)), 2).astype(np.int32)
    return Scene(
        name="patterns",
        vertices=np.array(corners, dtype=np.float32),
        triangles=triangles.astype(np.int32),
        triangle_material=owner,
        triangle_object=np.full(len(owner), -1, dtype=np.int32),
        materials=tuple(looks),
        lights=tuple(lights),
    )


def _seen(scene: Scene, number: int, height: float, pixels: int) -> np.ndarray:
    """Linear brightness of a square of 1 m, seen from above in the middle of a field."""
    hfov = float(np.degrees(2 * np.arctan(0.5 / height)))
    place = (_SPACING * number + 3.0, height, 3.0)
    image = render(scene, place, 0.0, width=pixels, height=pixels, hfov=hfov, pitch=-np.pi / 2)["rgb"]
    encoded = np.asarray(image, dtype=np.float64).reshape(pixels, pixels, 3) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear.mean(axis=2))


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p not in ("plain", "books", "foliage")])
def test_pattern_is_seen_near_and_averaged_far(fields: Scene, pattern: str) -> None:
    """With 4 mm a pixel a pattern has contrast; with 125 mm a pixel it has less, and the same mean within 8 %."""
    number = PATTERNS.index(pattern)
    near, far = _seen(fields, number, 2.0, 256), _seen(fields, number, 2.0, 8)
    assert near.std() / near.mean() > 0.005
    assert far.std() / far.mean() < near.std() / near.mean()
    np.testing.assert_allclose(far.mean(), near.mean(), rtol=0.08, atol=0)


def test_patterns_differ() -> None:
    """No name stands twice."""
    assert len(set(PATTERNS)) == len(PATTERNS)
