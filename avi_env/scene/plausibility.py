"""What a mesh and its materials tell without a single ray: areas, scale, doubled faces, placeholders, lonely rooms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.scene.findings import Issue, place_text
from avi_env.scene.model import Scene

__all__ = ["mesh_issues"]

FloatArray = npt.NDArray[np.float64]

_LEAST_AREA = 1e-12  # [m2]
_SPANS = (0.5, 500.0)  # [m] greatest extent of a scene in metres: a doll's house, a stadium
_ALL_ABSORBED = 0.99
_LEAST_LOSS_DB = 5.0  # a sheet of cloth; a wall that lets more through is an open one
_PLACEHOLDERS = 3  # materials; fewer may well be alike
_SHELL = frozenset({"wall", "floor", "ceiling", "partition"})
_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)  # hash multipliers
_DOUBLED_SHARE = 1e-3  # of the triangles; a lamp that hides a face twice is nobody's concern


def mesh_issues(scene: Scene) -> list[Issue]:
    """Returns what is wrong with a scene's triangles, materials and rooms, told without rays."""
    corners = scene.vertices[scene.triangles].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    if not np.any(area > _LEAST_AREA):
        message = f"scene {scene.name!r} has no triangle with an area: check the mesh and its scale (metres)"
        return [Issue("degenerate", message)]
    return [
        *_bare(scene, corners),
        *_scale(scene, corners[area > _LEAST_AREA]),
        *_doubled(scene, corners, area),
        *_materials(scene, area),
        *_lonely_rooms(scene),
    ]


def _bare(scene: Scene, corners: FloatArray) -> list[Issue]:
    missing = np.flatnonzero(scene.triangle_material < 0)
    if len(missing) == 0:
        return []
    place = _point(corners[missing[0]].mean(axis=0))
    message = (
        f"scene {scene.name!r}: {len(missing)} triangles have no material, the first at {place_text(place)}: give "
        f"every triangle an index into materials, such as avi_env.scene.material('plaster')"
    )
    return [Issue("no_material", message, place)]


def _scale(scene: Scene, corners: FloatArray) -> list[Issue]:
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    span = float((high - low).max())
    if _SPANS[0] <= span <= _SPANS[1]:
        return []
    units = "millimetres or centimetres" if span > _SPANS[1] else "kilometres or scaled down"
    message = (
        f"scene {scene.name!r} is {span:.3g} m across, from {place_text(_point(low))} to {place_text(_point(high))}: "
        f"scenes are in metres, are these {units}? Scale the vertices, for example by "
        f"{'0.001 or 0.01' if span > _SPANS[1] else '1000 or 100'}"
    )
    return [Issue("scale", message, _point(low), "warning")]


def _doubled(scene: Scene, corners: FloatArray, area: FloatArray) -> list[Issue]:
    """Triangles at the same three places as an earlier one, wound alike."""
    # Sheets with two sides and boxes that touch have opposite windings, which is as it should be.
    # A key that the rotation of the corners leaves as it is, but not their reversal; equal corners have equal bits.
    bits = scene.vertices[scene.triangles].view(np.uint32).astype(np.uint64)
    corner = _mixed((bits[..., 0] * _ODD[0]) ^ (bits[..., 1] * _ODD[1]) ^ (bits[..., 2] * _ODD[2]))
    key = _mixed(corner + _ODD[1] * corner[:, [1, 2, 0]]).sum(axis=1)
    key[area <= _LEAST_AREA] = np.arange(np.count_nonzero(area <= _LEAST_AREA), dtype=np.uint64)
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    doubled = int((count - 1).sum())
    if doubled <= _DOUBLED_SHARE * len(key):
        return []
    place = _point(corners[first[count > 1].min()].mean(axis=0))
    message = (
        f"scene {scene.name!r}: {doubled} triangles lie exactly upon others, the first at {place_text(place)}: which "
        f"of the two is seen and heard is left to chance; remove the doubles, for example by "
        f"trimesh.Trimesh.update_faces(mesh.unique_faces())"
    )
    return [Issue("duplicate_faces", message, place, "warning")]


