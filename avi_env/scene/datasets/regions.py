"""Rooms of Habitat's `*.semantic_config.json`, as HSSD has them."""

from __future__ import annotations

import numpy as np

from avi_env.scene.datasets.annotation import category_name
from avi_env.scene.datasets.frames import floor_hull
from avi_env.scene.datasets.json_files import Entry
from avi_env.scene.model import Room
from avi_env.scene.outline import outline_area

__all__ = ["read_regions"]


def read_regions(entry: Entry) -> tuple[Room, ...]:
    """Returns the rooms of the entry "region_annotations": outline, floor, height, and their label as type.

    Raises:
        ValueError: a region is malformed; the message names it.
    """
    return tuple(_room(number, row) for number, row in enumerate(entry.entries("region_annotations", optional=True)))


def _room(number: int, row: Entry) -> Room:
    loop = row.table.get("poly_loop")
    if not isinstance(loop, list) or len(loop) < 3:
        raise row.error(f"'poly_loop' must be a list of at least three points [x, y, z], not {loop!r}")
    points = np.stack([Entry(f"{row.where}: poly_loop", {str(k): p}).vector(str(k)) for k, p in enumerate(loop)])
    outline = tuple((float(x), float(z)) for x, z in points[:, [0, 2]])
    hull = floor_hull(points)
    if len(outline) == 4 and outline_area(outline) < 0.5 * outline_area(hull):  # two corners swapped: a bow tie
        outline = hull
    label = row.text("label", row.text("name", "room"))
    return Room(
        number, category_name(label), outline, row.number("floor_height", 0.0), row.number("extrusion_height", 2.6)
    )
