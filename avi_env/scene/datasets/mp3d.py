"""MP3D (Matterport3D) semantics: the `.house` file, ASCII 1.1.

Source: niessner/Matterport, data_organization.md (house_segmentations); habitat-sim, Mp3dSemanticScene.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.scene.datasets.annotation import Annotation, ScanObject
from avi_env.scene.datasets.frames import Z_UP, rectangle, upright_box
from avi_env.scene.model import Portal, Room

__all__ = ["MP3D_NAMES", "REGION_TYPES", "read_house"]

FloatArray = npt.NDArray[np.float64]

MP3D_NAMES = ("mpcat40", "raw")
"""Which name of a category is taken: one of the 40 of MP3D, or the annotators' own."""

REGION_TYPES = {
    "a": "bathroom", "b": "bedroom", "c": "closet", "d": "dining_room", "e": "entryway", "f": "family_room",
    "g": "garage", "h": "hallway", "i": "library", "j": "laundry", "k": "kitchen", "l": "living_room",
    "m": "meeting_room", "n": "lounge", "o": "office", "p": "porch", "r": "rec_room", "s": "stairs", "t": "toilet",
    "u": "utility_room", "v": "tv_room", "w": "gym", "x": "outdoor", "y": "balcony", "z": "other_room", "B": "bar",
    "C": "classroom", "D": "dining_booth", "S": "spa", "Z": "junk", "-": "room",
}  # fmt: skip
"""Room types by the letter of a region."""

_HEADER = "ASCII 1.1"
_LEAST_FIELDS = {"H": 24, "L": 13, "R": 16, "S": 11, "V": 7, "C": 6, "O": 16, "E": 4}


@dataclass
class _House:
    """Records as they stand, +Z up."""

    regions: dict[int, tuple[str, FloatArray]] = field(default_factory=dict)
    """Letter, and box as corners, shape (2, 3)."""
    surfaces: dict[int, int] = field(default_factory=dict)
    """Region of each surface."""
    outlines: dict[int, list[FloatArray]] = field(default_factory=dict)
    """Vertices of each surface."""
    categories: dict[int, tuple[str, str]] = field(default_factory=dict)
    objects: list[tuple[int, int, int, FloatArray]] = field(default_factory=list)
    """Index, region, category, and the twelve numbers of its box."""
    segments: dict[int, int] = field(default_factory=dict)
    portals: list[tuple[int, int, FloatArray]] = field(default_factory=list)


def read_house(path: Path, names: str = "mpcat40") -> Annotation:
    """Returns the objects, rooms and portals of a `.house` file in the world frame (the file is +Z up).

    A room's outline is the polygon of its surface where the file has one, else its box.

    Args:
        path: the file.
        names: "mpcat40" or "raw".

    Raises:
        FileNotFoundError: no such file.
        ValueError: the header, a record or a reference is wrong; the message names the line.
    """
    if names not in MP3D_NAMES:
        raise name_error("kind of category names", names, MP3D_NAMES)
    if not path.is_file():
        raise FileNotFoundError(f"no house file {str(path)!r}: check the path")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or lines[0].strip() != _HEADER:
        found = lines[0].strip() if lines else ""
        raise ValueError(f"{path.name}: its first line must be {_HEADER!r}, not {found!r}: other versions are not read")
    house = _House()
    for number, line in enumerate(lines[1:], 2):
        tokens = line.split()
        if tokens:
            try:
                _record(house, tokens)
            except (ValueError, IndexError) as error:
                raise ValueError(f"{path.name}, line {number}: malformed record {tokens[0]!r} ({error})") from error
    return _annotation(path, house, MP3D_NAMES.index(names))