def _mixed(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scatters the bits of 64-bit keys (the finaliser of MurmurHash3)."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return np.asarray(value ^ (value >> np.uint64(33)))


def _materials(scene: Scene, area: FloatArray) -> list[Issue]:
    used = np.unique(scene.triangle_material[scene.triangle_material >= 0])
    if not len(used):
        return []
    table = [scene.materials[i] for i in used]
    names = ", ".join(repr(m.name) for m in table[:3]) + (", ..." if len(table) > 3 else "")
    absorption, scattering = (np.array([getattr(m, n) for m in table]) for n in ("absorption", "scattering"))
    found = []
    if absorption.min() > _ALL_ABSORBED:
        text = f"every material ({names}) absorbs more than {_ALL_ABSORBED:.0%}: nothing echoes, as in no real room"
        found.append(("anechoic", f"{text}; give absorption per octave, typically 0.02 .. 0.6"))
    elif scattering.max() == 0.0:
        text = (
            f"no material ({names}) scatters: all surfaces are acoustic mirrors and the decay is that of no real room"
        )
        found.append(("no_scattering", f"{text}; walls have 0.05 .. 0.1, furniture 0.3 .. 0.6"))
    kinds = {(m.absorption, m.scattering, m.transmission_loss) for m in table}
    if len(table) >= _PLACEHOLDERS and len(kinds) == 1:
        text = f"all {len(table)} materials ({names}) have the same acoustic coefficients, as placeholders have"
        found.append(("placeholder", f"{text}; take rows of the materials table, see docs/materials.md"))
    issues = [Issue(kind, f"scene {scene.name!r}: {text}", None, "warning") for kind, text in found]
    return issues + _open_walls(scene, area)


def _open_walls(scene: Scene, area: FloatArray) -> list[Issue]:
    """Walls, floors and ceilings through which sound goes as if they were not there; the largest triangle's place."""
    shell = np.array([o.category in _SHELL for o in scene.objects] or [False])
    loss = np.array([float(np.mean(m.transmission_loss)) for m in scene.materials] or [np.inf])
    member = (scene.triangle_object >= 0) & (scene.triangle_material >= 0)
    thin = np.flatnonzero(member & shell[scene.triangle_object] & (loss[scene.triangle_material] < _LEAST_LOSS_DB))
    if not len(thin):
        return []
    worst = int(thin[np.argmax(area[thin])])
    place = _point(scene.vertices[scene.triangles[worst]].astype(np.float64).mean(axis=0))
    material = scene.materials[scene.triangle_material[worst]]
    message = (
        f"scene {scene.name!r}: {scene.objects[scene.triangle_object[worst]].name} at {place_text(place)} has the "
        f"material {material.name!r} with a transmission loss of {np.mean(material.transmission_loss):.1f} dB: walls "
        f"have 20 .. 60 dB; is it a share of energy? Give transmission_loss in dB"
    )
    return [Issue("open_wall", message, place, "warning")]


def _lonely_rooms(scene: Scene) -> list[Issue]:
    if len(scene.rooms) < 2:
        return []
    parent = {room.id: room.id for room in scene.rooms}

    def root(room: int) -> int:
        while parent[room] != room:
            room = parent[room]
        return room

    for portal in scene.portals:
        one, two = portal.rooms
        if one in parent and two in parent:
            parent[root(one)] = root(two)
    home = root(scene.rooms[0].id)
    lonely = [room for room in scene.rooms if root(room.id) != home]
    if not lonely:
        return []
    x, z = np.mean(lonely[0].polygon, axis=0)
    place = (float(x), lonely[0].floor_y, float(z))
    names = ", ".join(room.name for room in lonely[:4])
    message = (
        f"scene {scene.name!r}: no way of doors leads from {scene.rooms[0].name} to {names} near {place_text(place)}: "
        f"add a portal (door or opening), or remove the room"
    )
    return [Issue("lonely_room", message, place, "warning")]


def _point(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = np.asarray(values, dtype=np.float64).tolist()
    return (x, y, z)
