"""Contact sheets: a scene's map with a view of each room, and the overview of several scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from avi_env.bench.room_views import room_view, room_views

if TYPE_CHECKING:
    from avi_env.scene import Scene

__all__ = ["contact_sheet", "overview", "overview_tile"]

Picture = npt.NDArray[np.uint8]

_PAPER, _INK, _FAINT = (250, 249, 246), (34, 37, 43), (110, 118, 130)
_GAP, _TITLE, _CAPTION = 14, 44, 26  # [px]
_VIEW = (336, 252)  # of a room on a contact sheet [px]
_COLUMNS = 3
_TILE = (620, 330)  # of a scene on an overview [px]
_TILE_COLUMNS = 3
_FINEST = 90.0  # [pixel/m] of maps: a single room is not blown up further


def contact_sheet(scene: Scene, facts: dict[str, Any], quality: str = "shadows") -> Picture:
    """Returns a scene's map and a view of each room with area and reverberation time, shape (h, w, 3).

    Args:
        scene: the scene.
        facts: what `scene_table` says of it.
        quality: of the views, as in `avi_env.vision.render`.
    """
    views = room_views(scene, *_VIEW, quality=quality)
    columns = min(_COLUMNS, max(len(views), 1))
    rows = max(math.ceil(len(views) / columns), 2)
    height = rows * (_VIEW[1] + _CAPTION) + (rows - 1) * _GAP
    chart = _map(scene, (height, height))
    width = chart.shape[1] + columns * (_VIEW[0] + _GAP) + 2 * _GAP
    sheet, draw = _blank(width, height + _TITLE + 2 * _GAP)
    draw.text((_GAP, _TITLE / 2 + 4), _headline(scene, facts), _INK, _font(22), anchor="lm")
    sheet.paste(_image(chart), (_GAP, _TITLE + _GAP))
    table = {room["name"]: room for room in facts["rooms"]}
    for number, (name, view) in enumerate(views.items()):
        row, column = divmod(number, columns)
        x = 2 * _GAP + chart.shape[1] + column * (_VIEW[0] + _GAP)
        y = _TITLE + _GAP + row * (_VIEW[1] + _CAPTION + _GAP)
        sheet.paste(_image(view), (x, y))
        draw.text((x, y + _VIEW[1] + _CAPTION / 2), _caption(table[name]), _INK, _font(15), anchor="lm")
    return np.array(sheet)


def overview_tile(scene: Scene, facts: dict[str, Any], quality: str = "shadows") -> Picture:
    """Returns a scene's map beside a view of its largest room, with a caption, shape (330, 620, 3)."""
    tile, draw = _blank(*_TILE)
    side = _TILE[1] - _CAPTION - _GAP
    chart = _map(scene, (side, side))
    tile.paste(_image(chart), ((side - chart.shape[1]) // 2, (side - chart.shape[0]) // 2))
    largest = max(facts["rooms"], key=lambda room: room["area_m2"], default=None)
    if largest is not None:
        room = next(room for room in scene.rooms if room.name == largest["name"])
        view = room_view(scene, room, _TILE[0] - side - _GAP, side, quality)
        if view is not None:
            tile.paste(_image(view), (side + _GAP, 0))
    draw.text((2, side + _CAPTION / 2), _headline(scene, facts), _INK, _font(15), anchor="lm")
    return np.array(tile)


def overview(tiles: Sequence[Picture]) -> Picture:
    """Returns tiles of equal size (h, w, 3) in rows of three."""
    height, width = tiles[0].shape[:2]
    columns = min(_TILE_COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    sheet, _ = _blank(columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        sheet.paste(_image(tile), (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
    return np.array(sheet)


def _headline(scene: Scene, facts: dict[str, Any]) -> str:
    area = sum(room["area_m2"] for room in facts["rooms"])
    times = [room["rt60_s"] for room in facts["rooms"] if room["rt60_s"] is not None]
    words = [
        scene.name,
        f"{len(facts['rooms'])} rooms",
        f"{area:.0f} m2",
        f"{facts['triangles'] / 1000:.0f} k triangles",
    ]
    if times:
        words.append(f"RT60 {min(times):.2f}-{max(times):.2f} s")
    return "   ".join(words)


def _caption(room: dict[str, Any]) -> str:
    sound = "" if room["rt60_s"] is None else f"   RT60 {room['rt60_s']:.2f} s"
    return f"{room['name'].replace('_', ' ')}   {room['area_m2']:.1f} m2{sound}"


def _map(scene: Scene, most: tuple[int, int]) -> Picture:
    """The scene from above, scaled to fit into (width, height) pixels."""
    from PIL import Image

    from avi_env.vision import topdown_map

    low, high = scene.bounds.astype(np.float64)
    span = max(float(high[0] - low[0]), float(high[2] - low[2])) + 0.8
    scale = min(max(most) / span, _FINEST)
    chart = topdown_map(scene, pixels_per_metre=scale, labels=True).image
    factor = min(most[0] / chart.shape[1], most[1] / chart.shape[0], 1.0)
    size = max(int(chart.shape[1] * factor), 1), max(int(chart.shape[0] * factor), 1)
    return np.array(Image.fromarray(chart).resize(size, Image.Resampling.LANCZOS))


def _blank(width: int, height: int) -> tuple[Any, Any]:
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (width, height), _PAPER)
    return sheet, ImageDraw.Draw(sheet)


def _image(picture: Picture) -> Any:
    from PIL import Image

    return Image.fromarray(picture)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
