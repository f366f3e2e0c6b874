"""Scans as scenes: the mesh to look at, the mesh that names the objects, and the file that describes them, together."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.annotation import Annotation, checked_scan, scan_scene
from avi_env.scene.datasets.categories import MaterialChoice
from avi_env.scene.datasets.frames import Y_UP
from avi_env.scene.datasets.hm3d import color_labels, read_semantic_txt, region_rooms
from avi_env.scene.datasets.json_files import read_json
from avi_env.scene.datasets.mp3d import read_house
from avi_env.scene.datasets.replica import read_info_semantic, read_scn
from avi_env.scene.datasets.transfer import labels_from_mesh
from avi_env.scene.findings import SceneWarning
from avi_env.scene.mesh_files import read_parts
from avi_env.scene.mesh_parts import MeshPart
from avi_env.scene.model import Scene
from avi_env.scene.ply import Ragged, ply_parts, ply_triangles, read_ply

__all__ = ["Scan", "labelled_parts", "load_scan", "posed", "read_asset", "read_descriptor"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_OBJECT_ID, _SEGMENT_ID = "object_id", "material_id"  # Matterport's own meshes name the segment "material_id"


@dataclass(frozen=True)
class Scan:
    """The files of one scan, and how their axes lie."""

    name: str
    render: Path | None = None
    """The mesh to look at; None: the semantic one."""
    semantic: Path | None = None
    """The mesh whose faces name objects."""
    descriptor: Path | None = None
    """What describes the objects: .house, .semantic.txt, info_semantic.json or .scn."""
    frame: FloatArray = field(default_factory=lambda: Y_UP)
    """Rotation of the render mesh into the world, shape (3, 3)."""
    semantic_frame: FloatArray = field(default_factory=lambda: Y_UP)
    dataset: str = "scan"


def load_scan(scan: Scan, materials: MaterialChoice = None, names: str = "mpcat40") -> Scene:
    """Returns a scan with its objects and rooms; its looks hold their own light (unlit).

    Args:
        scan: its files.
        materials: see `MaterialChoice`.
        names: names of MP3D's categories, "mpcat40" or "raw".

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is malformed; the message names file, place and remedy.
        SceneError: nobody could stand or see in it.
    """
    annotation = read_descriptor(scan.descriptor, names) if scan.descriptor is not None else Annotation()
    parts, labels = labelled_parts(scan, annotation)
    if annotation.colors is not None:
        annotation = replace(annotation, rooms=region_rooms(annotation, parts, labels))
    parts = [part._replace(unlit=part.has_looks) for part in parts]
    meta = {"generator": "dataset", "dataset": scan.dataset, "files": [p.name for p in _files(scan)]}
    file = scan.render or scan.semantic
    return checked_scan(scan_scene(scan.name, parts, labels, annotation, materials, meta=meta, file=file))


def _files(scan: Scan) -> list[Path]:
    return [path for path in (scan.render, scan.semantic, scan.descriptor) if path is not None]


def read_descriptor(path: Path, names: str = "mpcat40") -> Annotation:
    """Returns what a semantic descriptor says, in the world frame, by its kind: see docs/datasets.md.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is of no known kind, or malformed.
    """
    if path.suffix == ".house":
        return read_house(path, names)
    if path.suffix == ".txt":
        return read_semantic_txt(path)
    if path.suffix in (".json", ".scn"):
        return read_info_semantic(path) if "classes" in read_json(path).table else read_scn(path)
    raise ValueError(
        f"{str(path)!r} is no semantic descriptor that is read: .house (MP3D), .semantic.txt (HM3D), "
        f"info_semantic.json (Replica), .scn (Gibson)"
    )


def labelled_parts(scan: Scan, annotation: Annotation) -> tuple[list[MeshPart], list[IntArray]]:
    """Returns the parts to look at, in the world frame, and the object index of each triangle, -1 = none.

    Labels are read from the semantic mesh; a render mesh of its own takes over the nearest ones.

    Raises:
        FileNotFoundError: a mesh is missing.
        ValueError: no mesh at all, or one is malformed.
    """
    if scan.render is None and scan.semantic is None:
        raise ValueError(f"scan {scan.name!r} has no mesh: give a render or a semantic mesh")
    semantic, labels = _semantic_parts(scan, annotation) if scan.semantic is not None else ([], [])
    if scan.render is None or scan.render == scan.semantic:
        return semantic, labels
    parts = [posed(part, scan.frame) for part in read_asset(scan.render)]
    if not semantic:
        return parts, [np.full(len(part.triangles), -1, dtype=np.int64) for part in parts]
    ends = np.cumsum([len(part.triangles) for part in parts])[:-1]
    joined = labels_from_mesh(*_joined(parts), _joined(semantic), np.concatenate(labels))
    missing = float((joined < 0).mean()) if len(joined) else 0.0
    if missing > 0.5:
        warnings.warn(
            f"scan {scan.name!r}: {100 * missing:.0f} % of the triangles of {scan.render.name} lie near none of "
            f"{scan.semantic.name if scan.semantic else ''}: are both meshes in the same frame?",
            SceneWarning,
            stacklevel=4,
        )
    return parts, np.split(joined, ends)


def _semantic_parts(scan: Scan, annotation: Annotation) -> tuple[list[MeshPart], list[IntArray]]:
    assert scan.semantic is not None
    if scan.semantic.suffix.lower() == ".ply":
        return _labelled_ply(scan.semantic, scan.semantic_frame, annotation)
    parts = [posed(part, scan.semantic_frame) for part in read_asset(scan.semantic)]
    colors = dict(annotation.colors or {})
    labels = [color_labels(part, colors) for part in parts]
    if colors and not any(np.any(label >= 0) for label in labels):
        warnings.warn(
            f"{scan.semantic.name}: none of its colours is one of {scan.descriptor and scan.descriptor.name}: "
            f"its triangles have no objects",
            SceneWarning,
            stacklevel=5,
        )
    return parts, labels


def _labelled_ply(path: Path, frame: FloatArray, annotation: Annotation) -> tuple[list[MeshPart], list[IntArray]]:
    if not path.is_file():
        raise FileNotFoundError(f"no semantic mesh {str(path)!r}: it lies beside the file that describes its objects")
    parts = [posed(part, frame) for part in ply_parts(path, textures=False)]
    numbers = _face_numbers(path)
    if _OBJECT_ID in numbers:
        keys = numbers[_OBJECT_ID]
    elif _SEGMENT_ID in numbers and annotation.segments:
        keys = _looked_up(numbers[_SEGMENT_ID], dict(annotation.segments))
    elif annotation.objects:
        known = ", ".join(sorted(numbers)) or "nothing"
        raise ValueError(f"{path.name}: its faces have no {_OBJECT_ID!r} (they have {known}), so they name no objects")
    else:
        keys = np.full(len(parts[0].triangles), -1, dtype=np.int64)
    return parts, [_looked_up(keys, annotation.index_of_key)]


def _face_numbers(path: Path) -> dict[str, IntArray]:
    """The numbers that the faces of a PLY file carry, one for each triangle of `ply_parts`."""
    faces = read_ply(path).elements["face"]
    corners = next(c for c in (faces.get("vertex_indices"), faces.get("vertex_index")) if isinstance(c, Ragged))
    _, owner, _ = ply_triangles(corners)
    return {k: v[owner].astype(np.int64) for k, v in faces.items() if not isinstance(v, Ragged)}


def _looked_up(keys: IntArray, table: dict[int, int]) -> IntArray:
    values, inverse = np.unique(keys, return_inverse=True)
    return np.array([table.get(int(v), -1) for v in values], dtype=np.int64)[inverse.reshape(-1)]


def _joined(parts: Sequence[MeshPart]) -> tuple[FloatArray, IntArray]:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    vertices = np.concatenate([np.asarray(part.vertices, dtype=np.float64) for part in parts])
    return vertices, np.concatenate([part.triangles + k for part, k in zip(parts, starts, strict=False)])


def read_asset(path: Path) -> list[MeshPart]:
    """Returns the parts of a mesh file; of a file with Basis pictures (.basis.glb) without them, with a warning.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it cannot be read, or has no triangles.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no mesh file {str(path)!r}: check the path, or the entry that names it")
    basis = path.name.lower().endswith(".basis.glb")
    if basis:
        warnings.warn(
            f"{path.name}: its pictures are Basis compressed, which is not read: it looks as its materials do; for its "
            f"own colours take the .glb without '.basis'",
            SceneWarning,
            stacklevel=4,
        )
    parts: list[MeshPart] = read_parts(path, textures=not basis)
    if not any(len(part.triangles) for part in parts):
        raise ValueError(f"the mesh {str(path)!r} has no triangles")
    return [part._replace(base_color=None, uv=None) for part in parts] if basis else parts


def posed(part: MeshPart, rotation: FloatArray, scale: Any = 1.0, translation: Any = 0.0) -> MeshPart:
    """Returns a part scaled, then rotated, then moved; mirrored parts keep their faces outside.

    Args:
        part: the part.
        rotation: shape (3, 3).
        scale: one factor, or one each for its x, y, z.
        translation: [m], shape (3,).
    """
    factors = np.broadcast_to(np.asarray(scale, dtype=np.float64), (3,))
    vertices = (part.vertices * factors) @ rotation.T + np.asarray(translation, dtype=np.float64)
    mirrored = np.linalg.det(rotation) * np.prod(factors) < 0
    return part._replace(vertices=vertices, triangles=part.triangles[:, ::-1] if mirrored else part.triangles)
