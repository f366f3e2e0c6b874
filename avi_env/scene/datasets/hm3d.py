"""HM3D semantics: the text file that names each object by its colour in the semantic mesh.

Source: habitat-sim, src/esp/scene/HM3DSemanticScene.cpp; matterport/habitat-matterport-3dresearch.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.annotation import Annotation, ScanObject
from avi_env.scene.datasets.frames import floor_hull
from avi_env.scene.mesh_parts import MeshPart, srgb_to_linear
from avi_env.scene.model import Room

__all__ = ["color_labels", "read_semantic_txt", "region_rooms"]

IntArray = npt.NDArray[np.int64]

_HEADER = "HM3D Semantic Annotations"
_FIELDS = 'ID,RRGGBB,"category",REGION'
_FLOORS = ("floor", "rug", "carpet", "mat", "stairs")


def read_semantic_txt(path: Path) -> Annotation:
    """Returns the objects of a `.semantic.txt`; the room of each is its region's rank among the regions.

    The rooms themselves are not in the file: see `region_rooms`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the header or a row is malformed, or an id or colour stands twice; the message names the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no semantic file {str(path)!r}: check the path")
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    if not lines or _HEADER not in lines[0]:
        raise ValueError(f"{path.name}: its first line must be {_HEADER!r}, not {lines[0] if lines else ''!r}")
    rows = [_row(path, number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    for what, column in (("id", 0), ("colour", 1)):
        values = [row[column] for row in rows]
        twice = {value for value in values if values.count(value) > 1} if len(set(values)) < len(values) else set()
        if twice:
            value = sorted(twice)[0]
            shown = f"{value:06X}" if column else value
            raise ValueError(f"{path.name}: the {what} {shown} stands twice: each object has its own")
    ranks = {region: rank for rank, region in enumerate(sorted({row[3] for row in rows if row[3] >= 0}))}
    objects = tuple(ScanObject(key, category, ranks.get(region, -1)) for key, _, category, region in rows)
    return Annotation(objects, colors={row[1]: index for index, row in enumerate(rows)})


def _row(path: Path, number: int, line: str) -> tuple[int, int, str, int]:
    fields = next(csv.reader([line], skipinitialspace=True))
    problem = ""
    if len(fields) != 4:
        problem = f"it has {len(fields)} fields"
    elif not re.fullmatch(r"[0-9A-Fa-f]{6}", fields[1].strip()):
        problem = f"{fields[1]!r} is no colour of six hexadecimal digits"
    elif not all(re.fullmatch(r"-?\d+", fields[k].strip()) for k in (0, 3)):
        problem = "its id or region is no whole number"
    if problem:
        raise ValueError(f"{path.name}, line {number}: {problem}: rows read {_FIELDS}, not {line!r}")
    return int(fields[0]), int(fields[1], 16), fields[2].strip(), int(fields[3])


def color_labels(part: MeshPart, colors: dict[int, int]) -> IntArray:
    """Returns the object index of each triangle of a semantic mesh by its colour, shape (m,); -1 = no object's.

    The colour is that of the vertices (two of three decide) or of the texture at the triangle's middle, unfiltered.
    Some exports store colours as linear values: whichever reading matches more triangles is taken.
    """
    if part.texture is not None and part.uv is not None:
        seen = _texture_colors(part)[:, None, :]
    elif part.color is not None:
        seen = part.color[part.triangles]
    else:
        return np.full(len(part.triangles), -1, dtype=np.int64)
    linear = np.round(255.0 * srgb_to_linear(np.arange(256) / 255.0)).astype(np.uint8)
    readings = [_matched(table, colors) for table in (seen, linear[seen])]
    return max(readings, key=lambda label: int((label >= 0).sum()))


def _texture_colors(part: MeshPart) -> npt.NDArray[np.uint8]:
    assert part.texture is not None
    assert part.uv is not None
    height, width = part.texture.image.shape[:2]
    middle = part.uv[part.triangles].mean(axis=1)
    column = np.floor((middle[:, 0] % 1.0) * width).astype(np.int64).clip(0, width - 1)
    row = np.floor((1.0 - middle[:, 1] % 1.0) * height).astype(np.int64).clip(0, height - 1)
    colors: npt.NDArray[np.uint8] = part.texture.image[row, column]
    return colors


def _matched(seen: npt.NDArray[np.uint8], colors: dict[int, int]) -> IntArray:
    packed = (seen.astype(np.int64) << np.array([16, 8, 0])).sum(axis=-1)
    keys = np.array(sorted(colors), dtype=np.int64)
    if not len(keys):
        return np.full(len(seen), -1, dtype=np.int64)
    objects = np.array([colors[int(key)] for key in keys], dtype=np.int64)
    at = np.searchsorted(keys, packed).clip(0, len(keys) - 1)
    label = np.where(keys[at] == packed, objects[at], -1)
    if label.shape[1] == 1:
        return label.reshape(-1)
    first, second, third = label.T
    agreed = np.where(second == third, second, first)
    decided: IntArray = np.where(agreed >= 0, agreed, label.max(axis=1))
    return decided


def region_rooms(annotation: Annotation, parts: list[MeshPart], labels: list[IntArray]) -> tuple[Room, ...]:
    """Returns a room for each region of HM3D, whose file gives neither types nor outlines.

    Its outline is the convex hull of its floor's triangles (of all its objects, where it has no floor), its floor the
    median height of these, its height up to its highest triangle; its type is "room".
    """
    region = np.array([item.room for item in annotation.objects] + [-1], dtype=np.int64)
    floor = np.array([item.category.lower() in _FLOORS for item in annotation.objects] + [False])
    corners = np.concatenate([part.vertices[part.triangles] for part in parts]).astype(np.float64)
    label = np.concatenate(labels)
    rooms = []
    for room in range(int(region.max(initial=-1)) + 1):
        here = region[label] == room
        points = corners[here].reshape(-1, 3)
        outline: tuple[tuple[float, float], ...] = ((0.0, 0.0),) * 3
        bottom = top = 0.0
        if len(points):
            ground = corners[here & floor[label]].reshape(-1, 3)
            ground = ground if len(ground) else points
            outline = floor_hull(ground)
            bottom = float(np.median(ground[:, 1])) if len(ground) < len(points) else float(points[:, 1].min())
            top = float(points[:, 1].max())
        rooms.append(Room(room, "room", outline, round(bottom, 6), round(max(top - bottom, 0.0), 6)))
    return tuple(rooms)
