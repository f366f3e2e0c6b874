"""What the shading kernel reads: the look of every triangle, material, lamp and texture of a bank, on its device."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.scene.arena import Column, RowRange, RowRanges, RowTables, staged
from avi_env.scene.bank import SceneBank
from avi_env.scene.derived import derived, taken
from avi_env.scene.mesh_parts import linear_to_srgb, srgb_to_linear
from avi_env.scene.model import Material, Scene
from avi_env.scene.rays_warp import wp_device
from avi_env.scene.slot_follower import SlotFollower
from avi_env.vision.lamps import LAMP_COLUMNS
from avi_env.vision.light_bake import take_light
from avi_env.vision.patterns import PATTERNS
from avi_env.vision.textures import texture_tables, uv_gradients

__all__ = ["GLOW", "NO_COLORS", "UNLIT", "WINDOW", "Surfaces", "bank_surfaces", "encode_table", "prepare_looks"]

NO_COLORS = -(2**30)
"""In `Surfaces.material_shift`, so that rows become negative: the scene has no colours at its triangles' corners."""

GLOW, WINDOW, UNLIT = 100, 101, 102
"""Pattern numbers of surfaces that shine by themselves: lamps, window panes that show the outdoors, and photographed
ones, whose colours hold the light they were taken in."""

ENCODE_SIZE = 2048
"""Entries of the tone table; entry i encodes the linear value 4 (i / 2047)^2."""


@wp.struct
class Surfaces:
    """Tables of a bank; triangle and material rows as in `SceneBank`."""

    triangle_offset: wp.array[wp.int32]
    triangle_normal: wp.array[wp.vec3]
    triangle_object: wp.array[wp.int32]
    triangle_material: wp.array[wp.int32]
    triangle_grid: wp.array[wp.vec4i]  # of `LightBake.grid`, first sample counted through the bank
    triangle_uv: wp.array2d[wp.vec2]  # (n, 3); of triangles in textured scenes alone, see `material_shift`
    triangle_gradient: wp.array2d[wp.vec3]  # of u and v per metre, (n, 2)
    triangle_color: wp.array2d[wp.vec3ub]  # sRGB at the corners, (n, 3); of scenes with vertex colours alone
    light: wp.array[wp.vec3]  # exposed irradiance, all of it
    light_ambient: wp.array[wp.vec3]  # the ambient part alone
    lamp_offset: wp.array[wp.int32]  # (K,): the lamps of slot k are rows lamp_offset[k] .. lamp_stop[k] - 1
    lamp_stop: wp.array[wp.int32]
    lamps: wp.array2d[wp.float32]  # exposed
    material_color: wp.array[wp.vec3]
    material_pattern: wp.array[wp.int32]
    material_look: wp.array[wp.vec3]  # pattern size, gloss, texture (-1 = none)
    material_shift: wp.array[wp.vec2i]  # added to a triangle's row: its row of uv and gradient, and of colours
    textures: wp.array[wp.vec3i]  # as `TextureTables`, and so the next two
    texture_levels: wp.array[wp.vec3i]
    texels: wp.array[wp.vec3ub]
    decode: wp.array[wp.float32]  # sRGB byte to linear
    encode: wp.array[wp.uint8]  # linear to sRGB byte: `encode_table`, then the same without tone curve


_SLOT_COLUMNS = {"lamp_offset": Column(torch.int32), "lamp_stop": Column(torch.int32)}
_TRIANGLE_COLUMNS = {"look_row": Column(torch.int32), "triangle_grid": Column(torch.int32, (4,))}
_MATERIAL_COLUMNS = {
    "material_color": Column(torch.float32, (3,)),
    "material_pattern": Column(torch.int32),
    "material_look": Column(torch.float32, (3,)),
    "material_shift": Column(torch.int32, (2,)),
}
_OWN_COLUMNS = {  # tables with rows of their own, by the first of those that share them
    "light": {"light": Column(torch.float32, (3,)), "light_ambient": Column(torch.float32, (3,))},
    "lamps": {"lamps": Column(torch.float32, (LAMP_COLUMNS,))},
    "textures": {"textures": Column(torch.int32, (3,))},
    "texture_levels": {"texture_levels": Column(torch.int32, (3,))},
    "texels": {"texels": Column(torch.uint8, (3,))},
    "triangle_uv": {
        "triangle_uv": Column(torch.float32, (3, 2)),
        "triangle_gradient": Column(torch.float32, (2, 3)),
    },
    "triangle_color": {"triangle_color": Column(torch.uint8, (3, 3))},
}
_COLUMNS = _TRIANGLE_COLUMNS | _MATERIAL_COLUMNS | {n: c for own in _OWN_COLUMNS.values() for n, c in own.items()}
_FIELDS = {"look_row": "triangle_material"}
_ELEMENTS = {
    "triangle_normal": wp.vec3,
    "triangle_grid": wp.vec4i,
    "triangle_uv": wp.vec2,
    "triangle_gradient": wp.vec3,
    "triangle_color": wp.vec3ub,
    "light": wp.vec3,
    "light_ambient": wp.vec3,
    "material_color": wp.vec3,
    "material_look": wp.vec3,
    "material_shift": wp.vec2i,
    "textures": wp.vec3i,
    "texture_levels": wp.vec3i,
    "texels": wp.vec3ub,
}


