"""OBJ files with their MTL libraries as parts.

Source: Wavefront "Object Files" and MTL descriptions (Advanced Visualizer manual, appendix B1, 1995); vertex colours
behind the coordinates as MeshLab and Blender write them.
"""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.findings import SceneWarning
from avi_env.scene.mesh_parts import MeshPart, srgb_to_linear
from avi_env.scene.model import Texture
from avi_env.scene.pictures import read_picture

__all__ = ["obj_parts"]

_OPTION_VALUES = {"-mm": 2, "-o": 3, "-s": 3, "-t": 3}
"""Numbers behind an option of map_Kd; -o, -s and -t may have fewer. The other options have one value."""


class _Look(NamedTuple):
    """What a library says of a material."""

    color: tuple[float, float, float] | None = None
    picture: str = ""
    clamp: bool = False
    opacity: float = 1.0


class _Rows:
    """What was read so far: numbers, and the corners of each (group, material)."""

    def __init__(self) -> None:
        self.points: list[list[float]] = []
        self.uv: list[list[float]] = []
        self.libraries: list[str] = []
        self.corners: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.group, self.material = "", ""
        self._current: list[tuple[int, int]] | None = None

    def read(self, key: str, rest: str) -> None:
        """Takes one statement."""
        if key == "v":
            self.points.append([float(word) for word in rest.split()])
        elif key == "vt":
            u, v = [*rest.split(), "0"][:2]  # a texture along a line has no v
            self.uv.append([float(u), float(v)])
        elif key == "f":
            self._face(rest.split())
        elif key in ("o", "g"):
            self.group, self._current = rest.strip(), None
        elif key == "usemtl":
            self.material, self._current = rest.strip(), None
        elif key == "mtllib":
            self.libraries.append(rest.strip())

    def _face(self, words: list[str]) -> None:
        if len(words) < 3:
            raise ValueError("a face needs three corners")
        if self._current is None:
            self._current = self.corners.setdefault((self.group, self.material), [])
        fan = [self._corner(word) for word in words]
        for one, two in pairwise(fan[1:]):
            self._current += (fan[0], one, two)

    def _corner(self, word: str) -> tuple[int, int]:
        """Vertex and texture coordinate, counted from 0; the latter -1 if there is none."""
        first, _, rest = word.partition("/")
        second = rest.partition("/")[0]
        point, uv = int(first), int(second) if second else 0
        # Positive numbers count from 1, negative ones back from the last row read so far.
        point = point - 1 if point > 0 else len(self.points) + point
        uv = -1 if not uv else uv - 1 if uv > 0 else len(self.uv) + uv
        if not 0 <= point < len(self.points):
            raise ValueError(f"vertex {first} is not there ({len(self.points)} so far)")
        if uv >= len(self.uv):
            raise ValueError(f"texture coordinate {second} is not there ({len(self.uv)} so far)")
        return point, uv


def obj_parts(file: Path, textures: bool = True) -> list[MeshPart]:
    """Returns an OBJ file's faces as parts, one for each group and material.

    A picture (map_Kd) stands for the whole colour: Kd is taken only without one, as sRGB.

    Args:
        file: the .obj file.
        textures: whether to read pictures.

    Raises:
        FileNotFoundError: a library or a picture is missing.
        ValueError: a statement makes no sense; the message names file, line and remedy.
    """
    rows = _read(file)
    if not rows.corners:
        return []
    looks = _libraries(file, rows.libraries)
    widths = {len(row) for row in rows.points}
    if min(widths) < 3:
        raise ValueError(f"{str(file)!r} has a vertex with fewer than three coordinates: export it again")
    if len(widths) > 1:
        rows.points = [row[:3] for row in rows.points]
    table = np.array(rows.points, dtype=np.float64)
    colors = _vertex_colors(table)
    uv = np.array(rows.uv, dtype=np.float64).reshape(-1, 2)
    pictures: dict[tuple[str, bool], Texture] = {}
    parts = []
    for (group, material), corners in rows.corners.items():
        part = _part(group or material or file.stem, np.array(corners), table[:, :3], uv, colors)
        look = looks.get(material, _Look())
        part = part._replace(label=material or part.name, base_color=look.color, unlit=part.unlit and look == _Look())
        if look.picture and textures and part.uv is not None:
            part = part._replace(texture=_picture(file, look, material, pictures), base_color=None)
        else:
            part = part._replace(uv=None)
        parts.append(part)
    _warn_of_alpha(file, looks)
    return parts


