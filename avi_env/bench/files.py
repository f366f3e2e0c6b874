"""JSON and image files of results, written completely or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.whole_file import whole_file, write_whole

__all__ = ["output_folder", "save_image", "write_json"]


def output_folder(folder: Path) -> Path:
    """Returns a folder for results, made where it is missing: before the work, so that a closed disk shows up first.

    Raises:
        OSError: a file is in the way, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f"cannot write to {folder}: {error.strerror}; choose another folder with --output") from error
    return folder


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON with sorted keys, so that equal values make equal files."""
    write_whole(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def save_image(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Writes an image (h, w, 3) in the format of the file's suffix."""
    from PIL import Image

    with whole_file(path) as part:
        Image.fromarray(image).save(part)
