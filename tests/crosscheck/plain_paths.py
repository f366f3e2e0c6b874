"""Path tracing in plain NumPy: axis-aligned rectangles, double precision, no roulette, its own random numbers.

The twin of the Warp tracers: the same physics by other means. Rays meet rectangles analytically, and transmission is
drawn with a fixed probability in one set of paths; what happens on the way is seen by functions of the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.scene import Material, Scene, SceneObject

SPEED = 343.0
SLAB = 0.6  # [m] a second face of one object within it is free
NEAREST = 0.3  # [m] least distance of a link
TRANSMIT = 0.3  # probability of going through a surface that lets sound through


@dataclass(frozen=True)
class Rectangle:
    """An axis-aligned rectangle: the plane `axis` = offset between two corners of the other two axes."""

    axis: int
    offset: float
    low: tuple[float, float]
    high: tuple[float, float]
    material: Material
    owner: int
    inward: float
    """Sign of its normal along the axis."""
    leads: bool
    """Whether something lies behind it."""
    mirrored: bool
    """Whether the image sources account for its mirror reflections."""


class Legs(NamedTuple):
    """The next legs of all paths under way."""

    path: np.ndarray
    start: np.ndarray
    direction: np.ndarray
    length: np.ndarray
    energy: np.ndarray
    travelled: np.ndarray
    deposits: np.ndarray


class Bounces(NamedTuple):
    """Diffuse reflections of all paths under way: what leaves a surface, and from where."""

    path: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    energy: np.ndarray
    travelled: np.ndarray


def rectangles_scene(rectangles: list[Rectangle], categories: tuple[str, ...]) -> Scene:
    """The same rectangles as triangles, wound towards their normals."""
    vertices, triangles = [], []
    for r in rectangles:
        others = [a for a in range(3) if a != r.axis]
        corners = np.zeros((4, 3))
        corners[:, r.axis] = r.offset
        corners[:, others[0]] = [r.low[0], r.high[0], r.high[0], r.low[0]]
        corners[:, others[1]] = [r.low[1], r.low[1], r.high[1], r.high[1]]
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])[r.axis]
        order = (0, 1, 2, 3) if normal * r.inward > 0 else (0, 3, 2, 1)
        base = len(vertices)
        vertices += [tuple(corners[k]) for k in order]
        triangles += [(base, base + 1, base + 2), (base, base + 2, base + 3)]
    materials = list({r.material.name: r.material for r in rectangles}.values())
    index = [materials.index(r.material) for r in rectangles for _ in range(2)]
    owner = [r.owner for r in rectangles for _ in range(2)]
    objects = tuple(SceneObject(i, name, -1, (0, 0, 0), (1, 1, 1)) for i, name in enumerate(categories))
    return Scene("rectangles", np.array(vertices), np.array(triangles), np.array(index), np.array(owner),
                 tuple(materials), objects)  # fmt: skip


class PlainTracer:
    """Walks of many paths at once; `on_legs` and `on_bounces` see everything that happens."""

    def __init__(self, rectangles: list[Rectangle]) -> None:
        self.rectangles = rectangles
        self.absorption = np.array([r.material.absorption for r in rectangles])
        self.scattering = np.array([r.material.scattering for r in rectangles])
        loss = np.array([r.material.transmission_loss for r in rectangles])
        self.transmission = np.minimum(10.0 ** (-loss / 10.0), self.absorption)
        self.leads = np.array([r.leads for r in rectangles]) & (self.transmission.max(axis=1) >= 2e-6)
        self.mirrored = np.array([r.mirrored for r in rectangles])
        self.owner = np.array([r.owner for r in rectangles])

    def nearest(self, start: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance and number of the first rectangle that each ray meets, inf and -1 if none; shapes (N,)."""
        best, which = np.full(len(start), np.inf), np.full(len(start), -1)
        for number, r in enumerate(self.rectangles):
            with np.errstate(divide="ignore", invalid="ignore"):
                t = (r.offset - start[:, r.axis]) / direction[:, r.axis]
                inside = (t > 1e-9) & (t < best)
                for (low, high), axis in zip(zip(r.low, r.high, strict=True), _others(r.axis), strict=True):
                    at = start[:, axis] + t * direction[:, axis]
                    inside &= (at >= low) & (at <= high)
            best[inside], which[inside] = t[inside], number
        return best, which

    def blocked(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Whether a rectangle lies between two points, shape (N,)."""
        link = end - start
        distance = np.linalg.norm(link, axis=1)
        return self.nearest(start, link / np.maximum(distance, 1e-12)[:, None])[0] < distance

    def walk(
        self,
        source: np.ndarray,
        count: int,
        reach: float,
        rng: np.random.Generator,
        on_legs: Callable[[Legs], None] = lambda _: None,
        on_bounces: Callable[[Bounces], None] = lambda _: None,
        mirror_order: int = 0,
        transmits: bool = True,
        bounce_limit: int = 10_000,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Follows `count` paths over `reach` [m]; returns energies (count, 7) left at the end, and who escaped."""
        self.rng = rng
        air = np.zeros(7) if reach > 1e5 else AIR_ENERGY_PER_METRE
        path = np.arange(count)
        start = np.tile(np.asarray(source, dtype=float), (count, 1))
        direction = self._units(count)
        energy, travelled = np.ones((count, 7)), np.zeros(count)
        order, inside, entered = np.zeros(count, int), np.full(count, -2), np.zeros(count)
        exact, deposits = np.ones(count, bool), np.zeros(count, bool)
        left, escaped = np.zeros((count, 7)), np.zeros(count, bool)
        for _ in range(bounce_limit):
            length, which = self.nearest(start, direction)
            on_legs(Legs(path, start, direction, length, energy, travelled, deposits))
            gone = which < 0
            left[path[gone]], escaped[path[gone]] = energy[gone], True
            keep = ~gone & (travelled + np.where(gone, 0.0, length) < reach)
            rows = [path, start, direction, length, which, energy, travelled, order, inside, entered, exact, deposits]
            path, start, direction, length, which, energy, travelled, order, inside, entered, exact, deposits = (
                row[keep] for row in rows
            )
            if not len(path):
                break
            point = start + length[:, None] * direction
            travelled = travelled + length
            energy = energy * np.exp(-air * length[:, None])
            axis = np.array([r.axis for r in self.rectangles])[which]
            normal = np.zeros_like(point)
            normal[np.arange(len(path)), axis] = -np.sign(direction[np.arange(len(path)), axis])
            free = (inside == self.owner[which]) & (travelled - entered <= SLAB)
            out = energy * (1.0 - self.absorption[which]) * self.scattering[which]
            hit = ~free
            on_bounces(Bounces(path[hit], point[hit] + 1e-6 * normal[hit], normal[hit], out[hit], travelled[hit]))
            # Through: for nothing behind the second face of a slab, else by chance.
            chance = np.where(self.leads[which] & transmits, TRANSMIT, 0.0)
            goes = free | (rng.random(len(path)) < chance)
            passes = goes & hit
            energy = np.where(passes[:, None], energy * self.transmission[which] / TRANSMIT, energy)
            deposits = np.where(passes, order > 0, deposits)
            exact = exact & ~passes
            inside = np.where(passes, self.owner[which], np.where(free, -2, inside))
            entered = np.where(passes, travelled, entered)
            energy, direction, deposits, exact, order = self._reflected(
                ~goes, which, normal, energy, direction, deposits, exact, order, chance, mirror_order
            )
            start = point + np.where(goes, -1.0, 1.0)[:, None] * 1e-6 * normal
        left[path] = energy
        return left, escaped

    def _reflected(
        self, back, which, normal, energy, direction, deposits, exact, order, chance, mirror_order
    ):  # type: ignore[no-untyped-def]  # fmt: skip
        """Splits what is reflected into scattered (a coin in proportion to the mean coefficient) and mirrored."""
        s = self.scattering[which]
        coin = np.clip(s.mean(axis=1), 0.0, 1.0)
        scatters = back & (self.rng.random(len(back)) < coin)
        mirrors = back & ~scatters
        kept = energy * (1.0 - self.absorption[which]) / (1.0 - chance)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            scattered, mirrored = kept * s / coin[:, None], kept * (1.0 - s) / (1.0 - coin)[:, None]
        energy = np.where(scatters[:, None], scattered, np.where(mirrors[:, None], mirrored, energy))
        order = order + back
        lambert = normal + self._units(len(back))
        lambert /= np.linalg.norm(lambert, axis=1, keepdims=True)
        mirror = direction - 2.0 * (direction * normal).sum(axis=1, keepdims=True) * normal
        direction = np.where(scatters[:, None], lambert, np.where(mirrors[:, None], mirror, direction))
        exact = np.where(scatters, False, np.where(mirrors, exact & self.mirrored[which], exact))
        deposits = np.where(scatters, False, np.where(mirrors, ~(exact & (order <= mirror_order)), deposits))
        return energy, direction, deposits, exact, order

    def _units(self, count: int) -> np.ndarray:
        vector = self.rng.standard_normal((count, 3))
        return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def _others(axis: int) -> tuple[int, int]:
    return ((1, 2), (0, 2), (0, 1))[axis]
