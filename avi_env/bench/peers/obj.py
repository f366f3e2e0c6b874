"""Wavefront OBJ files for those contestants that read meshes from files only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["write_obj"]


def write_obj(
    path: Path,
    vertices: npt.NDArray[np.floating[Any]],
    triangles: npt.NDArray[np.int32],
    materials: Sequence[str] | None = None,
) -> None:
    """Writes a mesh with one normal a triangle.

    Args:
        path: the file.
        vertices: [m], shape (V, 3).
        triangles: vertex indices, shape (T, 3).
        materials: name for each triangle, of a .mtl file beside this one; None = no materials.
    """
    a, b, c = np.moveaxis(vertices[triangles].astype(np.float64), 1, 0)
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"vn {x:.5f} {y:.5f} {z:.5f}" for x, y, z in normals]
    last = None
    for number, (i, j, k) in enumerate(triangles + 1, 1):
        if materials is not None and materials[number - 1] != last:
            last = materials[number - 1]
            lines.append(f"usemtl {last}")
        lines.append(f"f {i}//{number} {j}//{number} {k}//{number}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
