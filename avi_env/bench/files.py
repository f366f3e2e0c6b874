"""JSON and image files of results, written completely or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.whole_file import whole_file, write_whole

__all__ = ["save_image", "write_json"]


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON with sorted keys, so that equal values make equal files."""
    write_whole(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def save_image(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Writes an image (h, w, 3) in the format of the file's suffix."""
    from PIL import Image

    with whole_file(path) as part:
        Image.fromarray(image).save(part)
