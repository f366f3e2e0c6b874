"""ProcTHOR houses: the JSON of AI2-THOR's procedural scenes, turned into the world frame.

Unity is left-handed, metres, +Y up, +Z forward: here z changes its sign, turns about +Y change theirs.
Source: allenai/procthor, procthor/utils/types.py and procthor/generation (house.py, doors.py, exterior_walls.py,
objects.py), and the keys of schema 1.0.0 in procthor/utils/upgrade_house_version.py.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.json_files import Entry, read_json

__all__ = ["House", "HouseHole", "HouseLight", "HouseObject", "HouseRoom", "HouseWall", "Surface", "read_procthor"]

FloatArray = npt.NDArray[np.float64]

_MIRROR = np.array([1.0, 1.0, -1.0])
_EXTERIOR = "exterior"
_LEAST_HEIGHT = 0.5  # [m] of a wall
_LEAST_LENGTH = 1e-3


class Surface(NamedTuple):
    """What a floor, wall or ceiling is made of, as the house names it."""

    name: str = ""
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class HouseRoom:
    """A room."""

    id: str
    type: str
    ring: FloatArray
    """Floor outline (x, z) [m], shape (n, 2), such that the room lies at (-dz, dx) of each edge."""
    floor_y: float
    surface: Surface


@dataclass(frozen=True)
class HouseWall:
    """One side of a wall."""

    id: str
    room: str
    start: FloatArray
    """Its first lower corner (x, z) [m]; holes are measured from it."""
    end: FloatArray
    low: float
    high: float
    surface: Surface
    empty: bool


@dataclass(frozen=True)
class HouseHole:
    """A door or window in a wall."""

    id: str
    asset: str
    window: bool
    walls: tuple[str, str]
    rooms: tuple[str, str]
    """The same room twice: it leads outside."""
    span: tuple[float, float]
    """Along its first wall [m]."""
    low: float
    high: float
    openness: float


@dataclass(frozen=True)
class HouseObject:
    """A piece of furniture or a small thing."""

    id: str
    asset: str
    type: str
    center: FloatArray
    """Middle of its box [m]."""
    yaw: float
    """[rad]; its front looks along -Z at 0."""


@dataclass(frozen=True)
class HouseLight:
    """A point light."""

    position: FloatArray
    color: tuple[float, float, float]
    intensity: float


@dataclass(frozen=True)
class House:
    """A house as its JSON says, in the world frame."""

    name: str
    rooms: tuple[HouseRoom, ...]
    walls: tuple[HouseWall, ...]
    holes: tuple[HouseHole, ...]
    objects: tuple[HouseObject, ...]
    lights: tuple[HouseLight, ...]
    ceiling: Surface


def read_procthor(path: Path, number: int | None = None) -> House:
    """Returns a ProcTHOR house of a .json, .json.gz, or line `number` of a .jsonl or .jsonl.gz (ProcTHOR-10K).

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is malformed; the message names the entry.
    """
    lines = ".jsonl" in path.suffixes
    entry = _line(path, number) if lines else read_json(path)
    if not entry.has("rooms") or not entry.has("walls"):
        raise entry.error("a ProcTHOR house has the entries 'rooms' and 'walls'")
    rooms = tuple(_room(row) for row in entry.entries("rooms"))
    walls = tuple(_wall(row) for row in entry.entries("walls"))
    if not rooms:
        raise entry.error("'rooms' is empty")
    known_rooms, known_walls = {r.id for r in rooms}, {w.id for w in walls}
    holes = [_hole(row, False) for row in entry.entries("doors", optional=True)]
    holes += [_hole(row, True) for row in entry.entries("windows", optional=True)]
    for hole in holes:
        if hole.walls[0] not in known_walls:
            raise entry.error(f"{hole.id!r} is in the wall {hole.walls[0]!r}, which is none of the house's walls")
        missing = [room for room in hole.rooms if room not in known_rooms]
        if missing:
            raise entry.error(f"{hole.id!r} belongs to the room {missing[0]!r}, which is none of the house's rooms")
    parameters = entry.entry("proceduralParameters", optional=True)
    name = path.name.split(".")[0] + (f":{number or 0}" if lines else "")
    return House(
        name,
        rooms,
        walls,
        tuple(holes),
        tuple(_objects(entry.entries("objects", optional=True))),
        tuple(_light(row) for row in parameters.entries("lights", optional=True) if row.text("type") == "point"),
        _surface(parameters, "ceilingMaterial", "ceilingColor"),
    )


def _line(path: Path, number: int | None) -> Entry:
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}: check the path")
    wanted = number or 0
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    found, count = "", 0
    try:
        with opened as file:
            for count, line in enumerate(file, 1):
                if count > wanted:
                    found = line
                    break
        table = json.loads(found) if found else {}
    except (ValueError, OSError, EOFError) as error:
        place = max(count - 1, 0)
        raise ValueError(f"{path.name}, line {place} is not valid JSON ({error}): is it the whole file?") from error
    if count <= wanted:
        raise ValueError(f"{path.name} has no house {wanted}: it holds {count} houses, counted from 0")
    if not isinstance(table, dict):
        raise ValueError(f"{path.name}, line {wanted} must hold a JSON object {{...}}, not a {type(table).__name__}")
    return Entry(f"{path.name}, line {wanted}", table)


def _room(row: Entry) -> HouseRoom:
    corners = np.stack([_point(p) for p in _ring(row, "floorPolygon", 3)])
    ring = corners[:, [0, 2]]
    x, z = ring.T
    if float(np.dot(x, np.roll(z, -1)) - np.dot(z, np.roll(x, -1))) < 0:
        ring = ring[::-1]
    kept = np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1) > 1e-4
    return HouseRoom(
        row.text("id"),
        row.text("roomType"),
        ring[kept],
        round(float(corners[:, 1].min()), 6),
        _surface(row, "floorMaterial", "floorColor"),
    )


def _wall(row: Entry) -> HouseWall:
    corners = np.stack([_point(p) for p in _ring(row, "polygon", 4)])
    low, high = float(corners[:, 1].min()), float(corners[:, 1].max())
    if high - low < _LEAST_HEIGHT:
        raise row.error(
            f"'polygon' makes a wall of {high - low:.2f} m height: its corners' y are {corners[:, 1].tolist()}"
        )
    bottom = corners[corners[:, 1] < low + 1e-3][:, [0, 2]]
    name = row.text("id")
    room = row.text("roomId")
    outside = room == _EXTERIOR or name.split("|")[1:2] == [_EXTERIOR]
    start = corners[0, [0, 2]]
    end = bottom[int(np.argmax(np.linalg.norm(bottom - start, axis=1)))]
    if np.linalg.norm(end - start) < _LEAST_LENGTH:
        raise row.error("'polygon' makes a wall without length")
    return HouseWall(
        name,
        _EXTERIOR if outside else room,
        start,
        end,
        low,
        high,
        _surface(row, "material", "color"),
        row.table.get("empty") is True,
    )


def _hole(row: Entry, window: bool) -> HouseHole:
    first, second = row.text("room0"), row.text("room1", row.text("room0"))
    if row.has("holePolygon"):
        points = np.stack([p.vector_of("xy") for p in _ring(row, "holePolygon", 2)])
    else:
        box = row.entry("boundingBox")
        points = np.stack([box.entry(corner).vector_of("xy") for corner in ("min", "max")])
    low, high = points.min(axis=0), points.max(axis=0)
    if np.any(high - low < 0.05):
        raise row.error(f"its hole from {low.tolist()} to {high.tolist()} has no size")
    return HouseHole(
        row.text("id"),
        row.text("assetId", ""),
        window,
        (row.text("wall0"), row.text("wall1", "")),
        (first, second),
        (float(low[0]), float(high[0])),
        float(low[1]),
        float(high[1]),
        min(max(row.number("openness", 1.0 if not row.has("openable") else 0.0), 0.0), 1.0),
    )


def _objects(rows: Iterable[Entry]) -> Iterable[HouseObject]:
    for row in rows:
        name, asset = row.text("id"), row.text("assetId")
        head = name.split("|")[0]
        turn = row.entry("rotation", optional=True).number("y", 0.0)
        yield HouseObject(
            name,
            asset,
            head if head and not head.isdigit() else asset,
            _point(row.entry("position")),
            round(math.remainder(-math.radians(turn), 2 * math.pi), 6),
        )
        yield from _objects(row.entries("children", optional=True))


def _light(row: Entry) -> HouseLight:
    color = row.entry("rgb", optional=True)
    channels = tuple(min(max(color.number(c, 1.0), 0.0), 1.0) for c in "rgb")
    return HouseLight(
        _point(row.entry("position")), (channels[0], channels[1], channels[2]), row.number("intensity", 1.0)
    )


def _surface(row: Entry, key: str, color_key: str) -> Surface:
    """Newer houses hold {"name", "color"}, older ones a name and a colour beside it."""
    value = row.table.get(key)
    if isinstance(value, dict):
        entry = row.entry(key)
        return Surface(entry.text("name", ""), _color(entry.entry("color", optional=True)))
    return Surface(row.text(key, ""), _color(row.entry(color_key, optional=True)))


def _color(entry: Entry) -> tuple[float, float, float] | None:
    if not entry.table:
        return None
    encoded = np.clip([entry.number(c) for c in "rgb"], 0.0, 1.0)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return (round(float(linear[0]), 6), round(float(linear[1]), 6), round(float(linear[2]), 6))


def _ring(row: Entry, key: str, least: int) -> list[Entry]:
    points = row.entries(key)
    if len(points) < least:
        raise row.error(f"{key!r} needs at least {least} points {{x, y, z}}, not {len(points)}")
    return points


def _point(entry: Entry) -> FloatArray:
    point: FloatArray = entry.vector_of("xyz") * _MIRROR + 0.0  # no -0.0
    return point
