"""Scenes by name or path: generated ones, packs, files, and the data sets that people own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avi_env.content import name_error
from avi_env.scene.house import generate_house
from avi_env.scene.house_specs import house_arguments, house_name, house_names
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Scene
from avi_env.scene.pack import pack_scene, pack_scene_names, scene_packs

__all__ = ["load_scene", "scene_names"]

_DATASET = re.compile(r"(?P<path>.*\.scene_dataset_config\.json)(?::(?P<scene>.+))?")
_HABITAT = (".scene_instance.json", ".stage_config.json")
_HOUSES = re.compile(r"(?P<path>.*\.(?:jsonl|json)(?:\.gz)?)(?::(?P<number>\d+))?")
_ALL = ":*"


def load_scene(path_or_name: str | Path, **options: Any) -> Scene:
    """Returns a scene by name or path. The first rule that fits decides; docs/datasets.md has them as a table.

    1. "house:SEED", "house:SPLIT:SEED" or "house:SPLIT:SEED:ROOMS" (SPLIT is train, val or test) are generated;
       "shoebox:XxYxZ" or "shoebox:XxYxZ:MATERIAL" is a room in metres, Y = height.
    2. "X.scene_dataset_config.json:SCENE", "X.scene_instance.json" and "X.stage_config.json" are Habitat's.
    3. Other .json, .json.gz, "X.jsonl:NUMBER" and "X.jsonl.gz:NUMBER" are ProcTHOR houses.
    4. A .glb with its own .json beside it is a saved scene.
    5. A file or folder of a scan of HM3D, MP3D, Gibson or Replica is the whole scan.
    6. Other .glb, .gltf, .obj, .ply, .stl and .off files are meshes.
    7. "PACK/SCENE" is a scene of a pack, "PACK" of one with a single scene.

    Args:
        path_or_name: which scene.
        options: `materials` (2, 3, 5: by category, or a .json file in the RLR format; 6: by the file's names),
            `names` ("mpcat40" or "raw", MP3D's categories), `assets` (3: AI2-THOR's asset-database.json), `leaks`
            and `up` (6: see `avi_env.scene.files.load_scene_file`).

    Raises:
        ValueError: no such scene (the message names the nearest one), an option that its kind does not take, or a
            malformed file.
        FileNotFoundError: a file is missing.
        SceneError: the scene cannot be used: nobody could stand in it, a foreign mesh leaks or has no material.
    """
    name = str(path_or_name)
    for loader in (_generated, _habitat, _procthor, _scan, _mesh, _packed):
        scene = loader(name, options)
        if scene is not None:
            return scene
    known = ("house:7", "houses:64", "shoebox:6x3x4", "scene.glb", *_packed_names())
    raise name_error("scene", name, known)


def scene_names(spec: str, rooms: int = 0) -> tuple[str, ...]:
    """Returns the names of the scenes that a specification stands for.

    "houses:64" stands for house:0 ... house:63, "houses:val:100-163" for house:val:100 ... house:val:163,
    "X.scene_dataset_config.json:*" for all scenes of a data set; commas join several; anything else stands for itself.

    Args:
        spec: the specification.
        rooms: number of rooms of the houses in it, "house:7" then stands for "house:7:5"; 0 = as they are drawn.

    Raises:
        ValueError: the specification is empty or holds no scene, or `rooms` are given for a scene that is not
            generated, or says itself what rooms it has.
    """
    names: list[str] = []
    for part in (p.strip() for p in str(spec).split(",")):
        if part.partition(":")[0] == "houses":
            names += house_names(part)
        elif part.endswith(_ALL) and _DATASET.fullmatch(part):
            from avi_env.scene.datasets.habitat import dataset_scenes

            path = part.removesuffix(_ALL)
            names += [f"{path}:{scene}" for scene in dataset_scenes(path)]
        elif part:
            names.append(part)
    if not names:
        raise ValueError(f"scenes {spec!r} stands for no scene: give for example 'house:7' or 'houses:64'")
    return tuple(_with_rooms(name, rooms) for name in names) if rooms else tuple(names)


def _with_rooms(name: str, rooms: int) -> str:
    """Returns the name of a house of so many rooms."""
    if not name.startswith("house:"):
        raise ValueError(f"rooms={rooms} is for generated houses, as 'house:7' and 'houses:64', not for {name!r}")
    house = house_arguments(name)
    if house.rooms is not None or house.spec is not None:
        raise ValueError(f"scene {name!r} says itself what rooms it has: leave rooms={rooms} away, or the name's end")
    return house_name(house._replace(rooms=rooms))


def _packed_names() -> tuple[str, ...]:
    return tuple(name for pack in scene_packs() for name in (pack, *pack_scene_names(pack)))


def _only(name: str, kind: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for option in options:
        if option not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no options"
            raise ValueError(f"scene {name!r}: {kind} {takes}, not {option!r}")


def _generated(name: str, options: Mapping[str, Any]) -> Scene | None:
    kind, _, argument = name.partition(":")
    if kind not in ("house", "shoebox") or not argument:
        return None
    _only(name, "a generated scene", options, ())
    if kind == "house":
        seed, rooms, split, spec = house_arguments(name)
        return generate_house(seed, rooms, split=split, spec=spec)
    return _shoebox(name, argument)


def _shoebox(name: str, argument: str) -> Scene:
    size, _, material = argument.partition(":")
    try:
        width, height, depth = (float(v) for v in size.lower().split("x"))
    except ValueError:
        raise ValueError(
            f"scene {name!r}: write 'shoebox:XxYxZ' in metres, Y = height, as in 'shoebox:6x3x4'"
        ) from None
    return shoebox((width, height, depth), material or "plaster")


def _habitat(name: str, options: Mapping[str, Any]) -> Scene | None:
    match = _DATASET.fullmatch(name)
    if match is None and not name.endswith(_HABITAT):
        return None
    _only(name, "a scene of a Habitat data set", options, ("materials", "names"))
    from avi_env.scene.datasets.habitat_scene import load_habitat

    if match is None:
        return load_habitat(name, **options)
    return load_habitat(match["path"], match["scene"] or "", **options)


def _procthor(name: str, options: Mapping[str, Any]) -> Scene | None:
    match = _HOUSES.fullmatch(name)
    if match is None or Path(name).name == "info_semantic.json":
        return None
    mesh = Path(name).with_suffix(".glb")
    if name.endswith(".json") and mesh.is_file():
        raise ValueError(f"{name!r} belongs to the saved scene {mesh.name!r}: load that file")
    _only(name, "a ProcTHOR house", options, ("materials", "assets"))
    from avi_env.scene.datasets.procthor_scene import load_procthor

    number = int(match["number"]) if match["number"] else None
    return load_procthor(match["path"], number, **options)


def _scan(name: str, options: Mapping[str, Any]) -> Scene | None:
    path = Path(name)
    if not path.exists() or (path.suffix.lower() == ".glb" and path.with_suffix(".json").is_file()):
        return None
    from avi_env.scene.datasets.named_scans import find_scan
    from avi_env.scene.datasets.scan import load_scan

    scan = find_scan(path)
    if scan is None:
        return None
    _only(name, f"a scan of {scan.dataset}", options, ("materials", "names"))
    return load_scan(scan, **options)


def _mesh(name: str, options: Mapping[str, Any]) -> Scene | None:
    from avi_env.scene.mesh_files import MESH_SUFFIXES

    if Path(name).suffix.lower() not in MESH_SUFFIXES:
        return None
    _only(name, "a mesh file", options, ("materials", "leaks", "up"))
    from avi_env.scene.files import load_scene_file

    return load_scene_file(Path(name), **options)


def _packed(name: str, options: Mapping[str, Any]) -> Scene | None:
    scene = pack_scene(name)
    if scene is not None:
        _only(name, "a scene of a pack", options, ())
    return scene
