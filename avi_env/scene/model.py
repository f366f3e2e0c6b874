"""The data model of the world: `Scene` and its parts, frozen, on the host.

Frame: right-handed, metres, +Y up, -Z forward, +X right. Yaw: radians, counter-clockwise about +Y, 0 looks along -Z.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error

__all__ = [
    "BAND_COUNT",
    "DERIVED",
    "WRAPS",
    "AudioEmitter",
    "Light",
    "Material",
    "Portal",
    "Room",
    "Scene",
    "SceneObject",
    "Texture",
]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]

BAND_COUNT = 7
"""Octave bands of every acoustic coefficient: 125 Hz ... 8 kHz."""

DERIVED = "_derived"
"""Attribute under which `avi_env.scene.derived` keeps what was built from a scene; it is not pickled."""

WRAPS = ("repeat", "clamp", "mirror")
"""What a texture shows beyond its borders."""

_SILENT_AGREEMENT = 1e-6  # a >= 10^(-TL/10) is checked up to rounding of tabulated values


@dataclass(frozen=True)
class Material:
    """What a surface looks like and how it sounds. Acoustic coefficients: a number for all bands or 7 octave values."""

    name: str
    absorption: float | tuple[float, ...] = 0.1
    """Energy absorption coefficient per octave, 0..1; contains the transmitted part."""
    scattering: float | tuple[float, ...] = 0.1
    """Share of the reflected energy that leaves diffusely, 0..1."""
    transmission_loss: float | tuple[float, ...] = 60.0
    """Sound transmission loss per octave [dB]; absorption >= 10^(-TL/10)."""
    color: tuple[float, float, float] = (0.7, 0.7, 0.7)
    """Base colour, linear RGB 0..1."""
    pattern: str = "plain"
    """Procedural pattern: plain, wood, tile, plaster, carpet, brick, fabric, marble."""
    pattern_size: float = 0.3
    """Period of the pattern [m]."""
    roughness: float = 0.8
    """0 mirror-like .. 1 matt."""
    source: str = ""
    """Where the coefficients come from."""
    unlit: bool = field(default=False, repr=False)
    """Shown as its colours are, without lamps and shadows: a scan's photographs hold the light they were taken in."""

    def __post_init__(self) -> None:
        for name, low, high in (("absorption", 0.0, 1.0), ("scattering", 0.0, 1.0), ("transmission_loss", 0.0, np.inf)):
            object.__setattr__(self, name, _octaves(getattr(self, name), f"material {self.name!r}: {name}", low, high))
        transmitted = 10.0 ** (-np.asarray(self.transmission_loss) / 10.0)
        if np.any(np.asarray(self.absorption) + _SILENT_AGREEMENT < transmitted):
            raise ValueError(
                f"material {self.name!r} transmits more energy than it absorbs: absorption must be >= 10^(-TL/10) "
                f"in every band; raise absorption or transmission_loss"
            )


def _octaves(value: object, what: str, low: float, high: float) -> tuple[float, ...]:
    if isinstance(value, tuple) and len(value) == BAND_COUNT:
        if all(type(v) is float and low <= v <= high for v in value):  # as `replace` gives them
            return value
    values = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if values.shape == (1,):
        values = np.repeat(values, BAND_COUNT)
    if values.shape != (BAND_COUNT,):
        raise ValueError(f"{what} takes one number or {BAND_COUNT} octave values, not shape {values.shape}")
    if not np.all((values >= low) & (values <= high)):
        raise ValueError(f"{what} must lie in [{low:g}, {high:g}], got {values.tolist()}")
    return tuple(float(v) for v in values)


@dataclass(frozen=True)
class Room:
    """One room: `polygon` is its floor outline in (x, z) [m], shape (n, 2)."""

    id: int
    type: str
    polygon: tuple[tuple[float, float], ...]
    floor_y: float = 0.0
    height: float = 2.6

    @property
    def name(self) -> str:
        """Name for people and planners: type and id, unique within the house."""
        return f"{self.type}_{self.id}"


@dataclass(frozen=True)
class SceneObject:
    """Anything with an id in the semantic image: furniture, and also each wall, floor, ceiling, door, window."""

    id: int
    category: str
    room: int
    """Room id, -1 = between rooms or none."""
    center: tuple[float, float, float]
    """Centre of the oriented box [m]."""
    size: tuple[float, float, float]
    """Extents of the oriented box along its own x, y, z [m]."""
    yaw: float = 0.0
    emits: tuple[str, ...] = ()
    """Names of the sound classes this object can emit."""

    @property
    def name(self) -> str:
        """Name for people and planners: category and id, unique within the scene."""
        return f"{self.category}_{self.id}"


