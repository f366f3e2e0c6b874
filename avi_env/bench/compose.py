"""The picture of one moment: first-person view, depth, map, the sound at both ears and what the agent thinks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.sound_picture import LevelRange, depth_picture, sound_picture

__all__ = ["Moment", "compose"]

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

_SIZE = (1280, 720)
_GROUND: Colour = (13, 16, 21)
_PANEL: Colour = (22, 26, 34)
_LINE: Colour = (44, 51, 64)
_TEXT: Colour = (232, 236, 241)
_FAINT: Colour = (138, 149, 165)
_ACCENT: Colour = (255, 176, 72)
_LEFT: Colour = (96, 190, 255)
_RIGHT: Colour = (255, 128, 128)
_GOOD: Colour = (108, 214, 148)
_BAD: Colour = (240, 110, 104)
_LEVELS = LevelRange()
_TICKS = (125, 250, 500, 1000, 2000, 4000)


class _Box(NamedTuple):
    x: int
    y: int
    width: int
    height: int


_VIEW = _Box(16, 60, 452, 452)
_DEPTH = _Box(480, 60, 220, 220)
_EARS = _Box(480, 292, 220, 220)
_MAP = _Box(712, 60, 552, 452)
_SOUND_LEFT = _Box(16, 540, 618, 108)
_SOUND_RIGHT = _Box(646, 540, 618, 108)


@dataclass(frozen=True, eq=False)
class Moment:
    """All that one picture shows."""

    rgb: Picture
    """First-person view, shape (H, W, 3)."""
    depth: npt.NDArray[np.floating[Any]]
    """Planar depth [m], 0 = no hit, shape (h, w) or (h, w, 1)."""
    map_image: Picture
    """Top-down map with trajectory, agent and source drawn, shape (h, w, 3)."""
    audio: npt.NDArray[np.floating[Any]]
    """The last seconds at the ears up to now, linear pressure, row 0 = left, shape (2, n)."""
    sample_rate: int
    """[Hz]"""
    seconds: float = 0.0
    """Simulated time [s]."""
    step: int = 0
    title: str = ""
    """The instruction or question."""
    place: str = ""
    """Scene, planner: shown small."""
    skill: str = ""
    """What the agent is doing."""
    heard: str = ""
    """What it hears, in words."""
    heard_azimuth_deg: float | None = None
    """Where the agent thinks the sound comes from [deg], clockwise, 0 = ahead; None = no idea."""
    answer: str = ""
    """The answer, once given."""
    right: bool | None = None
    """Whether the answer is right; None = not known yet."""
    levels: LevelRange = _LEVELS
    """Colour range of the spectrograms [dB SPL]: keep it fixed over a video."""
    farthest: float = 8.0
    """Depth that is drawn darkest [m]."""


def compose(moment: Moment) -> Picture:
    """Returns the picture of a moment, shape (720, 1280, 3); a pure function of it.

    Raises:
        ValueError: an array of the wrong shape.
    """
    from PIL import Image, ImageDraw

    if moment.audio.ndim != 2 or moment.audio.shape[0] != 2:
        raise ValueError(f"audio must have shape (2, n), left ear first, not {moment.audio.shape}")
    canvas = Image.new("RGB", _SIZE, _GROUND)
    draw = ImageDraw.Draw(canvas)
    _header(draw, moment)
    _picture(canvas, draw, _VIEW, moment.rgb, "view")
    _picture(canvas, draw, _DEPTH, depth_picture(moment.depth, moment.farthest), f"depth, 0-{moment.farthest:g} m")
    _picture(canvas, draw, _MAP, moment.map_image, "map")
    _ears(draw, moment)
    for box, row, name, colour in ((_SOUND_LEFT, 0, "left ear", _LEFT), (_SOUND_RIGHT, 1, "right ear", _RIGHT)):
        _sound(canvas, draw, box, moment, row, name, colour)
    _caption(draw, moment)
    return np.asarray(canvas)


@lru_cache(maxsize=8)
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _cut(text: str, size: int, width: float) -> str:
    """Shortens a text to a width [px]."""
    if _font(size).getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _font(size).getlength(text[:middle] + "...") <= width else (low, middle - 1)
    return text[:low].rstrip() + "..."


def _header(draw: Any, moment: Moment) -> None:
    clock = f"{moment.seconds:6.2f} s   step {moment.step}"
    length = _font(15).getlength(clock)
    draw.text((_SIZE[0] - 16, 30), clock, _FAINT, _font(15), anchor="rm")
    place = _cut(moment.place, 15, 420)
    draw.text((_SIZE[0] - 40 - length, 30), place, _FAINT, _font(15), anchor="rm")
    room = _SIZE[0] - 72 - length - _font(15).getlength(place)
    draw.text((16, 30), _cut(moment.title, 22, room), _TEXT, _font(22), anchor="lm")


def _picture(canvas: Any, draw: Any, box: _Box, pixels: Picture, name: str) -> None:
    """A panel with a picture fitted into it, its name in the corner."""
    from PIL import Image

    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"the picture {name!r} must have shape (h, w, 3), not {pixels.shape}")
    height, width = pixels.shape[:2]
    scale = min(box.width / width, box.height / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, method)
    draw.rectangle(_corners(box), _PANEL)
    canvas.paste(image, (box.x + (box.width - size[0]) // 2, box.y + (box.height - size[1]) // 2))
    draw.rectangle(_corners(box), outline=_LINE)
    _label(draw, box, name, _TEXT)


def _corners(box: _Box) -> tuple[int, int, int, int]:
    return box.x, box.y, box.x + box.width - 1, box.y + box.height - 1


def _label(draw: Any, box: _Box, name: str, colour: Colour) -> None:
    length = _font(13).getlength(name)
    draw.rectangle((box.x + 6, box.y + 6, box.x + 18 + length, box.y + 25), _GROUND)
    draw.text((box.x + 12, box.y + 15.5), name, colour, _font(13), anchor="lm")


def _ears(draw: Any, moment: Moment) -> None:
    """Levels of both ears over the last quarter second, and a compass of where the sound seems to come from."""
    draw.rectangle(_corners(_EARS), _PANEL, _LINE)
    recent = moment.audio[:, -max(1, moment.sample_rate // 4) :].astype(np.float64)
    rms = np.sqrt(np.mean(recent**2, axis=1)) if recent.shape[1] else np.zeros(2)
    for row, (name, colour) in enumerate((("L", _LEFT), ("R", _RIGHT))):
        level = 20.0 * np.log10(max(float(rms[row]), 1e-9)) + 94.0
        y = _EARS.y + 16 + 24 * row
        full = _EARS.width - 104
        share = float(np.clip(level / 90.0, 0.0, 1.0))
        draw.text((_EARS.x + 14, y + 5), name, colour, _font(15), anchor="lm")
        draw.rectangle((_EARS.x + 32, y, _EARS.x + 32 + full, y + 10), _LINE)
        draw.rectangle((_EARS.x + 32, y, _EARS.x + 32 + round(full * share), y + 10), colour)
        words = f"{level:.0f} dB" if level > 0 else "silent"
        draw.text((_EARS.x + _EARS.width - 12, y + 5), words, _FAINT, _font(14), anchor="rm")
    _compass(draw, _EARS.x + _EARS.width // 2, _EARS.y + 140, 58, moment.heard_azimuth_deg)


def _compass(draw: Any, x: int, y: int, radius: int, azimuth_deg: float | None) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_LINE, width=2)
    for quarter in range(4):
        along = np.array([-np.sin(quarter * np.pi / 2), -np.cos(quarter * np.pi / 2)])
        inner, outer = along * (radius - 6), along * radius
        draw.line((x + inner[0], y + inner[1], x + outer[0], y + outer[1]), _FAINT, 2)
    draw.polygon([(x, y - 11), (x - 8, y + 9), (x + 8, y + 9)], _FAINT)
    draw.text((x - radius - 8, y), "L", _LEFT, _font(13), anchor="rm")
    draw.text((x + radius + 8, y), "R", _RIGHT, _font(13), anchor="lm")
    if azimuth_deg is None:
        draw.text((x, y + radius + 12), "direction unknown", _FAINT, _font(13), anchor="mm")
        return
    ahead = np.array([np.sin(np.radians(azimuth_deg)), -np.cos(np.radians(azimuth_deg))])
    tip, start = ahead * (radius - 2), ahead * 18
    draw.line((x + start[0], y + start[1], x + tip[0], y + tip[1]), _ACCENT, 4)
    draw.ellipse((x + tip[0] - 6, y + tip[1] - 6, x + tip[0] + 6, y + tip[1] + 6), _ACCENT)
    turned = (azimuth_deg + 180.0) % 360.0 - 180.0
    side = "ahead" if abs(turned) < 0.5 else f"{abs(turned):.0f}\N{DEGREE SIGN} {'right' if turned > 0 else 'left'}"
    draw.text((x, y + radius + 12), f"heard {side}", _ACCENT, _font(13), anchor="mm")


def _sound(canvas: Any, draw: Any, box: _Box, moment: Moment, row: int, name: str, colour: Colour) -> None:
    from PIL import Image

    pixels = sound_picture(moment.audio[row], moment.sample_rate, box.width, box.height, moment.levels)
    canvas.paste(Image.fromarray(pixels), (box.x, box.y))
    top = min(8000.0, moment.sample_rate / 2)
    for tick in _TICKS:
        if tick >= top:
            continue
        y = box.y + round(np.log(top / tick) / np.log(top / 80.0) * (box.height - 1))
        draw.line((box.x + box.width - 7, y, box.x + box.width - 2, y), _FAINT)
        if tick in (250, 1000, 4000):
            words = f"{tick // 1000}k" if tick >= 1000 else str(tick)
            draw.text((box.x + box.width - 11, y), words, _FAINT, _font(11), anchor="rm")
    draw.rectangle(_corners(box), outline=_LINE)
    draw.text((box.x, box.y - 12), name, colour, _font(13), anchor="lm")
    length = moment.audio.shape[1] / moment.sample_rate
    words = f"last {length:.1f} s, {moment.levels.low:.0f} to {moment.levels.high:.0f} dB SPL"
    draw.text((box.x + box.width, box.y - 12), words, _FAINT, _font(12), anchor="rm")


def _caption(draw: Any, moment: Moment) -> None:
    """The bottom line: skill, heard, answer."""
    y = 684
    x = 16.0
    verdict = {True: _GOOD, False: _BAD, None: _TEXT}[moment.right]
    fields = (
        ("doing", moment.skill, _ACCENT, 330),
        ("hears", moment.heard, _TEXT, 460),
        ("answer", moment.answer, verdict, 260),
    )
    for name, words, colour, width in fields:
        draw.text((x, y), name, _FAINT, _font(15), anchor="lm")
        offset = _font(15).getlength(name) + 10
        draw.text((x + offset, y), _cut(words or "-", 18, width), colour if words else _FAINT, _font(18), anchor="lm")
        x += offset + width + 24