def bank_surfaces(bank: SceneBank) -> Surfaces:
    """Returns the bank's tables for shading, valid until its scenes change; it bakes the light of new scenes."""
    return bank.attached(_LookTables).surfaces


def prepare_looks(scene: Scene, device: str | torch.device) -> None:
    """Computes ahead what `bank_surfaces` copies when the scene has come into a bank on a device; any thread may."""
    target = torch.device(wp_device(device))
    derived(scene, _rows_key(target), lambda: _rows(scene, target))


def encode_table(toned: bool = True) -> npt.NDArray[np.uint8]:
    """Returns the sRGB encoding of the linear values of `ENCODE_SIZE`, after the tone curve 1 - exp(-1.45 x)."""
    linear = 4.0 * np.linspace(0.0, 1.0, ENCODE_SIZE) ** 2
    shown = (1.0 - np.exp(-1.45 * linear)) / (1.0 - np.exp(-1.45 * 4.0)) if toned else np.minimum(linear, 1.0)
    return np.round(255.0 * linear_to_srgb(shown)).astype(np.uint8)


class _LookTables(SlotFollower):
    """The look of the scenes of a bank."""

    surfaces: Surfaces

    def __init__(self, bank: SceneBank) -> None:
        super().__init__(bank)
        device = bank.device
        self._slots = RowTables(bank.slots.ranges, device, _SLOT_COLUMNS)
        self._triangles = RowTables(bank.triangles.ranges, device, _TRIANGLE_COLUMNS)
        self._materials = RowTables(bank.materials.ranges, device, _MATERIAL_COLUMNS)
        self._owned = {name: RowTables(RowRanges(), device, columns) for name, columns in _OWN_COLUMNS.items()}
        self._held: dict[int, dict[str, RowRange]] = {}
        self._pointed: dict[str, torch.Tensor] = {}
        name = wp_device(device)
        tables = np.concatenate([encode_table(), encode_table(toned=False)])
        self._encode = wp.array(tables, dtype=wp.uint8, device=name)
        self._decode = wp.array(srgb_to_linear(np.arange(256) / 255.0), dtype=wp.float32, device=name)

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of each table [bytes]."""
        tables = [self._slots, self._triangles, self._materials, *self._owned.values()]
        return {name: size for table in tables for name, size in table.nbytes.items()}

    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Enters the look of a scene; bakes its light if that was not done ahead."""
        rows = taken(scene, _rows_key(bank.device), lambda: _rows(scene, bank.device))
        held = {name: table.ranges.take(len(rows[name])) for name, table in self._owned.items()}
        self._held[slot] = held
        triangles, materials = bank.triangle_rows(slot), bank.material_rows(slot)
        # Rows count within the scene until here.
        rows["look_row"] += materials.start
        rows["triangle_grid"][:, 0] += held["light"].start
        rows["textures"][:, 0] += held["texture_levels"].start
        rows["texture_levels"][:, 0] += held["texels"].start
        texture = rows["material_look"][:, 2]
        texture[texture >= 0.0] += held["textures"].start
        for column, name in enumerate(("triangle_uv", "triangle_color")):
            if len(rows[name]):
                rows["material_shift"][:, column] = held[name].start - triangles.start
        for name, table in self._owned.items():
            table.write(held[name], {column: rows[column] for column in table.tensors})
        self._triangles.write(triangles, {name: rows[name] for name in _TRIANGLE_COLUMNS})
        self._materials.write(materials, {name: rows[name] for name in _MATERIAL_COLUMNS})
        lamps = held["lamps"]
        self._slots.write(RowRange(slot, slot + 1), {"lamp_offset": lamps.start, "lamp_stop": lamps.stop})

    def drop(self, slot: int) -> None:
        """Frees the rows of the scene that was in a slot."""
        for name, rows in self._held.pop(slot).items():
            self._owned[name].ranges.give_back(rows)

    def renew(self, bank: SceneBank) -> None:
        """Renews the struct if any of its tables was replaced by a larger one."""
        shared = bank.slots.tensors | bank.triangles.tensors
        tables = {name: shared[name] for name in ("triangle_offset", "triangle_normal", "triangle_object")}
        for own in (self._slots, self._triangles, self._materials, *self._owned.values()):
            tables |= own.tensors
        if tables.keys() == self._pointed.keys() and all(
            tables[name] is known for name, known in self._pointed.items()
        ):
            return
        surfaces = Surfaces()
        for name, tensor in tables.items():
            setattr(surfaces, _FIELDS.get(name, name), wp.from_torch(tensor, dtype=_ELEMENTS.get(name)))
        surfaces.encode, surfaces.decode = self._encode, self._decode
        self.surfaces, self._pointed = surfaces, tables  # the arrays do not own their memory


