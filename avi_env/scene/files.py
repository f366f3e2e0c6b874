"""Scenes on disk: .glb for geometry and looks, a JSON sidecar for everything else; foreign meshes through trimesh."""

from __future__ import annotations

import base64
import binascii
import io
import json
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.scene.findings import SceneError, SceneWarning, report
from avi_env.scene.gltf import Gltf, open_gltf
from avi_env.scene.gltf_audio import gltf_emitters, turned_upright
from avi_env.scene.gltf_parts import gltf_parts
from avi_env.scene.gltf_write import export_glb, part_name
from avi_env.scene.health import check_scene
from avi_env.scene.materials import load_materials
from avi_env.scene.materials import material as find_material
from avi_env.scene.mesh_files import read_parts
from avi_env.scene.mesh_parts import MeshPart, remember_file, scene_from_parts
from avi_env.scene.model import AudioEmitter, Light, Material, Portal, Room, Scene, SceneObject, Texture
from avi_env.scene.plausibility import mesh_issues
from avi_env.whole_file import whole_file

__all__ = ["SCENE_FORMAT", "load_scene_file", "save_scene"]

SCENE_FORMAT = 2
"""Version of the JSON sidecar; 1, which held its textures itself, is read too."""

LEAKS = ("error", "warn")
"""What to do about a foreign mesh that leaks."""

UP_AXES = ("y", "z")
"""Which axis of a foreign mesh is up."""

Record = TypeVar("Record", Material, SceneObject, Room, Portal, Light, AudioEmitter)
Rows = list[dict[str, Any]]


def save_scene(scene: Scene, path: str | Path) -> Path:
    """Writes `scene` as NAME.glb with its sidecar NAME.json, and returns the .glb's path.

    The .glb opens in any viewer (one mesh a material); the sidecar holds objects, rooms, portals, lights and acoustic
    materials, and the order of vertices and triangles, so that loading gives back the same digest. Both files are
    written under a temporary name first, so an interrupted save leaves no half-written file.

    Raises:
        ValueError: the path does not end in .glb.
        OSError: the folder is missing or not writable.
    """
    target = Path(path)
    if target.suffix.lower() != ".glb":
        raise ValueError(
            f"scenes are saved as .glb with a .json beside it: {target.name!r} should be {target.stem}.glb"
        )
    exported = export_glb(scene)
    text = json.dumps(_sidecar(scene, exported.vertex, exported.triangle), indent=1)
    with whole_file(target) as glb, whole_file(target.with_suffix(".json")) as sidecar:
        glb.write_bytes(exported.content)
        sidecar.write_text(text, encoding="utf-8")
    return target


def _sidecar(scene: Scene, corner_vertex: npt.NDArray[np.int32], order: npt.NDArray[np.int32]) -> dict[str, Any]:
    unused = np.setdiff1d(np.arange(len(scene.vertices), dtype=np.int32), corner_vertex)
    return {
        "format": SCENE_FORMAT,
        "name": scene.name,
        "digest": scene.digest,
        "meta": dict(scene.meta),
        "materials": [asdict(m) for m in scene.materials],
        "objects": [asdict(o) for o in scene.objects],
        "rooms": [asdict(r) for r in scene.rooms],
        "portals": [asdict(p) for p in scene.portals],
        "lights": [asdict(light) for light in scene.lights],
        "emitters": [asdict(emitter) for emitter in scene.emitters],
        "geometry": {
            "vertex_count": len(scene.vertices),
            "vertex_index": _packed(corner_vertex),
            "triangle_index": _packed(order),
            "triangle_object": _packed(scene.triangle_object),
            "triangle_material": _packed(scene.triangle_material),
            "unused_index": _packed(unused),
            "unused_vertices": _packed(scene.vertices[unused]),
            "uv": None if scene.uv is None else _packed(scene.uv),
            "vertex_color": None if scene.vertex_color is None else _packed(scene.vertex_color),
        },
        "textures": [{"name": t.name, "wrap": list(t.wrap)} for t in scene.textures],  # the images are in the .glb
        "material_texture": list(scene.material_texture),
    }