def _read(file: Path) -> _Rows:
    rows = _Rows()
    pending = ""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            text = pending + line.rstrip("\r\n")
            if text.endswith("\\"):
                pending = text[:-1] + " "
                continue
            pending = ""
            key, _, rest = text.strip().partition(" ")
            try:
                rows.read(key, rest)
            except ValueError as error:
                raise ValueError(
                    f"{str(file)!r}, line {number}: {text.strip()[:60]!r} makes no sense ({error}): export it again"
                ) from error
    return rows


def _part(
    name: str,
    corners: npt.NDArray[np.int64],
    points: npt.NDArray[np.float64],
    uv: npt.NDArray[np.float64],
    colors: npt.NDArray[np.uint8] | None,
) -> MeshPart:
    """One part: a vertex for each pair of position and texture coordinate that occurs."""
    key = corners[:, 0] * (len(uv) + 1) + corners[:, 1] + 1
    pairs, index = np.unique(key, return_inverse=True)
    place, at = pairs // (len(uv) + 1), pairs % (len(uv) + 1) - 1
    part = MeshPart(name, points[place], index.reshape(-1, 3), color=None if colors is None else colors[place])
    part = part._replace(unlit=colors is not None)
    if len(uv) and (at >= 0).all():
        part = part._replace(uv=uv[at])
    return part


def _vertex_colors(table: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8] | None:
    if table.shape[1] < 6:
        return None
    return np.round(255.0 * np.clip(np.nan_to_num(table[:, 3:6]), 0.0, 1.0)).astype(np.uint8)


def _libraries(file: Path, names: list[str]) -> dict[str, _Look]:
    looks: dict[str, _Look] = {}
    for name in names:
        library = file.parent / name.replace("\\", "/")
        if not library.is_file():
            raise FileNotFoundError(
                f"{str(file)!r} refers to the material library {name!r}, which is not there: put it at "
                f"{str(library)!r}, or remove the line 'mtllib {name}'"
            )
        current = ""
        for number, line in enumerate(library.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            key, _, rest = line.strip().partition(" ")
            if key == "newmtl":
                current = rest.strip()
                looks[current] = _Look()
            elif current:
                try:
                    looks[current] = _with_line(looks[current], key, rest.split())
                except (ValueError, IndexError) as error:
                    raise ValueError(
                        f"{str(library)!r}, line {number}: {line.strip()[:60]!r} makes no sense: export it again"
                    ) from error
    return looks


def _with_line(look: _Look, key: str, words: list[str]) -> _Look:
    if key == "Kd" and words and words[0] not in ("spectral", "xyz"):
        values = [float(word) for word in words[:3]]
        red, green, blue = values if len(values) == 3 else values[:1] * 3
        linear = srgb_to_linear(np.clip([red, green, blue], 0.0, 1.0)).tolist()
        return look._replace(color=(linear[0], linear[1], linear[2]))
    if key == "d":
        return look._replace(opacity=float(words[-1]))
    if key == "Tr":
        return look._replace(opacity=1.0 - float(words[-1]))
    if key == "map_Kd":
        return _with_picture(look, words)
    return look


def _with_picture(look: _Look, words: list[str]) -> _Look:
    clamp = False
    while words and words[0].startswith("-"):
        option, words = words[0], words[1:]
        clamp = clamp or (option == "-clamp" and words[0] == "on")
        for count in range(_OPTION_VALUES.get(option, 1)):
            if count and not _is_number(words[0]):
                break
            words = words[1:]
    return look._replace(picture=" ".join(words), clamp=clamp)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _picture(file: Path, look: _Look, material: str, pictures: dict[tuple[str, bool], Texture]) -> Texture:
    key = (look.picture, look.clamp)
    if key not in pictures:
        wrap = "clamp" if look.clamp else "repeat"
        image = read_picture(file, look.picture, f"material {material!r}")
        pictures[key] = Texture(Path(look.picture.replace("\\", "/")).stem, image, (wrap, wrap))
    return pictures[key]


def _warn_of_alpha(file: Path, looks: dict[str, _Look]) -> None:
    names = [name for name, look in looks.items() if look.opacity < 1.0]
    if names:
        text = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        message = f"{file.name}: the alpha of {len(names)} materials ({text}) is ignored: they are opaque here"
        warnings.warn(message, SceneWarning, stacklevel=4)
