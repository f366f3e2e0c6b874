"""The audibility map: levels over a scene from above, with contours, rooms' levels and a colour bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.audibility import SourceSound, heard_at
from avi_env.bench.sound_picture import SOUND_COLOURS, coloured
from avi_env.scene.outline import in_room
from avi_env.vision.topdown import TopdownMap, topdown_map
from avi_env.vision.topdown_draw import draw_on_map

if TYPE_CHECKING:
    from avi_env.acoustics.field import SourceField
    from avi_env.scene import Scene

__all__ = ["LevelGrid", "audibility_picture", "level_grid"]

Picture = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating[Any]]

_GRID = 0.1  # [m] between places
_SPANS_DB = (20.0, 60.0)  # least and greatest range of the colours
_FINE_SPAN_DB = 30.0  # up to which contours are 5 dB apart
_OPACITY = 0.8
_PIXELS_PER_METRE = 64.0
_TOP, _SIDE = 44, 96  # [px] for the title and for the colour bar
_PAPER, _INK, _FAINT = (255, 255, 255), (34, 37, 43), (120, 128, 140)


class LevelGrid(NamedTuple):
    """Levels at ear height on a square grid."""

    levels: FloatArray
    """[dB SPL], shape (rows along z, columns along x), NaN in walls and outside rooms."""
    room: npt.NDArray[np.int64]
    """Index into the scene's rooms, -1 = none, same shape."""
    first: tuple[float, float]
    """World (x, z) of the first place [m]."""


def level_grid(scene: Scene, field: SourceField, source: SourceSound) -> LevelGrid:
    """Returns the levels every 0.1 m; where no listener fits, within furniture, the nearest level of the same room."""
    low, high = scene.bounds.astype(np.float64)
    x, z = (np.arange(low[k] + _GRID / 2.0, high[k], _GRID) for k in (0, 2))
    height = float(np.median(field.cells[:, 1]))
    points = np.stack(np.broadcast_arrays(x[None, :], height, z[:, None]), axis=-1).reshape(-1, 3)
    owner = np.full(len(points), -1 if scene.rooms else 0)
    for index, room in enumerate(scene.rooms):
        owner[in_room(room, points)] = index
    levels = np.full(len(points), np.nan)
    places = heard_at(scene, field, points[owner >= 0])
    heard = 94.0 + 10.0 * np.log10(np.maximum(places.total @ source.octave_energy, 1e-30))
    levels[owner >= 0] = np.where(places.is_known, heard, np.nan)
    shape = len(z), len(x)
    return LevelGrid(_filled(levels.reshape(shape), owner.reshape(shape)), owner.reshape(shape), (x[0], z[0]))


def _filled(levels: FloatArray, owner: npt.NDArray[np.int64]) -> FloatArray:
    from scipy.ndimage import distance_transform_edt

    result = levels.copy()
    for room in range(int(owner.max()) + 1):
        inside = owner == room
        known = inside & np.isfinite(levels)
        if known.any():
            nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
            result[inside] = levels[tuple(nearest)][inside]
    return result


def audibility_picture(scene: Scene, field: SourceField, source: SourceSound) -> Picture:
    """Returns the map with levels at ear height as colours, shape (h, w, 3)."""
    base = topdown_map(scene, _PIXELS_PER_METRE)
    grid = level_grid(scene, field, source)
    low, high = (float(np.nanquantile(grid.levels, share)) for share in (0.005, 0.995))
    high = 5.0 * math.ceil(high / 5.0)
    span = min(max(10.0 * math.ceil((high - low) / 10.0), _SPANS_DB[0]), _SPANS_DB[1])
    scale = _Scale(high - span, high, 5.0 if span <= _FINE_SPAN_DB else 10.0)
    image = _painted(base, grid, scale)
    image = draw_on_map(TopdownMap(image, base.origin, base.pixels_per_metre), source=source.position)
    return _framed(scene, image, grid, scale, source, base)


class _Scale(NamedTuple):
    """What the colours mean [dB SPL]."""

    low: float
    high: float
    contour: float
    """Step between contour lines and between ticks [dB]."""


