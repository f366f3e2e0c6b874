"""Rigid bodies: how large, of what, how heavy, and how they ring when they are hit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.physics.materials import solid_of_material
from avi_env.scene.model import Scene, SceneObject
from avi_env.sounds.modal import ModeFamily, body_modes, plate_modes, shell_volume
from avi_env.sounds.solids import Solid, solid

__all__ = ["SHAPES", "Body", "Touched", "body_of_object", "touched_surface"]

FloatArray = npt.NDArray[np.float64]

SHAPES = ("box", "cylinder", "sphere", "hull")
"""Shapes of bodies."""

_SIDES = 24  # of the prism that stands for a cylinder
_EDGE_RADIUS = 0.005  # [m] of curvature where things with edges touch: rounded edges of household goods
_LARGEST_PANEL = (5.0, 4.0)  # [m] of a floor or wall that a blow sets in motion: what is farther is another room's
_MOST_CORNERS = 256  # of a hull


class Touched(NamedTuple):
    """One side of a contact: what it is, and what it needs to sound."""

    name: str
    """Of the object or body."""
    object: int
    """Id of the scene's object; -1 for a body that was added."""
    material: str
    """Of the surface that was touched: a scene's material, or a body's solid."""
    solid: Solid
    modes: tuple[ModeFamily, ...]
    mass: float
    """[kg]; infinite for what does not move."""
    radius: float
    """Of the sphere of its volume [m]; 0 for what does not move."""
    curvature: float
    """Radius of curvature where it touches [m]."""


