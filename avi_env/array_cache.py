"""Arrays on disk that take time to make: found by all they depend on, written whole or not at all, limited in size.

A file that is damaged, foreign or of another format is passed over and written anew; a folder that cannot be written
costs a warning, never the run.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import time
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.content import cache_folder, cache_limit, package_file
from avi_env.whole_file import whole_file

__all__ = ["CACHE_BYTES", "DAMAGE", "cache_key", "read_arrays", "write_arrays"]

CACHE_BYTES = cache_limit()
"""Size that a folder may have before the files that were not used for longest go: of 2 GiB, about 2000 fields of a
house, or 70 clips."""

DAMAGE = (OSError, ValueError, KeyError, TypeError)
"""What reading a file that is not sound raises."""

_FORMAT = 2
_MAGIC = b"avi arrs"
_SUFFIX = ".arrays"
_ALIGN = 64  # [bytes] on which arrays begin
_PAGE = 4096  # words that are added up before they go into the checksum
_KEPT = 0.9  # of the limit, so that not every new file makes room for itself alone
_ABANDONED = 3600.0  # [s] after which an unfinished file belongs to nobody

_lock = threading.Lock()
_warned = False


def cache_key(packages: tuple[str, ...], *inputs: str | bytes | float) -> str:
    """Returns the name under which arrays are kept: a hash of their inputs, the code that makes them and the format.

    Args:
        packages: of avi_env, whose code decides what they are.
        *inputs: everything else that does, versions of libraries included.
    """
    hasher = hashlib.sha256(repr((_FORMAT, _code_digest(packages), np.__version__)).encode())
    for value in inputs:
        part = value if isinstance(value, bytes) else repr(value).encode()
        hasher.update(len(part).to_bytes(8, "little") + part)
    return hasher.hexdigest()


@functools.cache
def _code_digest(packages: tuple[str, ...]) -> str:
    hasher = hashlib.sha256()
    for package in packages:
        for file in sorted(package_file(f"{package}/__init__.py").parent.iterdir()):
            if file.suffix in (".py", ".toml"):
                hasher.update(file.name.encode() + file.read_bytes())
    return hasher.hexdigest()


def read_arrays(kind: str, key: str) -> dict[str, npt.NDArray[Any]] | None:
    """Returns arrays from disk by name; None if they are not there or the file is not sound.

    Args:
        kind: "bakes", "clips" (with their reverberation) or "sounds" (without), a folder each.
        key: from `cache_key`.
    """
    folder = _folder(kind)
    path = folder / f"{key}{_SUFFIX}" if folder else None
    if path is None or not path.is_file():
        return None
    try:
        arrays = _unpacked(np.fromfile(path, np.uint8), key)
        path.touch()  # used now
    except DAMAGE:
        return None
    return arrays


def _packed(key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[bytes, memoryview]:
    """Returns the parts of a file: magic and checksum, length of the contents, contents as JSON, arrays.

    Plain, since zip's checks would take longer than reading: 40 ms for a clip of 50 MB.
    """
    place, contents, parts = 0, {}, list[npt.NDArray[np.uint8]]()
    for name, given in arrays.items():
        array = np.ascontiguousarray(given).reshape(np.shape(given))
        contents[name] = (array.dtype.str, array.shape, place)
        parts += [array.reshape(-1).view(np.uint8), np.zeros(-array.nbytes % _ALIGN, np.uint8)]
        place += array.nbytes + -array.nbytes % _ALIGN
    text = json.dumps({"key": key, "arrays": contents}).encode()
    text += b" " * (-(len(text) + 24) % _ALIGN)
    head = np.frombuffer(len(text).to_bytes(8, "little") + text, np.uint8)
    body = np.concatenate([head, *parts])
    return _MAGIC + _checksum(body).to_bytes(8, "little"), body.data


def _unpacked(file: npt.NDArray[np.uint8], key: str) -> dict[str, npt.NDArray[Any]]:
    """Returns the arrays in a file, views of it.

    Raises:
        ValueError: it is damaged, or has another key.
    """
    head, body = file[:16].tobytes(), file[16:]
    if len(body) % 8 or head != _MAGIC + _checksum(body).to_bytes(8, "little"):
        raise ValueError("damaged")
    start = 8 + int.from_bytes(body[:8].tobytes(), "little")
    contents = json.loads(body[8:start].tobytes())
    if contents["key"] != key:
        raise ValueError("another key")
    arrays = {}
    for name, (kind, shape, place) in contents["arrays"].items():
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
        arrays[name] = body[start + place : start + place + count].view(kind).reshape(shape)
    return arrays


def _checksum(body: npt.NDArray[np.uint8]) -> int:
    """Returns the CRC of the sums over a body's pages: eight times as fast as that of the body itself."""
    words = body.view(np.uint64)
    return zlib.crc32(np.add.reduceat(words, np.arange(0, len(words), _PAGE)).tobytes()) if len(words) else 0


def write_arrays(kind: str, key: str, arrays: Mapping[str, npt.NDArray[Any]], limit: int = CACHE_BYTES) -> None:
    """Keeps arrays on disk and makes room for them; warns once if the folder cannot be written.

    Args:
        kind: "bakes", "clips" (with their reverberation) or "sounds" (without), a folder each.
        key: from `cache_key`.
        arrays: what was made.
        limit: greatest size of the folder [bytes].
    """
    folder = _folder(kind)
    if folder is None:
        return
    try:
        with _lock:  # the unfinished file is named after the process
            folder.mkdir(parents=True, exist_ok=True)
            with whole_file(folder / f"{key}{_SUFFIX}") as part, part.open("wb") as file:
                for piece in _packed(key, arrays):
                    file.write(piece)
            _make_room(folder, limit)
    except OSError as error:
        _warn(folder, error)


def _make_room(folder: Path, limit: int) -> None:
    """Removes what was not used for longest until the folder is below its limit, and what killed processes left."""
    now, total = time.time(), 0
    found: list[tuple[float, int, Path]] = []
    for path in folder.glob("*"):  # those of older formats, too
        try:
            state = path.stat()
        except FileNotFoundError:  # another process made room too
            continue
        if path.name.startswith("."):
            if now - state.st_mtime > _ABANDONED:
                path.unlink(missing_ok=True)
            continue
        found.append((state.st_mtime, state.st_size, path))
        total += state.st_size
    if total <= limit:
        return
    for _, size, path in sorted(found):
        path.unlink(missing_ok=True)
        total -= size
        if total <= _KEPT * limit:
            return


def _folder(kind: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / kind


def _warn(folder: Path, error: OSError) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"sound is not kept on disk: {folder} cannot be written ({error.strerror or error}); set AVI_CACHE to"
            " a folder that can, or to 'off'",
            RuntimeWarning,
            stacklevel=3,
        )
