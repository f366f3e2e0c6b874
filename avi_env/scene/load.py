"""Scenes by name: "house:7", "shoebox:6x3x4", a file's path, or a pack in the scenes folder."""

from __future__ import annotations

from pathlib import Path

from avi_env.content import content_names, content_path, name_error
from avi_env.scene.house import generate_house
from avi_env.scene.house_specs import house_arguments, house_names
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Scene

__all__ = ["load_scene", "scene_names"]

_GENERATORS = ("house", "houses", "shoebox")


def load_scene(path_or_name: str | Path) -> Scene:
    """Returns a scene by name or path.

    Args:
        path_or_name: "house:SEED", "house:SPLIT:SEED" or "house:SPLIT:SEED:ROOMS" (generated; SPLIT is train, val or
            test), "shoebox:XxYxZ" or "shoebox:XxYxZ:MATERIAL"
            (metres, Y = height), a path to .glb (with its .json sidecar), .gltf, .obj or .ply, or a scene pack's name.

    Raises:
        ValueError: no such scene; the message names the nearest one.
        SceneError: the file's mesh leaks, has no floor or no material.
    """
    name = str(path_or_name)
    kind, _, argument = name.partition(":")
    if kind == "house" and argument:
        seed, rooms, split = house_arguments(name)
        return generate_house(seed, rooms, split=split)
    if kind == "shoebox" and argument:
        return _shoebox(name, argument)
    if Path(name).suffix and (Path(name).exists() or Path(name).suffix.lower() in _file_suffixes()):
        from avi_env.scene.files import load_scene_file

        return load_scene_file(Path(name))
    if name in content_names("scenes"):
        from avi_env.scene.files import load_scene_file

        return load_scene_file(content_path("scenes", name) / "scene.glb")
    raise name_error("scene", name, ("house:7", "houses:64", "shoebox:6x3x4", "scene.glb", *content_names("scenes")))


def scene_names(spec: str) -> tuple[str, ...]:
    """Returns the names of the scenes that a specification stands for.

    "houses:64" stands for house:0 ... house:63, "houses:val:100-163" for house:val:100 ... house:val:163; commas join
    several; anything else stands for itself.

    Raises:
        ValueError: the specification is empty or holds no scene.
    """
    names: list[str] = []
    for part in str(spec).split(","):
        kind = part.strip().partition(":")[0]
        if kind == "houses":
            names += house_names(part.strip())
        elif part.strip():
            names.append(part.strip())
    if not names:
        raise ValueError(f"scenes {spec!r} stands for no scene: give for example 'house:7' or 'houses:64'")
    return tuple(names)


def _shoebox(name: str, argument: str) -> Scene:
    size, _, material = argument.partition(":")
    try:
        width, height, depth = (float(v) for v in size.lower().split("x"))
    except ValueError:
        raise ValueError(
            f"scene {name!r}: write 'shoebox:XxYxZ' in metres, Y = height, as in 'shoebox:6x3x4'"
        ) from None
    return shoebox((width, height, depth), material or "plaster")


def _file_suffixes() -> tuple[str, ...]:
    return (".glb", ".gltf", ".obj", ".ply", ".stl", ".off")
