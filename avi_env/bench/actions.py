"""Actions of an episode as a short text: enough to play it again."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["actions_of_text", "actions_text"]

_SIGNS = string.digits + string.ascii_lowercase


def actions_text(actions: Sequence[Any]) -> str:
    """Returns "1123" for single numbers 0..35; "1.90.100.3 0.0.0.0" for several numbers an action."""
    rows = [np.asarray(action) for action in actions]
    if all(row.ndim == 0 and int(row) < len(_SIGNS) for row in rows):
        return "".join(_SIGNS[int(row)] for row in rows)
    return " ".join(".".join(str(int(number)) for number in row.reshape(-1)) for row in rows)


def actions_of_text(text: str) -> list[np.int64 | npt.NDArray[np.int64]]:
    """Returns the actions that `actions_text` wrote.

    Raises:
        ValueError: nothing that it writes.
    """
    if "." in text:
        return [np.array([int(number) for number in word.split(".")], dtype=np.int64) for word in text.split()]
    return [np.int64(_SIGNS.index(sign)) for sign in text]