def _record(house: _House, tokens: list[str]) -> None:
    kind = tokens[0]
    if len(tokens) < _LEAST_FIELDS.get(kind, 1):
        raise ValueError(f"it has {len(tokens)} fields instead of at least {_LEAST_FIELDS[kind]}")
    if kind == "R":
        house.regions[int(tokens[1])] = (tokens[5], _numbers(tokens[9:15]).reshape(2, 3))
    elif kind == "S":
        house.surfaces[int(tokens[1])] = int(tokens[2])
    elif kind == "V":
        house.outlines.setdefault(int(tokens[2]), []).append(_numbers(tokens[4:7]))
    elif kind == "C":
        house.categories[int(tokens[1])] = (tokens[5], tokens[3].replace("#", " "))
    elif kind == "O":
        house.objects.append((int(tokens[1]), int(tokens[2]), int(tokens[3]), _numbers(tokens[4:16])))
    elif kind == "E":
        house.segments[int(tokens[3])] = int(tokens[2])
    elif kind == "P" and len(tokens) >= 11 and all(t.lstrip("-").isdigit() for t in tokens[1:4]):
        # Panoramas are P records too, but begin with a name.
        house.portals.append((int(tokens[2]), int(tokens[3]), _numbers(tokens[5:11]).reshape(2, 3)))


def _numbers(tokens: list[str]) -> FloatArray:
    values = np.array([float(t) for t in tokens])
    if not np.all(np.isfinite(values)):
        raise ValueError("a number is not finite")
    return values


def _annotation(path: Path, house: _House, name: int) -> Annotation:
    index = {region: k for k, region in enumerate(house.regions)}
    rooms = tuple(_room(path, house, region, k) for region, k in index.items())
    objects = []
    for key, region, category, numbers in house.objects:
        if category >= 0 and category not in house.categories:
            raise ValueError(f"{path.name}: object {key} has the category {category}, which no record C defines")
        if region >= 0 and region not in index:
            raise ValueError(f"{path.name}: object {key} is in region {region}, which no record R defines")
        title = house.categories[category][name] if category >= 0 else ""
        axes = np.stack([numbers[3:6], numbers[6:9], np.cross(numbers[3:6], numbers[6:9])], axis=1)
        box = upright_box(Z_UP @ numbers[:3], Z_UP @ axes, 2.0 * np.abs(numbers[9:12]))
        objects.append(ScanObject(key, title, index.get(region, -1), box))
    portals = tuple(
        _portal(k, (index[a], index[b]), Z_UP @ corners[0], Z_UP @ corners[1])
        for k, (a, b, corners) in enumerate(p for p in house.portals if p[0] in index and p[1] in index)
    )
    return Annotation(tuple(objects), rooms, portals, segments=house.segments)


def _room(path: Path, house: _House, region: int, number: int) -> Room:
    letter, box = house.regions[region]
    if letter not in REGION_TYPES:
        raise ValueError(f"{path.name}: region {region} has the type {letter!r}; known: {' '.join(REGION_TYPES)}")
    low, high = box @ Z_UP.T
    low, high = np.minimum(low, high), np.maximum(low, high)
    surfaces = [house.outlines.get(s, []) for s, owner in house.surfaces.items() if owner == region]
    corners = max(surfaces, key=len, default=[])
    if len(corners) < 3:
        outline = rectangle(low, high)
    else:
        ring = (np.stack(corners) @ Z_UP.T)[:, [0, 2]]
        outline = tuple((round(float(x), 6), round(float(z), 6)) for x, z in ring)
    height = round(float(high[1] - low[1]), 6)
    return Room(number, REGION_TYPES[letter], outline, round(float(low[1]), 6), height)


def _portal(number: int, rooms: tuple[int, int], first: FloatArray, second: FloatArray) -> Portal:
    low, high = np.minimum(first, second), np.maximum(first, second)
    size, middle = high - low, (low + high) / 2
    along_x = bool(size[0] >= size[2])
    center = (round(float(middle[0]), 6), round(float(middle[1]), 6), round(float(middle[2]), 6))
    width = round(float(max(size[0], size[2])), 6)
    return Portal(number, rooms, center, width, round(float(size[1]), 6), 0.0 if along_x else 1.570796, kind="opening")
