"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["require_folder", "whole_file", "write_whole"]


def require_folder(path: Path) -> None:
    """Raises FileNotFoundError where the folder of a file to write does not exist."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}; create it or choose another")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what was written there gets the name `path` when the block ends well.

    An error, a full disk or an interrupt within the block leaves neither a part nor a changed file.

    Raises:
        FileNotFoundError: the folder does not exist.
        OSError: the folder is closed or the disk is full.
    """
    path = Path(path)
    require_folder(path)
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())  # a full disk may show up only here
        os.replace(part, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OSError(error.errno, f"the disk is full, {path} was not written") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PermissionError(error.errno, f"the folder {path.parent} is closed for writing") from error
        raise
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Writes text (UTF-8) or bytes, completely or not at all."""
    with whole_file(path) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