@dataclass(frozen=True, eq=False)
class Body:
    """A rigid body that can be dropped and pushed."""

    name: str
    solid: str | Solid
    """What it is made of: a name of `avi_env.sounds.solids.load_solids()`, or a `Solid`."""
    shape: str = "box"
    """box, cylinder (upright, along y), sphere, or the convex hull of `points`."""
    size: tuple[float, float, float] = (0.1, 0.1, 0.1)
    """Extents along its own x, y, z [m]; a sphere's and a cylinder's diameters are the first. A hull's are its own."""
    wall: float | None = None
    """Thickness of the walls of a hollow body [m]; None = solid."""
    mass: float | None = None
    """[kg]; None = by density and volume."""
    points: npt.ArrayLike | None = None
    """Corners of a hull in its own frame [m], shape (n, 3)."""

    def __post_init__(self) -> None:
        solid(self.solid)
        if self.shape not in SHAPES:
            raise name_error("shape of a body", self.shape, SHAPES)
        if (self.shape == "hull") != (self.points is not None):
            raise ValueError(f"body {self.name!r}: points belong to shape 'hull', and a hull needs them")
        if self.points is not None:
            corners = _hull_corners(self.name, np.asarray(self.points, dtype=np.float64))
            object.__setattr__(self, "points", corners)
            object.__setattr__(self, "size", tuple(float(side) for side in np.ptp(corners, axis=0)))
        size = np.asarray(self.size, dtype=np.float64)
        if size.shape != (3,) or not np.all(np.isfinite(size) & (size > 0.0)):
            raise ValueError(f"body {self.name!r}: size takes three positive lengths [m], not {self.size!r}")
        if self.shape in ("sphere", "cylinder"):
            object.__setattr__(self, "size", (size[0], size[0] if self.shape == "sphere" else size[1], size[0]))
        if self.wall is not None and not 0.0 < self.wall <= min(self.size) / 2:
            raise ValueError(f"body {self.name!r}: walls of {self.wall:g} m do not fit into {self.size} m")
        if self.mass is not None and not (math.isfinite(self.mass) and self.mass > 0.0):
            raise ValueError(f"body {self.name!r}: mass must be positive and finite, not {self.mass}")

    @cached_property
    def made_of(self) -> Solid:
        """The solid, looked up."""
        return solid(self.solid)

    @cached_property
    def volume(self) -> float:
        """Volume that it takes [m3]."""
        a, b, c = self.size
        if self.shape == "hull":
            from scipy.spatial import ConvexHull

            return float(ConvexHull(self.points).volume)
        return {"box": a * b * c, "cylinder": math.pi / 4 * a * b * c, "sphere": math.pi / 6 * a * b * c}[self.shape]

    @cached_property
    def kilograms(self) -> float:
        """Its mass [kg]: as given, or its density times the volume of its walls or of all of it."""
        if self.mass is not None:
            return self.mass
        filled = 1.0 if self.wall is None else shell_volume(self.size, self.wall) / math.prod(self.size)
        return self.made_of.density * self.volume * filled

    @cached_property
    def corners(self) -> FloatArray:
        """Corners of its convex hull in its own frame [m], shape (n, 3); a sphere's are its six poles."""
        if self.shape == "hull":
            return np.asarray(self.points, dtype=np.float64)
        half = np.asarray(self.size) / 2
        if self.shape == "box":
            signs: FloatArray = np.array(
                [[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64
            )
            return signs * half
        if self.shape == "sphere":
            return np.asarray(half * np.concatenate([np.eye(3), -np.eye(3)]))
        turn = 2 * np.pi * np.arange(_SIDES) / _SIDES
        ring = np.stack([np.cos(turn), np.ones(_SIDES), np.sin(turn)], axis=1)
        return np.asarray(half * np.concatenate([ring, ring * (1.0, -1.0, 1.0)]))

    def touched(self) -> Touched:
        """Returns it as a side of contacts."""
        families = tuple(
            family._replace(mass=self.kilograms) for family in body_modes(self.made_of, self.size, self.wall)
        )
        radius = (self.volume * 0.75 / math.pi) ** (1 / 3)
        curvature = self.size[0] / 2 if self.shape == "sphere" else _EDGE_RADIUS
        return Touched(self.name, -1, self.made_of.name, self.made_of, families, self.kilograms, radius, curvature)


def body_of_object(
    scene: Scene,
    item: int | SceneObject,
    *,
    solids: Mapping[str, str | Solid] | None = None,
    mass: float | None = None,
) -> tuple[Body, FloatArray]:
    """Returns a scene's object as a body (the convex hull of its mesh), and where its centre of mass is [m], (3,).

    It weighs what a sheet of its material's usual thickness around its hull weighs, unless `mass` is given. Its
    triangles stay in the scene, so leave it out of the world: `PhysicsWorld(scene, without=(id,))`.

    Args:
        scene: the scene.
        item: the object or its id.
        solids: solids of materials, before the usual ones.
        mass: [kg].

    Raises:
        ValueError: no such object, an object without triangles, or one too flat for a hull.
    """
    number = item if isinstance(item, int) else item.id
    if not 0 <= number < len(scene.objects):
        raise ValueError(f"scene {scene.name!r} has no object {number}: it has 0 to {len(scene.objects) - 1}")
    found = scene.objects[number]
    chosen = np.flatnonzero(scene.triangle_object == number)
    if not len(chosen):
        raise ValueError(f"object {found.name!r} of scene {scene.name!r} has no triangles: it cannot be a body")
    corners = scene.vertices[scene.triangles[chosen]].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    shares = np.bincount(scene.triangle_material[chosen], weights=area, minlength=len(scene.materials))
    made = solid_of_material(scene.materials[int(shares.argmax())].name, solids)
    center, surface = _hull_center(found.name, corners.reshape(-1, 3))
    points = corners.reshape(-1, 3) - center
    size = np.ptp(points, axis=0)
    weight = made.density * min(surface * made.thickness, math.prod(size)) if mass is None else mass
    return Body(found.name, made, "hull", wall=_fitting_wall(made, size), mass=weight, points=points), center


def touched_surface(item: SceneObject | None, material: str, made: Solid) -> Touched:
    """Returns a surface of the scene as a side of contacts: a panel of its solid's usual thickness.

    Args:
        item: the object it belongs to; None = none.
        material: its name.
        made: what it is made of.
    """
    sides = (1.0, 0.8, 0.1) if item is None else item.size
    longest, second = sorted(sides, reverse=True)[:2]
    panel = [min(max(side, 0.02), most) for side, most in zip((longest, second), _LARGEST_PANEL, strict=True)]
    modes = (plate_modes(made, panel[0], panel[1], made.thickness),)
    name, number = ("scene", -1) if item is None else (item.name, item.id)
    return Touched(name, number, material, made, modes, math.inf, 0.0, math.inf)


def _fitting_wall(made: Solid, size: FloatArray) -> float:
    """Returns the thickness of the walls of a hull of a size [m]: its solid's usual one, or less if it is thin."""
    return float(min(made.thickness, size.min() / 2))


def _hull_corners(name: str, points: FloatArray) -> FloatArray:
    """Returns the corners of a point cloud's convex hull, the engine's limit at most."""
    from scipy.spatial import ConvexHull, QhullError

    if points.ndim != 2 or points.shape[1:] != (3,) or not np.all(np.isfinite(points)):
        raise ValueError(f"body {name!r}: points must be finite, shape (n, 3), not {points.shape}")
    try:
        corners = points[np.sort(ConvexHull(points).vertices)]
    except QhullError:
        raise ValueError(f"body {name!r} is flat: its points span no volume; make it a thin box instead") from None
    if len(corners) > _MOST_CORNERS:
        directions = _even_directions(_MOST_CORNERS)
        corners = corners[np.unique((corners @ directions.T).argmax(axis=0))]
    return np.asarray(corners)


def _even_directions(count: int) -> FloatArray:
    """Returns unit vectors spread evenly over the sphere (Fibonacci lattice), shape (count, 3)."""
    number = np.arange(count) + 0.5
    height, turn = 1.0 - 2.0 * number / count, np.pi * (1.0 + math.sqrt(5.0)) * number
    across = np.sqrt(1.0 - height**2)
    return np.stack([across * np.cos(turn), height, across * np.sin(turn)], axis=1)


def _hull_center(name: str, points: FloatArray) -> tuple[FloatArray, float]:
    """Returns the centre of volume [m], shape (3,), and the surface [m2] of a point cloud's convex hull."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(points)
    except QhullError:
        raise ValueError(f"object {name!r} is flat: it spans no volume; add a thin box (Body) instead") from None
    inner = points[hull.vertices].mean(axis=0)
    corners = points[hull.simplices] - inner
    volumes = np.abs(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))) / 6.0
    center = inner + (volumes[:, None] * corners.sum(axis=1) / 4.0).sum(axis=0) / volumes.sum()
    return center, float(hull.area)