def _packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode("ascii")


def _unpacked(text: str, dtype: Any) -> npt.NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=dtype)


MaterialChoice = str | Material | Mapping[str, str | Material] | None


def load_scene_file(path: str | Path, materials: MaterialChoice = None, leaks: str = "error", up: str = "y") -> Scene:
    """Returns the scene in a file: a .glb with its sidecar, or a foreign mesh (.glb, .gltf, .obj, .ply, .stl, .off).

    Args:
        path: the mesh file.
        materials: for foreign meshes: one material for all, or one for each material name of the file. Without it, a
            name of the file that is (or contains) a name of the materials table is taken.
        leaks: for foreign meshes: "error" refuses one that lets rays escape, "warn" only says so, as scans need it.
        up: for foreign meshes: "y", or "z" for those that are +Z up with +Y ahead; they are turned.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file cannot be read, or an unknown option.
        SceneError: a foreign mesh leaks, has no floor, or a part of it has no material. What is only doubtful is a
            `SceneWarning` (docs/scenes.md).
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"no scene file {str(file)!r}: check the path, or name a generated scene such as 'house:7'"
        )
    sidecar = file.with_suffix(".json")
    if file.suffix.lower() == ".glb" and sidecar.is_file() and materials is None:
        own = remember_file(_saved(file, sidecar), file)
        # Whatever was saved is given back: what is wrong with it is said, not refused.
        report(replace(issue, severity="warning") for issue in mesh_issues(own))
        return own
    if leaks not in LEAKS:
        raise name_error("way to treat leaks", leaks, LEAKS)
    if up not in UP_AXES:
        raise name_error("axis that is up", up, UP_AXES)
    scene = _load_foreign(file, materials, up)
    found = check_scene(scene)
    if leaks == "warn":
        found = tuple(replace(issue, severity="warning") if issue.kind == "leak" else issue for issue in found)
    report(found)
    return scene


def _saved(file: Path, sidecar: Path) -> Scene:
    try:
        table = json.loads(sidecar.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"the sidecar {str(sidecar)!r} is not valid JSON ({error}): save the scene again") from error
    found = table.get("format") if isinstance(table, dict) else None
    if found not in (1, SCENE_FORMAT):
        raise ValueError(
            f"{str(sidecar)!r} has scene format {found}, this version reads {SCENE_FORMAT}: save the scene again, or "
            f"rename that file if it has nothing to do with {file.name}"
        )
    try:
        return _load_own(file, sidecar, table)
    except (KeyError, TypeError, AttributeError, IndexError, binascii.Error, zlib.error) as error:
        raise ValueError(f"the sidecar {str(sidecar)!r} is damaged ({error!r}): save the scene again") from error


def _load_own(file: Path, sidecar: Path, table: dict[str, Any]) -> Scene:
    geometry = table["geometry"]
    gltf = open_gltf(file)
    parts = sorted(gltf_parts(gltf, textures=False), key=lambda part: (part.name != part_name(-1), part.name))
    vertices = np.zeros((geometry["vertex_count"], 3), dtype=np.float32)
    source, order = _unpacked(geometry["vertex_index"], np.int32), _unpacked(geometry["triangle_index"], np.int32)
    stored = np.concatenate([p.vertices for p in parts]) if parts else np.zeros((0, 3))
    if len(stored) != len(source) or sum(len(p.triangles) for p in parts) != len(order):
        raise ValueError(
            f"{file.name} and {sidecar.name} do not belong together: load the mesh without the sidecar, or save again"
        )
    vertices[source] = stored.astype(np.float32)
    vertices[_unpacked(geometry["unused_index"], np.int32)] = _unpacked(
        geometry["unused_vertices"], np.float32
    ).reshape(-1, 3)
    offsets = np.cumsum([0, *(len(p.vertices) for p in parts)])
    faces = np.concatenate([source[p.triangles + k] for p, k in zip(parts, offsets[:-1], strict=True)])
    triangles = np.zeros((len(order), 3), dtype=np.int32)
    triangles[order] = faces
    uv, colors = geometry["uv"], geometry.get("vertex_color")
    return Scene(
        name=table["name"],
        vertices=vertices,
        triangles=triangles,
        triangle_material=_unpacked(geometry["triangle_material"], np.int32),
        triangle_object=_unpacked(geometry["triangle_object"], np.int32),
        materials=_records(Material, table["materials"]),
        objects=_records(SceneObject, table["objects"]),
        rooms=_records(Room, table["rooms"]),
        portals=_records(Portal, table["portals"]),
        lights=_records(Light, table["lights"]),
        emitters=_records(AudioEmitter, table.get("emitters", [])),
        uv=None if uv is None else _unpacked(uv, np.float32).reshape(-1, 3, 2),
        vertex_color=None if colors is None else _unpacked(colors, np.uint8).reshape(-1, 3),
        textures=tuple(_texture(gltf, k, row) for k, row in enumerate(table["textures"])),
        material_texture=tuple(table["material_texture"]),
        meta=table["meta"],
    )


def _records(kind: Callable[..., Record], rows: Rows) -> tuple[Record, ...]:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    for row in rows:
        extra = set(row) - known
        if extra:
            raise ValueError(
                f"the scene's sidecar has an unknown entry {sorted(extra)[0]!r}; known: {', '.join(sorted(known))}"
            )
    return tuple(kind(**{key: _frozen(value) for key, value in row.items()}) for row in rows)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _texture(gltf: Gltf, number: int, row: Mapping[str, Any]) -> Texture:
    if "png" in row:  # format 1
        from PIL import Image

        picture = Image.open(io.BytesIO(base64.b64decode(row["png"]))).convert("RGB")
        image = np.asarray(picture, dtype=np.uint8)
    else:
        image = gltf.image(number, "the sidecar")
    wrap = row.get("wrap", ("repeat", "repeat"))
    return Texture(row["name"], image, (wrap[0], wrap[1]))


def _load_foreign(file: Path, materials: MaterialChoice, up: str) -> Scene:
    parts = read_parts(file)
    if up == "z":
        parts = [part._replace(vertices=part.vertices[:, [0, 2, 1]] * np.array([1.0, 1.0, -1.0])) for part in parts]
    if not any(len(part.triangles) for part in parts):
        raise ValueError(f"the mesh {str(file)!r} has no triangles: export it again")
    emitters = gltf_emitters(open_gltf(file)) if file.suffix.lower() in (".glb", ".gltf") else ()
    if up == "z":
        emitters = tuple(map(turned_upright, emitters))
    if isinstance(materials, Mapping):
        known = {name for part in parts for name in (part.label, part.name)}
        for name in sorted(set(materials) - known):  # one table may serve many files
            warnings.warn(f"{name_error(f'material of {file.name}', name, known)}", SceneWarning, stacklevel=3)
    parts = [part._replace(material=_material_of(file, part, materials)) for part in parts]
    return scene_from_parts(file.stem, parts, emitters=emitters, file=file)


def _material_of(file: Path, part: MeshPart, materials: MaterialChoice) -> Material:
    if materials is not None and not isinstance(materials, Mapping):
        return find_material(materials)
    if materials is not None and (part.label in materials or part.name in materials):
        return find_material(materials[part.label if part.label in materials else part.name])
    words = part.label.lower().replace("-", "_").replace(" ", "_")
    for name in sorted(load_materials(), key=len, reverse=True):
        if name in words:
            return find_material(name)
    raise SceneError(
        f"{file.name}: part {part.name!r} has the material {part.label!r}, which is none of the materials table: "
        f"pass materials={{{part.label!r}: 'plaster'}} (or materials='plaster' for all; on the command line: "
        f"avi scenes convert {file.name} mine.glb --material plaster), or rename it in the file"
    )