@dataclass(frozen=True)
class Portal:
    """A rectangular opening between two rooms: doorway or open-plan link."""

    id: int
    rooms: tuple[int, int]
    center: tuple[float, float, float]
    width: float
    height: float
    yaw: float
    """Direction of the opening's normal about +Y; 0 = normal along -Z."""
    openness: float = 1.0
    """0 closed .. 1 open."""
    kind: str = "door"


@dataclass(frozen=True)
class Light:
    """A point light."""

    position: tuple[float, float, float]
    color: tuple[float, float, float] = (1.0, 0.95, 0.85)
    intensity: float = 1.0
    """Irradiance at 1 m, in units where 1 makes a white surface white."""
    room: int = -1


@dataclass(frozen=True)
class AudioEmitter:
    """Something in the scene that sounds, as a glTF file's `KHR_audio_emitter` describes it.

    `avi_env.acoustics.scene_emitters` makes sources of them.
    """

    name: str
    position: tuple[float, float, float]
    """[m], world frame."""
    yaw: float = 0.0
    """Where the cone's axis points [rad], 0 = -Z."""
    gain_db: float = 0.0
    inner_angle: float = 2.0 * np.pi
    """Full angle of the cone within which nothing is lost [rad]; 2 pi = all round."""
    outer_angle: float = 2.0 * np.pi
    """Full angle of the cone beyond which `outer_gain` holds [rad]; in between the gain changes evenly."""
    outer_gain: float = 0.0
    """Pressure gain outside the outer cone, 0..1."""
    clip: str = ""
    """A sound file's path, the file itself as a "data:" URI, or the name of a sound class."""
    loop: bool = True
    object: int = -1
    """The object that sounds, -1 = none."""
    pitch: float = 0.0
    """How far the cone's axis points up [rad]."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.inner_angle <= self.outer_angle <= 2.0 * np.pi + 1e-6:
            raise ValueError(
                f"emitter {self.name!r}: a cone needs 0 <= inner_angle <= outer_angle <= 2 pi, "
                f"not {self.inner_angle:g} and {self.outer_angle:g}"
            )
        if (
            not np.all(np.isfinite([*self.position, self.yaw, self.pitch, self.gain_db]))
            or not 0.0 <= self.outer_gain <= 1.0
        ):
            raise ValueError(
                f"emitter {self.name!r}: position, yaw and gain must be finite and outer_gain within 0..1, "
                f"got {self.position}, {self.yaw}, {self.gain_db} and {self.outer_gain}"
            )


@dataclass(frozen=True, eq=False)
class Texture:
    """An image, uint8 (h, w, 3), sRGB; row 0 is its upper edge, where v = 1."""

    name: str
    image: npt.NDArray[np.uint8]
    wrap: tuple[str, str] = ("repeat", "repeat")
    """Beyond the borders along u and v, each one of `WRAPS`."""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8 or not self.image.size:
            raise ValueError(
                f"texture {self.name!r} needs an image (h, w, 3) uint8, not {self.image.shape} {self.image.dtype}"
            )
        for wrap in self.wrap:
            if wrap not in WRAPS:
                raise name_error(f"wrap of texture {self.name!r}", wrap, WRAPS)


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything constant in an episode. Arrays are made read-only; compare scenes by `digest`."""

    name: str
    vertices: npt.NDArray[np.float32]
    """[m], shape (V, 3), world frame."""
    triangles: npt.NDArray[np.int32]
    """Vertex indices, shape (T, 3); outward normals face the air by the right-hand rule."""
    triangle_material: npt.NDArray[np.int32]
    """Index into `materials`, shape (T,)."""
    triangle_object: npt.NDArray[np.int32]
    """Index into `objects` (= object id), shape (T,)."""
    materials: tuple[Material, ...]
    objects: tuple[SceneObject, ...] = ()
    rooms: tuple[Room, ...] = ()
    portals: tuple[Portal, ...] = ()
    lights: tuple[Light, ...] = ()
    uv: npt.NDArray[np.float32] | None = None
    """Texture coordinates per triangle corner, shape (T, 3, 2), or None: then patterns are mapped by world position."""
    textures: tuple[Texture, ...] = ()
    material_texture: tuple[int, ...] = ()
    """Per material: index into `textures`, -1 = pattern only; empty = none."""
    vertex_color: npt.NDArray[np.uint8] | None = None
    """sRGB colour per vertex, shape (V, 3), multiplied with the material's colour or texture; None = white."""
    emitters: tuple[AudioEmitter, ...] = ()
    """What sounds by itself, as the scene's file says."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """JSON-serialisable provenance: generator, seed, spec, schema version."""

    def __post_init__(self) -> None:
        for name, dtype, width in (
            ("vertices", np.float32, (3,)),
            ("triangles", np.int32, (3,)),
            ("triangle_material", np.int32, ()),
            ("triangle_object", np.int32, ()),
        ):
            array = np.array(getattr(self, name), dtype=dtype, order="C")
            if array.shape[1:] != width or array.ndim != 1 + len(width):
                raise ValueError(f"scene {self.name!r}: {name} must have shape (n, {width}), not {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        self._check_indices()
        self._check_looks()

    def _check_indices(self) -> None:
        count = len(self.triangles)
        for name, limit in (("triangle_material", len(self.materials)), ("triangle_object", len(self.objects))):
            index = getattr(self, name)
            if len(index) != count:
                raise ValueError(f"scene {self.name!r}: {name} has {len(index)} entries for {count} triangles")
            if count and (index.min() < -1 or index.max() >= max(limit, 0)):
                raise ValueError(f"scene {self.name!r}: {name} refers to entry {index.max()} of {limit}")
        if count and (self.triangles.min() < 0 or self.triangles.max() >= len(self.vertices)):
            raise ValueError(f"scene {self.name!r}: triangles refer to vertices that do not exist")
        if not np.all(np.isfinite(self.vertices)):
            raise ValueError(f"scene {self.name!r}: vertices contain NaN or infinity")

    def _check_looks(self) -> None:
        for name, shape, dtype in (
            ("uv", (len(self.triangles), 3, 2), np.float32),
            ("vertex_color", (len(self.vertices), 3), np.uint8),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.array(value, dtype=dtype, order="C")
            if array.shape != shape:
                raise ValueError(f"scene {self.name!r}: {name} must have shape {shape}, not {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.material_texture and len(self.material_texture) != len(self.materials):
            raise ValueError(
                f"scene {self.name!r}: material_texture has {len(self.material_texture)} entries for "
                f"{len(self.materials)} materials"
            )
        if self.material_texture and max(self.material_texture) >= len(self.textures):
            raise ValueError(
                f"scene {self.name!r}: material_texture refers to texture {max(self.material_texture)} "
                f"of {len(self.textures)}"
            )

    @cached_property
    def digest(self) -> str:
        """Hash of all geometry and materials: the key under which anything derived from the scene is cached."""
        hasher = hashlib.sha256()
        for array in (self.vertices, self.triangles, self.triangle_material, self.triangle_object):
            hasher.update(np.ascontiguousarray(array).tobytes())
        hasher.update(repr((self.materials, self.objects, self.rooms, self.portals, self.lights)).encode())
        if self.uv is not None:
            hasher.update(np.ascontiguousarray(self.uv).tobytes())
        hasher.update(repr(self.material_texture).encode())
        for texture in self.textures:
            hasher.update(np.ascontiguousarray(texture.image).tobytes())
        self._hash_newer(hasher)
        return hasher.hexdigest()

    def _hash_newer(self, hasher: hashlib._Hash) -> None:
        """What came later counts only where it is used: older scenes keep their digest."""
        if self.vertex_color is not None:
            hasher.update(b"vertex_color")
            hasher.update(self.vertex_color.tobytes())
        if self.emitters:
            hasher.update(repr(self.emitters).encode())
        unlit = [material.unlit for material in self.materials]
        if any(unlit):
            hasher.update(repr(unlit).encode())
        wraps = [texture.wrap for texture in self.textures]
        if any(wrap != ("repeat", "repeat") for wrap in wraps):
            hasher.update(repr(wraps).encode())

    def __getstate__(self) -> dict[str, Any]:
        """Returns the scene without what was derived from it: ray trees and device tables are built anew."""
        return {name: value for name, value in self.__dict__.items() if name != DERIVED}

    @property
    def bounds(self) -> npt.NDArray[np.float32]:
        """Lowest and highest corner [m], shape (2, 3)."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])
