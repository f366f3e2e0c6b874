"""Environment variables of this process and of those that it starts, for as long as something is measured."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["fresh_cache", "variable"]


@contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """Sets an environment variable, and afterwards makes it what it was."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


@contextmanager
def fresh_cache() -> Iterator[Path]:
    """Keeps what earlier runs baked out of a measurement, in a folder that goes with it."""
    # What a closed environment was still preparing may be written while the folder is being emptied: no reason to lose
    # what was measured.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, variable("AVI_CACHE", folder):
        yield Path(folder)
