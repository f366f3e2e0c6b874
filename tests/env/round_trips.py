"""Watches a piece of code for host round trips: on a GPU each of them would wait for the device."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import avi_env

PACKAGE = Path(avi_env.__file__).parent

# What torch does on the device only to know it on the host: numbers, and shapes that depend on values.
READS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "_unique", "_unique2", "unique_consecutive")
METHODS = ("cpu", "numpy", "tolist", "item", "__array__", "__bool__", "__int__", "__float__", "__index__")
# From lists and arrays of the host to the device: a copy from pageable memory waits as well.
UPLOADS = ("tensor", "as_tensor", "from_numpy")


class _Watch(TorchDispatchMode):
    """Notes every operation whose result the host must wait for."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in READS:
            self._note(name)
        elif name in ("index", "index_put", "index_put_", "_index_put_impl_"):
            masks = [i for i in args[1] if isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8)]
            if masks:
                self._note("index by a mask")
        elif name == "repeat_interleave" and isinstance(args[-1], torch.Tensor):
            self._note("repeat_interleave by a tensor")
        return func(*args, **(kwargs or {}))


def site(depth: int = 1) -> str:
    """Returns the innermost function of avi_env that is being executed, as module.function."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            return f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return "outside"


@contextmanager
def watched() -> Iterator[Counter[tuple[str, str]]]:
    """Yields a counter of (what, where) of all round trips made in its body by this thread; `where` as by `site`."""
    found: Counter[tuple[str, str]] = Counter()
    inside, watcher = False, threading.get_ident()

    def note(what: str) -> None:
        if not inside and threading.get_ident() == watcher:  # others make ready what comes next
            found[what, site(2)] += 1

    def watching(owner: Any, name: str) -> Callable[..., Any]:
        plain = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            note(name)
            before, inside = inside, True  # what it does to get there is one and the same trip
            try:
                return plain(*args, **kwargs)
            finally:
                inside = before

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in METHODS:
            patch.setattr(torch.Tensor, name, watching(torch.Tensor, name))
        for name in UPLOADS:
            patch.setattr(torch, name, watching(torch, name))
        with _Watch(note):
            yield found


def python_calls(action: Callable[[], Any]) -> Counter[str]:
    """Returns how often each Python function of avi_env is called by this thread while `action` runs."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and "avi_env" in frame.f_code.co_filename:
            calls[f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}"] += 1

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls
