"""`avi sounds show`: a sheet of spectrograms, one a sound."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from avi_env.bench.sound_picture import level_range, sound_picture
from avi_env.sounds import expand_sounds, make_clip, sound_classes
from avi_env.whole_file import whole_file

__all__ = ["show_sounds", "sound_sheet"]

Picture = npt.NDArray[np.uint8]

_PAPER, _INK, _FAINT = (250, 249, 246), (34, 37, 43), (110, 118, 130)
_TILE, _GAP, _CAPTION, _TITLE = (232, 104), 12, 20, 40  # [px]
_COLUMNS = 6
_RATE = 16000
_SECONDS = 8.0  # of every tile: lengths can be compared
_COLOURS = 128  # of the palette: two fifths of the bytes
_SPAN_DB = 62.0  # from the brightest colour to black


def show_sounds(names: tuple[str, ...], output: Path, seed: int = 0) -> int:
    """Writes a picture of the spectrograms of sounds, one of each class where no names are given."""
    from PIL import Image

    wanted = expand_sounds(names or sound_classes())
    sheet = Image.fromarray(sound_sheet(wanted, seed)).quantize(_COLOURS, dither=Image.Dither.NONE)
    with whole_file(output) as part:
        sheet.save(part, optimize=True)
    Console().print(f"wrote {output}: {len(wanted)} sounds")
    return 0


def sound_sheet(names: Sequence[str], seed: int = 0) -> Picture:
    """Returns the spectrograms of sounds in rows of six, shape (h, w, 3).

    Each tile shows 8 s of the loop, octaves from 80 Hz to 8 kHz upwards, colours from the tile's loudest moment 62 dB
    down.
    """
    from PIL import Image, ImageDraw

    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    width = columns * (_TILE[0] + _GAP) + _GAP
    height = _TITLE + rows * (_TILE[1] + _CAPTION + _GAP)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    title = f"{len(names)} sounds: {_SECONDS:g} s to the right, 80 Hz to 8 kHz upwards"
    draw.text((_GAP, _TITLE / 2), title, _INK, _font(16), anchor="lm")
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        x, y = _GAP + column * (_TILE[0] + _GAP), _TITLE + row * (_TILE[1] + _CAPTION + _GAP)
        clip = make_clip(name, seed, _RATE)
        count = round(_SECONDS * _RATE)
        samples = np.tile(clip.samples, -(-count // len(clip.samples)))[:count]
        fine = sound_picture(samples, _RATE, 3 * _TILE[0], 3 * _TILE[1], level_range(samples[None], _RATE, _SPAN_DB))
        sheet.paste(Image.fromarray(fine).resize(_TILE, Image.Resampling.BOX), (x, y))
        middle = y + _TILE[1] + _CAPTION / 2
        draw.text((x, middle), clip.name.rpartition(":")[2].replace("_", " "), _INK, _font(12), anchor="lm")
        draw.text((x + _TILE[0], middle), f"{clip.spl_db:.0f} dB", _FAINT, _font(12), anchor="rm")
    return np.array(sheet)


@lru_cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