def _painted(base: TopdownMap, grid: LevelGrid, scale: _Scale) -> Picture:
    """Lays the colours of the levels and their contours over the map."""
    height, width = base.image.shape[:2]
    unit = base.pixels_per_metre * _GRID
    column = (np.arange(width) + 0.5) / unit - (grid.first[0] - base.origin[0]) / _GRID
    row = (np.arange(height) + 0.5) / unit - (grid.first[1] - base.origin[1]) / _GRID
    fine = _smooth(grid.levels, row, column)
    known = np.isfinite(fine)
    colours = coloured((fine - scale.low) / (scale.high - scale.low), SOUND_COLOURS).astype(np.float64)
    steps = np.where(known, np.floor(fine / scale.contour), np.nan)
    edge = np.zeros_like(known)
    for axis in (0, 1):
        ahead = np.roll(steps, -1, axis=axis)
        edge |= np.isfinite(ahead) & known & (ahead != steps)
    colours[edge] = 0.45 * colours[edge] + 0.55 * 255.0
    photo = base.image.astype(np.float64)
    mixed = np.where(known[..., None], photo * (1.0 - _OPACITY) + colours * _OPACITY, photo)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _smooth(levels: FloatArray, row: FloatArray, column: FloatArray) -> FloatArray:
    """Returns levels between the grid's places, bilinear over those that are known; NaN where the nearest is not."""
    rows, columns = levels.shape
    below, left = np.floor(row).astype(int), np.floor(column).astype(int)
    total, weight = np.zeros((len(row), len(column))), np.zeros((len(row), len(column)))
    for i in (0, 1):
        for j in (0, 1):
            at = np.clip(below + i, 0, rows - 1)[:, None], np.clip(left + j, 0, columns - 1)[None, :]
            share = np.abs(1 - i - (row - below))[:, None] * np.abs(1 - j - (column - left))[None, :]
            value = levels[at]
            known = np.isfinite(value)
            total += np.where(known, share * np.nan_to_num(value), 0.0)
            weight += share * known
    nearest = (
        np.clip(np.rint(row).astype(int), 0, rows - 1)[:, None],
        np.clip(np.rint(column).astype(int), 0, columns - 1),
    )
    inside = (row > -0.5)[:, None] & (row < rows - 0.5)[:, None] & (column > -0.5) & (column < columns - 0.5)
    shown = inside & np.isfinite(levels[nearest]) & (weight > 0.0)
    return np.where(shown, total / np.maximum(weight, 1e-9), np.nan)


def _framed(
    scene: Scene, image: Picture, grid: LevelGrid, scale: _Scale, source: SourceSound, base: TopdownMap
) -> Picture:
    """Adds the title, the rooms' names and levels and the colour bar."""
    from PIL import Image, ImageDraw, ImageFont
    from scipy.ndimage import distance_transform_edt

    height, width = image.shape[:2]
    canvas = Image.new("RGB", (width + _SIDE, height + _TOP), _PAPER)
    canvas.paste(Image.fromarray(image), (0, _TOP))
    draw = ImageDraw.Draw(canvas)
    what = f"{source.sound.replace('_', ' ')} from {source.name}, {source.level_db:.0f} dB SPL at 1 m"
    draw.text((16, _TOP / 2), f"{scene.name}: {what}", _INK, ImageFont.load_default(18), anchor="lm")
    for index, room in enumerate(scene.rooms):
        inside = grid.room == index
        if not np.isfinite(grid.levels[inside]).any():
            continue
        row, column = np.unravel_index(
            int(np.argmax(distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1])), inside.shape
        )
        x, y = base.to_pixel(np.array([grid.first[0] + column * _GRID, grid.first[1] + row * _GRID]))
        words = f"{room.type.replace('_', ' ')}\n{np.nanmedian(grid.levels[inside]):.0f} dB"
        look: dict[str, Any] = {"anchor": "mm", "align": "center", "stroke_width": 2, "stroke_fill": (20, 20, 28)}
        draw.text((x, y + _TOP), words, (255, 255, 255), ImageFont.load_default(17), **look)
    _colour_bar(draw, canvas, (width + 16, _TOP + 20, 20, height - 60), scale)
    return np.asarray(canvas)


def _colour_bar(draw: Any, canvas: Any, box: tuple[int, int, int, int], scale: _Scale) -> None:
    from PIL import Image, ImageFont

    x, y, width, height = box
    ramp = np.repeat(np.linspace(1.0, 0.0, height)[:, None], width, axis=1)
    canvas.paste(Image.fromarray(coloured(ramp, SOUND_COLOURS)), (x, y))
    for level in np.arange(math.ceil(scale.low / scale.contour) * scale.contour, scale.high + 1e-6, scale.contour):
        at = y + round((scale.high - level) / (scale.high - scale.low) * (height - 1))
        draw.line((x + width, at, x + width + 5, at), _FAINT)
        draw.text((x + width + 9, at), f"{level:.0f}", _INK, ImageFont.load_default(14), anchor="lm")
    draw.text((x, y + height + 16), "dB SPL", _FAINT, ImageFont.load_default(14), anchor="lm")
