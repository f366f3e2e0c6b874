"""Scene packs: folders with a scene.toml that says which scenes they hold ("rooms/l_room")."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from avi_env.content import content_names, content_path, name_error
from avi_env.scene.air import AirBox, air_scene
from avi_env.scene.mesh import unchecked_scene
from avi_env.scene.model import Material, Scene

__all__ = ["PACK_FILE", "PackEntry", "ScenePack", "load_pack", "pack_scene", "pack_scene_names", "scene_packs"]

PACK_FILE = "scene.toml"
_SCHEMA = 1


@dataclass(frozen=True)
class PackEntry:
    """One scene of a pack; exactly one of `air`, `mesh` and `file` says what it is made of."""

    name: str
    summary: str = ""
    known: str = ""
    """What theory says of it."""
    air: tuple[AirBox, ...] = ()
    """Boxes of air."""
    mesh: Mapping[str, Any] | None = None
    """Vertices, triangles and the material's name of each triangle, in the file itself."""
    file: str = ""
    """A mesh or scene file beside the scene.toml."""
    material: Any = "plaster"
    """A name for all, or a table with floor, ceiling and wall; names of the pack or of the materials table."""
    source: tuple[float, ...] = ()
    """A place for a source [m]."""
    listener: tuple[float, ...] = ()
    """A place for a listener [m]."""


@dataclass(frozen=True)
class ScenePack:
    """A folder of scenes."""

    name: str
    folder: Path
    summary: str
    licence: str
    materials: Mapping[str, Material]
    scenes: Mapping[str, PackEntry]
    generator: str = ""
    """Name of the generator whose scenes the pack stands for ("house"), which need no entry each."""


def scene_packs() -> tuple[str, ...]:
    """Returns the names of the packs that are installed."""
    return tuple(name for name in content_names("scenes") if (content_path("scenes", name) / PACK_FILE).is_file())


def pack_scene_names(pack: str) -> tuple[str, ...]:
    """Returns the names by which `load_scene` finds the scenes of a pack."""
    return tuple(f"{pack}/{name}" for name in load_pack(pack).scenes)


def load_pack(name: str | Path) -> ScenePack:
    """Returns a pack by its name or its folder's path.

    Raises:
        ValueError: no such pack, no scene.toml in it, or an entry that is unknown, missing or of the wrong kind.
    """
    folder = content_path("scenes", name)
    file = folder / PACK_FILE
    if not file.is_file():
        raise ValueError(f"scene pack {str(folder)!r} has no {PACK_FILE}: it says which scenes are in the folder")
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(file)!r} is no valid TOML: {error}") from error
    if table.get("schema") != _SCHEMA:
        raise ValueError(f"{str(file)!r} has schema {table.get('schema')!r}, this version reads {_SCHEMA}")
    materials = {key: _record(Material, {"name": key, **row}, file) for key, row in table.get("material", {}).items()}
    entries = [_entry(row, file) for row in table.get("scene", [])]
    return ScenePack(
        folder.name,
        folder,
        str(table.get("summary", "")),
        str(table.get("licence", "")),
        materials,
        {entry.name: entry for entry in entries},
        str(table.get("generator", "")),
    )


def _entry(row: dict[str, Any], file: Path) -> PackEntry:
    boxes = tuple(_record(AirBox, box, file) for box in row.get("air", ()))
    entry: PackEntry = _record(PackEntry, {**row, "air": boxes}, file)
    if sum((bool(entry.air), entry.mesh is not None, bool(entry.file))) != 1:
        raise ValueError(f"{str(file)!r}: scene {entry.name!r} needs exactly one of air, mesh and file")
    return entry


def _record(kind: type[Any], row: Mapping[str, Any], file: Path) -> Any:
    known = [f.name for f in fields(kind)]
    for key in row:
        if key not in known:
            raise ValueError(f"{str(file)!r}: {name_error('entry', key, known)}")
    try:
        return kind(**{key: _tuples(value) for key, value in row.items()})
    except TypeError as error:
        raise ValueError(f"{str(file)!r}: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def pack_scene(name: str) -> Scene | None:
    """Returns the scene "PACK/SCENE", or of "PACK" where it holds one scene alone; None where no pack is meant.

    PACK is the name of an installed pack or the path of a folder with a scene.toml.

    Raises:
        ValueError: the pack has no such scene; the message names the nearest one.
    """
    pack_name, entry_name = _split(name)
    if not pack_name:
        return None
    pack = load_pack(pack_name)
    if not entry_name and len(pack.scenes) == 1:
        entry_name = next(iter(pack.scenes))
    if entry_name not in pack.scenes:
        if not pack.scenes:
            raise ValueError(f"pack {pack_name!r} holds no scenes but what makes them: write for example 'house:7'")
        if not entry_name:
            raise ValueError(f"pack {pack_name!r} holds several scenes: write {pack_name}/{next(iter(pack.scenes))}")
        raise name_error(f"scene of pack {pack_name!r}", entry_name, pack.scenes)
    return _build(pack, pack.scenes[entry_name])


def _split(name: str) -> tuple[str, str]:
    """The pack and the scene in it that a name stands for; empty strings where it names no pack."""
    head, _, tail = name.rstrip("/").rpartition("/")
    for pack, entry in ((name.rstrip("/"), ""), (head, tail)):
        if pack and (pack in scene_packs() or (Path(pack) / PACK_FILE).is_file()):
            return pack, entry
    return "", ""


def _build(pack: ScenePack, entry: PackEntry) -> Scene:
    name = f"{pack.name}/{entry.name}"
    meta = {"pack": pack.name, "source": list(entry.source), "listener": list(entry.listener), "known": entry.known}
    material = _named(pack, entry.material)
    if entry.air:
        boxes = [replace(box, material=_named(pack, box.material)) for box in entry.air]
        return air_scene(name, boxes, material, meta)
    if entry.mesh is not None:
        mesh = _mesh(pack, name, entry.mesh, material)
        return replace(mesh, meta={**mesh.meta, **meta})
    from avi_env.scene.files import load_scene_file

    scene = load_scene_file(pack.folder / entry.file, pack.materials or None)
    return replace(scene, name=name, meta={**scene.meta, **meta})


_MESH_KEYS = ("vertices", "triangles", "triangle_material")


def _mesh(pack: ScenePack, name: str, rows: Mapping[str, Any], material: Any) -> Scene:
    for key in rows:
        if key not in _MESH_KEYS:
            raise name_error(f"entry of the mesh of {name!r}", key, _MESH_KEYS)
    labels = rows.get("triangle_material")
    table = material if labels is None else {label: pack.materials.get(label, label) for label in labels}
    # The scene is what its author says: test rooms may be open and mirror perfectly, so doubts are not voiced.
    return unchecked_scene(rows.get("vertices", ()), rows.get("triangles", ()), table, labels, name)


def _named(pack: ScenePack, choice: Any) -> Any:
    """The materials of an entry, with the pack's own in place of their names."""
    if isinstance(choice, Mapping):
        return {side: pack.materials.get(value, value) for side, value in choice.items()}
    return pack.materials.get(choice, choice)
