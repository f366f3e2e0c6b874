"""A small room with a chair, +Z up, written in the formats of scans, for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gltf_samples import GltfWriter

Quad = npt.NDArray[np.float64]

FLOOR, CEILING, WALL, CHAIR = 1, 2, 3, 7
CATEGORY = {FLOOR: "floor", CEILING: "ceiling", WALL: "wall", CHAIR: "chair"}
COLOR = {FLOOR: (171, 3, 20), CEILING: (10, 200, 30), WALL: (90, 90, 250), CHAIR: (128, 64, 32)}

ROOM = (np.array([0.0, 0.0, 0.0]), np.array([6.0, 4.0, 2.6]))
"""Corners of the room [m], +Z up."""
CHAIR_BOX = (np.array([4.5, 2.8, 0.0]), np.array([5.5, 3.2, 0.9]))
"""Corners of the chair [m], +Z up; in the world its middle is (5.0, 0.45, -3.0)."""


def box_quads(low: Quad, high: Quad, inside: bool) -> list[Quad]:
    """The faces of a box: -x, +x, -y, +y, -z, +z; wound to be seen from outside, or from inside."""
    quads = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side, end in enumerate((low, high)):
            quad = np.zeros((4, 3))
            quad[:, axis] = end[axis]
            quad[:, u] = np.array([low[u], high[u], high[u], low[u]])
            quad[:, v] = np.array([low[v], low[v], high[v], high[v]])
            quads.append(quad if (side == 1) != inside else quad[::-1])
    return quads


def room_quads() -> list[tuple[int, Quad]]:
    """The room's and the chair's faces with the object each belongs to, +Z up."""
    keys = (WALL, WALL, WALL, WALL, FLOOR, CEILING)
    shell = list(zip(keys, box_quads(*ROOM, inside=True), strict=True))
    return shell + [(CHAIR, quad) for quad in box_quads(*CHAIR_BOX, inside=False)]


def save_ply(
    path: Path,
    quads: Sequence[tuple[int, Quad]],
    face_property: str = "object_id",
    layout: str = "binary_little_endian",
    triangles: bool = False,
) -> Path:
    """Writes faces as quadrilaterals (or triangles) with one number each, and vertices with colours."""
    order = [(0, 1, 2), (0, 2, 3)] if triangles else [(0, 1, 2, 3)]
    points = [(point, COLOR.get(key, (1, 2, 3))) for key, quad in quads for point in quad]
    faces = [([4 * k + c for c in corners], key) for k, (key, _) in enumerate(quads) for corners in order]
    lines = ["ply", f"format {layout} 1.0", "comment a test", f"element vertex {len(points)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    lines += ([f"property int {face_property}"] if face_property else []) + ["end_header"]
    header = ("\n".join(lines) + "\n").encode()
    if layout == "ascii":
        rows = [" ".join(map(str, [*p.tolist(), *c])) for p, c in points]
        rows += [" ".join(map(str, [len(c), *c, *([key] if face_property else [])])) for c, key in faces]
        path.write_bytes(header + "\n".join(rows).encode() + b"\n")
        return path
    sign = "<" if "little" in layout else ">"
    body = b"".join(struct.pack(sign + "3f3B", *p, *c) for p, c in points)
    for corners, key in faces:
        body += struct.pack(f"{sign}B{len(corners)}i", len(corners), *corners)
        body += struct.pack(sign + "i", key) if face_property else b""
    path.write_bytes(header + body)
    return path


def save_glb(path: Path, quads: Sequence[tuple[int, Quad]], colors: bool = False, linear: bool = True) -> Path:
    """Writes one mesh; with `colors`, each face in its object's colour as COLOR_0 (linear, as glTF says, or not)."""
    writer = GltfWriter()
    points = np.concatenate([quad for _, quad in quads])
    index = np.concatenate([4 * k + np.array([0, 1, 2, 0, 2, 3]) for k in range(len(quads))])
    attributes = {"POSITION": writer.accessor(points)}
    if colors:
        values = np.repeat([COLOR[key] for key, _ in quads], 4, axis=0) / 255.0
        if linear:
            values = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        attributes["COLOR_0"] = writer.accessor(np.concatenate([values, np.ones((len(values), 1))], axis=1))
    primitive = {"attributes": attributes, "indices": writer.accessor(index, "u2")}
    writer.table |= {"meshes": [{"primitives": [primitive]}], "nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}]}
    return writer.save_glb(path)


def save_semantic_txt(path: Path, region: int = 4) -> Path:
    """Writes HM3D's list of objects."""
    rows = ["HM3D Semantic Annotations"]
    for key, category in CATEGORY.items():
        rows.append(f'{key},{"".join(f"{c:02X}" for c in COLOR[key])},"{category}",{region}')
    path.write_text("\n".join(rows) + "\n")
    return path


def save_house(path: Path) -> Path:
    """Writes MP3D's description: one bedroom with an outline, categories with raw names, a turned box, segments."""
    zeros = "0 0 0 0 0"
    lines = [
        "ASCII 1.1",
        f"H test label 0 0 4 1 4 4 4 1 0 1 {zeros} 0 0 0 6 4 2.6 {zeros}",
        f"L 0 1 label 3 2 0 0 0 0 6 4 2.6 {zeros}",
        "R 5 0 0 0 b 3 2 0 0 0 0 6 4 2.6 2.6 0 0 0 0",
        f"S 0 5 0 label 3 2 0 0 0 1 0 0 0 6 4 0 {zeros}",
    ]
    lines += [f"V {k} 0 label {x} {y} 0 0 0 1 0 0 0" for k, (x, y) in enumerate([(0, 0), (6, 0), (6, 4), (0, 4)])]
    lines.append(f"P pano 0 5 0 3 2 1.5 {zeros}")
    names = {FLOOR: ("floor", 2), CEILING: ("ceiling", 17), WALL: ("brick#wall", 1), CHAIR: ("dining#chair", 3)}
    mpcat = {FLOOR: "floor", CEILING: "ceiling", WALL: "wall", CHAIR: "chair"}
    for k, (key, (raw, number)) in enumerate(names.items()):
        lines.append(f"C {k} {100 + k} {raw} {number} {mpcat[key]} {zeros}")
    boxes = {FLOOR: (3, 2, 0, 3, 2, 0), CEILING: (3, 2, 2.6, 3, 2, 0), WALL: (3, 2, 1.3, 3, 2, 1.3)}
    for k, (key, (x, y, z, a, b, c)) in enumerate(boxes.items()):
        lines.append(f"O {key} 5 {k} {x} {y} {z} 1 0 0 0 1 0 {a} {b} {c} {zeros} 0 0 0")
    # The chair's own axes are turned by 30 degrees about +Z.
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    lines.append(f"O {CHAIR} 5 3 5 3 0.45 {c} {s} 0 {-s} {c} 0 0.5 0.2 0.45 {zeros} 0 0 0")
    lines += [f"E {k} {key} {5000000 + key} 1 0 0 0 0 0 0 0 0 0 {zeros}" for k, key in enumerate(names)]
    path.write_text("\n".join(lines) + "\n")
    return path
