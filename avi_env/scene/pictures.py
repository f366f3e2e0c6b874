"""Pictures that a mesh file refers to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["read_picture"]


def read_picture(owner: Path, name: str, user: str) -> npt.NDArray[np.uint8]:
    """Returns a picture beside a file, sRGB, shape (h, w, 3); alpha is dropped.

    Args:
        owner: the file that refers to it.
        name: its path as that file gives it, relative to that file's folder.
        user: what of the file refers to it, for errors.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no picture that Pillow decodes.
    """
    from PIL import Image, UnidentifiedImageError

    picture = owner.parent / name.replace("\\", "/")
    if not picture.is_file():
        raise FileNotFoundError(
            f"{str(owner)!r}: {user} refers to the picture {name!r}, which is not there: put it at {str(picture)!r}, "
            f"or read with textures=False"
        )
    try:
        with Image.open(picture) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{str(picture)!r} cannot be decoded ({error}): convert it to PNG or JPEG") from error
