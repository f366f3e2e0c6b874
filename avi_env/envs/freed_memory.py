"""Memory that background work has freed goes back to the system; glibc would keep it, torn to pieces."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

__all__ = ["return_memory"]

_EVERY = 0.25
"""Least time between two returns [s]: work that is shorter frees little, and a return lasts 3 to 15 ms."""

_lock = threading.Lock()
_next = 0.0


def return_memory() -> None:
    """Gives pages that hold nothing any more back to the system, in all of malloc's arenas, unless it was just done.

    To make an episode ready takes up to a quarter of a gigabyte for a moment (a clip's reverberation, a house's light),
    between blocks that stay. Without this, a process keeps some 300 MB that nobody uses.
    """
    global _next
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is None:  # other C libraries have none
        return
    with _lock:
        now = time.monotonic()
        if now < _next:
            return
        _next = now + _EVERY
    trim(0)
