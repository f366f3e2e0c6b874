"""JSON files of data sets: read whole, checked entry by entry, with errors that name file, place and remedy."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Entry", "read_json"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """A JSON object of a file, and where it stands: "FILE: stage_instance"."""

    where: str
    """The file's name and the keys that lead here, for messages."""
    table: Mapping[str, Any]

    def has(self, key: str) -> bool:
        """Says whether the key is there and not null."""
        return self.table.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """Returns a text; `default` stands for a missing one.

        Raises:
            ValueError: it is missing without a default, or no text.
        """
        return str(self._typed(key, default, str, "a text"))

    def number(self, key: str, default: float | None = None) -> float:
        """Returns a finite number.

        Raises:
            ValueError: it is missing without a default, or no finite number.
        """
        value = self._typed(key, default, (int, float), "a number")
        if isinstance(value, bool) or not np.isfinite(value):
            raise self.error(f"{key!r} must be a finite number, not {value!r}")
        return float(value)

    def integer(self, key: str, default: int | None = None) -> int:
        """Returns a whole number.

        Raises:
            ValueError: it is missing without a default, or no whole number.
        """
        value = self._typed(key, default, int, "a whole number")
        if isinstance(value, bool):
            raise self.error(f"{key!r} must be a whole number, not {value!r}")
        return int(value)

    def vector(self, key: str, length: int = 3, default: tuple[float, ...] | None = None) -> FloatArray:
        """Returns a list of `length` finite numbers, shape (length,).

        Raises:
            ValueError: it is missing without a default, of another length, or holds anything but finite numbers.
        """
        value = self._typed(key, list(default) if default is not None else None, list, "a list of numbers")
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        if len(value) != length or not numbers or not np.all(np.isfinite(np.array(value, dtype=np.float64))):
            raise self.error(f"{key!r} must be a list of {length} finite numbers, not {value!r}")
        return np.array(value, dtype=np.float64)

    def vector_of(self, keys: str) -> FloatArray:
        """Returns this object's numbers of one-letter keys, "xyz" for {"x", "y", "z"}, shape (len(keys),).

        Raises:
            ValueError: one of them is missing, or no finite number.
        """
        return np.array([self.number(key) for key in keys])

    def entry(self, key: str, optional: bool = False) -> Entry:
        """Returns a JSON object within this one; an empty one for a missing optional one.

        Raises:
            ValueError: it is missing and not optional, or no object.
        """
        value = self._typed(key, {} if optional else None, dict, "an object {...}")
        return Entry(f"{self.where}: {key}", value)

    def entries(self, key: str, optional: bool = False) -> list[Entry]:
        """Returns the JSON objects of a list; an empty list for a missing optional one.

        Raises:
            ValueError: it is missing and not optional, no list, or holds anything but objects.
        """
        value = self._typed(key, [] if optional else None, list, "a list of objects")
        for number, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.error(f"{key!r} must hold objects {{...}}, but its entry {number} is {item!r}")
        return [Entry(f"{self.where}: {key}[{number}]", item) for number, item in enumerate(value)]

    def texts(self, key: str) -> list[str]:
        """Returns a list of texts; an empty one where it is missing.

        Raises:
            ValueError: no list, or it holds anything but texts.
        """
        value = self._typed(key, [], list, "a list of texts")
        if not all(isinstance(item, str) for item in value):
            raise self.error(f"{key!r} must hold texts, not {value!r}")
        return list(value)

    def error(self, message: str) -> ValueError:
        """Returns the error that says what is wrong at this place."""
        return ValueError(f"{self.where}: {message}")

    def _typed(self, key: str, default: Any, kind: type | tuple[type, ...], what: str) -> Any:
        value = self.table.get(key)
        if value is None:
            if default is None:
                known = ", ".join(sorted(map(str, self.table))) or "nothing"
                raise self.error(f"{key!r} is missing (it must be {what}); there is {known}")
            return default
        if not isinstance(value, kind):
            raise self.error(f"{key!r} must be {what}, not {value!r}")
        return value


def read_json(path: Path) -> Entry:
    """Returns the JSON object in a file; a name that ends in .gz is unpacked.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not JSON, or its top is no object.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}: check the path")
    data = path.read_bytes()
    try:
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        table = json.loads(text)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{str(path)!r} is not valid JSON ({error}): is it the whole file?") from error
    if not isinstance(table, dict):
        raise ValueError(f"{str(path)!r} must hold a JSON object {{...}}, not a {type(table).__name__}")
    return Entry(path.name, table)