def _rows_key(device: torch.device) -> tuple[str, str]:
    return ("look_rows", device.type)


def _rows(scene: Scene, device: torch.device) -> dict[str, torch.Tensor]:
    """Returns the rows of a scene in each table, all numbers of rows counted within the scene."""
    bake = take_light(scene)
    exposed = np.where((np.arange(LAMP_COLUMNS) // 3) == 1, bake.exposure, 1.0)
    tables = texture_tables(scene.textures)
    rows: dict[str, npt.ArrayLike] = {
        "look_row": _look_rows(scene),
        "triangle_grid": bake.grid,
        "light": bake.lit * bake.exposure,
        "light_ambient": bake.ambient * bake.exposure,
        "lamps": bake.lamps * exposed,
        "textures": tables.textures,
        "texture_levels": tables.levels,
        "texels": tables.texels,
        **_material_rows(scene),
        **_corner_rows(scene),
    }
    return staged(rows, _COLUMNS, device)


def _look_rows(scene: Scene) -> npt.NDArray[np.int32]:
    """Returns the material row per triangle: the neutral one for none, after it the outdoors for window panes."""
    count = len(scene.materials)
    rows = np.where(scene.triangle_material < 0, count, scene.triangle_material).astype(np.int32)
    glass = np.array(["glass" in m.name for m in scene.materials] + [False])[scene.triangle_material]
    window = np.array([item.category == "window" for item in scene.objects] + [False])[scene.triangle_object]
    rows[glass & window] = count + 1
    return rows


def _material_rows(scene: Scene) -> dict[str, npt.ArrayLike]:
    """Returns the looks of a scene's materials, of the neutral one and of the outdoors."""
    looks = [*scene.materials, Material("none"), Material("outdoors")]
    texture = [*(scene.material_texture or (-1,) * len(scene.materials)), -1, -1]
    look = [[m.pattern_size, (1.0 - m.roughness) ** 2, t] for m, t in zip(looks, texture, strict=True)]
    return {
        "material_color": [material.color for material in looks],
        "material_pattern": [_pattern(material) for material in looks],
        "material_look": look,
        "material_shift": [[0, NO_COLORS]] * len(looks),
    }


def _corner_rows(scene: Scene) -> dict[str, npt.ArrayLike]:
    """Returns what triangles have at their corners: nothing without textures, and nothing without vertex colours."""
    uv, gradients = np.zeros((0, 3, 2), dtype=np.float32), np.zeros((0, 2, 3), dtype=np.float32)
    if scene.textures:
        uv = np.zeros((len(scene.triangles), 3, 2), dtype=np.float32) if scene.uv is None else scene.uv
        gradients = uv_gradients(scene)
    colors = np.zeros((0, 3, 3), dtype=np.uint8)
    if scene.vertex_color is not None:
        colors = scene.vertex_color[scene.triangles]
    return {"triangle_uv": uv, "triangle_gradient": gradients, "triangle_color": colors}


def _pattern(material: Material) -> int:
    if material.unlit:
        return UNLIT
    own = {"outdoors": WINDOW, "lamp": GLOW, "books": PATTERNS.index("books"), "foliage": PATTERNS.index("foliage")}
    if material.name in own:
        return own[material.name]
    return PATTERNS.index(material.pattern) if material.pattern in PATTERNS else 0
