"""Objects of ProcTHOR houses: our own furniture of the same kind, stretched to their size, or boxes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.annotation import category_name
from avi_env.scene.datasets.categories import category_words, default_material
from avi_env.scene.datasets.json_files import read_json
from avi_env.scene.datasets.procthor import HouseObject
from avi_env.scene.findings import SceneWarning
from avi_env.scene.furniture import Look, make_look
from avi_env.scene.furniture_catalog import make_piece
from avi_env.scene.house_stream import Stream
from avi_env.scene.materials import material as find_material
from avi_env.scene.model import Material
from avi_env.scene.shapes import Point, SceneBuilder, shape_row
from avi_env.sounds.classes import sounds_of_object

__all__ = ["PIECE_OF_TYPE", "Furnisher", "Made", "Shaped", "asset_sizes"]

FloatArray = npt.NDArray[np.float64]

PIECE_OF_TYPE: Mapping[str, str] = {
    "AlarmClock": "alarm_clock", "ArmChair": "armchair", "BasketBall": "ball", "Bathtub": "bathtub", "Bed": "bed",
    "Book": "books", "Bottle": "bottle", "Bowl": "bowl", "Box": "box", "Candle": "candle", "CellPhone": "phone",
    "Chair": "chair", "CoffeeMachine": "coffee_machine", "CoffeeTable": "coffee_table", "CounterTop": "counter",
    "Cup": "cup", "Curtains": "curtain", "Desk": "desk", "DeskLamp": "table_lamp", "Desktop": "computer",
    "DiningTable": "table", "Dresser": "dresser", "FloorLamp": "floor_lamp", "Footstool": "pouf", "Fridge": "fridge",
    "GarbageCan": "trash_can", "HousePlant": "plant", "Kettle": "kettle", "Laptop": "laptop",
    "LaundryHamper": "laundry_basket", "Microwave": "microwave", "Mirror": "mirror", "Mug": "cup",
    "Ottoman": "ottoman", "Painting": "picture", "Pillow": "cushion", "Plate": "plate", "Shelf": "wall_shelf",
    "ShelvingUnit": "bookshelf", "SideTable": "side_table", "Sink": "sink", "Sofa": "sofa", "Stool": "stool",
    "StoveBurner": "stove", "TVStand": "tv_stand", "Television": "television", "Toaster": "toaster",
    "Toilet": "toilet", "VacuumCleaner": "vacuum_cleaner", "Vase": "vase", "WashingMachine": "washing_machine",
    "WineBottle": "bottle", "ClothesDryer": "dryer", "Dishwasher": "dishwasher", "RoomDecor": "plant",
}  # fmt: skip
"""Our category of furniture by AI2-THOR's object type; other types become boxes."""

_SMALL: Point = (0.12, 0.12, 0.12)
_SIZES: Mapping[str, Point] = {  # [m], typical, of types that become boxes
    "BaseballBat": (0.07, 0.8, 0.07), "Boots": (0.25, 0.3, 0.3), "Cart": (0.5, 0.9, 0.4), "DogBed": (0.7, 0.2, 0.6),
    "Dumbbell": (0.3, 0.15, 0.15), "GarbageBag": (0.4, 0.5, 0.4), "Newspaper": (0.35, 0.02, 0.25),
    "Safe": (0.4, 0.4, 0.4), "Statue": (0.15, 0.3, 0.15), "TeddyBear": (0.3, 0.4, 0.25),
    "TennisRacket": (0.27, 0.68, 0.04), "WateringCan": (0.25, 0.25, 0.12), "Blinds": (1.0, 1.2, 0.06),
    "ToiletPaper": (0.12, 0.1, 0.12), "RemoteControl": (0.05, 0.03, 0.17), "CreditCard": (0.09, 0.01, 0.05),
}  # fmt: skip
_LEAST = 0.05  # [m]
_ON_FLOOR = 0.4  # share by which a floor-standing object's height may differ from a typical one


class Shaped(NamedTuple):
    """Triangles of one material, in the world frame."""

    vertices: FloatArray
    triangles: npt.NDArray[np.int32]
    material: Material


class Made(NamedTuple):
    """An object, ready to be placed."""

    category: str
    center: Point
    size: Point
    emits: tuple[str, ...]
    parts: list[Shaped]


def asset_sizes(path: Path) -> dict[str, Point]:
    """Returns the size [m] of every asset of AI2-THOR's asset-database.json: {type: [{assetId, boundingBox{x,y,z}}]}.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not in the format; the message names the entry.
    """
    entry = read_json(path)
    sizes: dict[str, Point] = {}
    for kind in entry.table:
        for row in entry.entries(kind):
            x, y, z = (max(float(v), 1e-3) for v in row.entry("boundingBox").vector_of("xyz"))
            sizes[row.text("assetId")] = (x, y, z)
    return sizes


