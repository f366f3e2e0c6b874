"""Mesh files as parts: glTF, OBJ, PLY, STL and OFF, each by its suffix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avi_env.content import name_error
from avi_env.scene.gltf import open_gltf
from avi_env.scene.gltf_parts import gltf_parts
from avi_env.scene.mesh_parts import MeshPart
from avi_env.scene.obj import obj_parts
from avi_env.scene.ply import ply_parts

__all__ = ["MESH_SUFFIXES", "read_parts"]

MESH_SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl", ".off")
"""Files that `read_parts` reads."""


def read_parts(path: str | Path, textures: bool = True) -> list[MeshPart]:
    """Returns the meshes of a file in its own world frame, one part for each mesh and material, without `material`.

    Args:
        path: a .glb, .gltf, .obj, .ply, .stl or .off file.
        textures: whether to read its pictures.

    Raises:
        FileNotFoundError: no such file, or a file that it refers to is missing.
        ValueError: it cannot be read; the message names file, culprit and remedy.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no mesh file {str(file)!r}: check the path")
    suffix = file.suffix.lower()
    if suffix in (".glb", ".gltf"):
        return gltf_parts(open_gltf(file, textures), textures)
    if suffix == ".obj":
        return obj_parts(file, textures)
    if suffix == ".ply":
        return ply_parts(file, textures)
    if suffix not in MESH_SUFFIXES:
        raise name_error("mesh file", file.name, MESH_SUFFIXES)
    return _bare_parts(file)


def _bare_parts(file: Path) -> list[MeshPart]:
    """Triangles without looks, of the formats that have no more."""
    import trimesh

    try:
        mesh = trimesh.load(str(file), process=False, maintain_order=True, force="mesh")
    except Exception as error:  # trimesh raises whatever its readers meet
        raise ValueError(f"cannot read the mesh {str(file)!r}: {error}; is it a valid {file.suffix} file?") from error
    return [MeshPart(file.stem, np.asarray(mesh.vertices), np.asarray(mesh.faces), label=file.stem)]
