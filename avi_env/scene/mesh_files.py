"""Mesh files as parts: glTF, OBJ, PLY, STL and OFF, each by its suffix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avi_env.scene.mesh_parts import MeshPart
from avi_env.scene.model import Texture

__all__ = ["MESH_SUFFIXES", "read_parts"]

MESH_SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl", ".off")
"""Files that `read_parts` reads."""


def read_parts(path: str | Path) -> list[MeshPart]:
    """Returns the meshes of a file in its own world frame, one part for each mesh and material, without `material`.

    Args:
        path: a .glb, .gltf, .obj, .ply, .stl or .off file.

    Raises:
        FileNotFoundError: no such file, or a file that it refers to is missing.
        ValueError: it cannot be read; the message names file, culprit and remedy.
    """
    import trimesh

    file = Path(path)
    try:
        loaded = trimesh.load(str(file), process=False, maintain_order=True, force="scene")
    except Exception as error:
        raise ValueError(f"cannot read the mesh {str(file)!r}: {error}; is it a valid {file.suffix} file?") from error
    parts = []
    for node in loaded.graph.nodes_geometry:
        transform, geometry = loaded.graph[node]
        mesh = loaded.geometry[geometry]
        if hasattr(mesh, "faces") and len(mesh.faces):
            mesh = mesh if np.allclose(transform, np.eye(4)) else mesh.copy().apply_transform(transform)
            parts.append(_part(str(node), mesh))
    return parts


def _part(name: str, mesh: Any) -> MeshPart:
    visual = mesh.visual
    material = getattr(visual, "material", None)
    label = str(getattr(material, "name", None) or name)
    part = MeshPart(name, np.asarray(mesh.vertices), np.asarray(mesh.faces), label=label)
    if visual.kind == "vertex":
        part = part._replace(color=np.asarray(visual.vertex_colors, dtype=np.uint8)[:, :3], unlit=True)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if image is not None and visual.uv is not None:
        texture = Texture(label, np.asarray(image.convert("RGB"), dtype=np.uint8))
        part = part._replace(texture=texture, uv=np.asarray(visual.uv))
    return part