class Furnisher:
    """Makes objects, and remembers which became boxes for want of a piece."""

    def __init__(self, sizes: Mapping[str, Point]) -> None:
        self.sizes = sizes
        self.boxes: list[str] = []

    def make(self, item: HouseObject, outline: FloatArray | None = None) -> Made:
        """Returns an object with its triangles in the world.

        Args:
            item: the object.
            outline: (x, z) of its room's walls [m], shape (n, 2): a guessed size ends at them.
        """
        kind = _known_type(item.type)
        category = PIECE_OF_TYPE.get(kind, "")
        size = self.sizes.get(item.asset) or self._typical(kind, category, item)
        if item.asset not in self.sizes and outline is not None:
            size = _within(size, item, outline)
        x, y, z = (round(float(v), 6) for v in item.center)
        local = _piece_parts(category) if category else _box_parts(kind)
        if not category:
            self.boxes.append(kind)
        parts = [p._replace(vertices=_placed(p.vertices, (x, y, z), size, item.yaw)) for p in local]
        name = category or category_name(kind)
        return Made(name, (x, y, z), size, sounds_of_object(name), parts)

    def _typical(self, kind: str, category: str, item: HouseObject) -> Point:
        wide, high, deep = _piece_size(category) if category else _SIZES.get(kind, _SMALL)
        told = 2.0 * float(item.center[1])  # the height of what stands on a floor at 0
        if 0.0 < told < high or abs(told - high) < _ON_FLOOR * high:
            high = told
        return (wide, round(high, 6), deep)

    def warn(self, house: str) -> None:
        """Says which types became boxes."""
        if self.boxes:
            names = sorted(set(self.boxes))
            warnings.warn(
                f"scene {house!r}: {len(self.boxes)} objects are boxes, because there is no furniture of their types: "
                f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}",
                SceneWarning,
                stacklevel=4,
            )


def _known_type(name: str) -> str:
    """AI2-THOR's type of an object's id or asset: "Dining_Table_16_1" is DiningTable."""
    if name in PIECE_OF_TYPE or name in _SIZES:
        return name
    joined = "".join(word.capitalize() for word in category_words(name.removeprefix("RoboTHOR_")))
    for kind in sorted((*PIECE_OF_TYPE, *_SIZES), key=len, reverse=True):
        if "".join(word.capitalize() for word in category_words(kind)) in joined:
            return kind
    return name


def _within(size: Point, item: HouseObject, outline: FloatArray) -> Point:
    """A size cut back to the walls on either side of the object's middle."""
    cos, sin = math.cos(item.yaw), math.sin(item.yaw)
    middle = item.center[[0, 2]]
    wide = 2 * min(_distance(outline, middle, np.array([k * cos, -k * sin])) for k in (1, -1))
    deep = 2 * min(_distance(outline, middle, np.array([k * sin, k * cos])) for k in (1, -1))
    return (round(min(size[0], max(wide, _LEAST)), 6), size[1], round(min(size[2], max(deep, _LEAST)), 6))


def _distance(outline: FloatArray, start: FloatArray, way: FloatArray) -> float:
    """How far an outline is from a point in a direction [m]; infinite where it is not met."""
    a, b = outline, np.roll(outline, -1, axis=0)
    side = np.array([-way[1], way[0]])
    fa, fb = (a - start) @ side, (b - start) @ side
    crossed = (fa > 0) != (fb > 0)
    share = np.where(crossed, fa / np.where(crossed, fa - fb, 1.0), 0.0)
    along = ((a + share[:, None] * (b - a)) - start) @ way
    return float(np.min(along[crossed & (along > 0)], initial=np.inf))


@lru_cache(maxsize=256)
def _piece_size(category: str) -> Point:
    return make_piece(category, *_style(category)).size


def _style(category: str) -> tuple[Stream, Look]:
    return Stream(0, f"procthor/{category}", 0), make_look(Stream(0, "procthor/look", 0))


@lru_cache(maxsize=256)
def _piece_parts(category: str) -> list[Shaped]:
    """A piece of furniture in the unit cube about the origin, one part a material."""
    piece = make_piece(category, *_style(category))
    builder = SceneBuilder()
    number = builder.add_object(category, -1, (0.0, 0.0, 0.0), piece.size)
    for shape, row, paint in piece.parts:
        builder.add_shape(shape, row, builder.add_material(paint.material, paint.color, paint.pattern), number)
    scene = builder.build(category)
    vertices = (scene.vertices - np.array(piece.middle)) / np.maximum(piece.size, 1e-6)
    parts = []
    for index, material in enumerate(scene.materials):
        used, local = np.unique(scene.triangles[scene.triangle_material == index], return_inverse=True)
        parts.append(Shaped(vertices[used], local.reshape(-1, 3).astype(np.int32), material))
    return parts


@lru_cache(maxsize=256)
def _box_parts(kind: str) -> list[Shaped]:
    builder = SceneBuilder()
    index = builder.add_material(find_material(default_material(kind) or "wood"))
    builder.add_shape(
        "box",
        shape_row((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        index,
        builder.add_object(kind, -1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    )
    scene = builder.build(kind)
    return [Shaped(scene.vertices.astype(np.float64), scene.triangles, scene.materials[0])]


def _placed(unit: FloatArray, center: Point, size: Point, yaw: float) -> FloatArray:
    scaled = unit * np.array(size)
    cos, sin = math.cos(yaw), math.sin(yaw)
    x, y, z = scaled.T
    placed: FloatArray = np.stack([x * cos + z * sin, y, z * cos - x * sin], axis=1) + np.array(center)
    return placed
