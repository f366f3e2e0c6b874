"""Clips on the device, dry and reverberated: what each environment's sources play."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import hashlib
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.bake_cache import bake_key
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.late import BUS_LINES, ReverbBus, reverberate
from avi_env.array_cache import read_arrays, write_arrays
from avi_env.scene.rays_warp import wp_device

__all__ = ["ClipBank", "ClipOnDevice", "ClipRows", "PreparedClip"]


@wp.struct
class ClipOnDevice:
    """One clip as kernels read it; see `ReverbBus` for the reverberated lines."""

    dry: wp.array[wp.float32]
    loop: wp.array3d[wp.int16]
    past: wp.array2d[wp.int16]
    line: wp.array[wp.int32]
    past_start: wp.array[wp.int32]
    scale: wp.array[wp.float32]


class Loop(Protocol):
    """A seamless loop, such as `avi_env.sounds.Clip`."""

    @property
    def samples(self) -> npt.NDArray[np.float32]:
        """Pressure at 1 m, shape (n,)."""
        ...

    @property
    def sample_rate(self) -> int:
        """[Hz]."""
        ...


@dataclass(frozen=True, eq=False)
class _Stored:
    tensors: tuple[torch.Tensor, ...]  # keeps the memory that the row points to
    row: Any  # its `ClipOnDevice`, an array of one on the host

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors)


class PreparedClip(NamedTuple):
    """A clip that is on the device, reverberated, before any row plays it."""

    key: str
    stored: _Stored


class ClipRows(NamedTuple):
    """Some rows of a clip bank: what `render_step` needs to know of it."""

    slot: torch.Tensor
    structs: Any
    device: torch.device
    sample_rate: int
    channels: int


class ClipBank:
    """The clips that `rows` environments with `sources` sources each play; equal clips are stored once.

    A clip is reverberated when first set (half a second for seven seconds of sound) and kept while a row plays it;
    after that in memory as long as all clips together stay below `spare_bytes`, and on disk as bakes are. The
    reverberation is made for the channels of `receiver`; None = a head.
    """

    def __init__(
        self,
        rows: int,
        sources: int = 1,
        sample_rate: int = 16000,
        device: str | torch.device = "cpu",
        spare_bytes: int = 128_000_000,
        seed: int = 0,
        receiver: Hrtf | None = None,
    ) -> None:
        if rows < 1 or sources < 1:
            raise ValueError(f"a clip bank needs rows and sources, not {rows} x {sources}")
        self.device, self.sample_rate = torch.device(device), sample_rate
        self.channels = 2 if receiver is None else receiver.channel_count
        self._spare_bytes, self._seed, self._receiver = spare_bytes, seed, receiver
        self._stored: dict[str, _Stored] = {}
        self._known: weakref.WeakValueDictionary[str, _Stored] = weakref.WeakValueDictionary()  # prepared ones, too
        self._place: dict[str, int] = {}
        self._free: list[int] = []
        self._playing: dict[tuple[int, int], str] = {}
        self._players: Counter[str] = Counter()
        self._spare: dict[str, None] = {}  # that nobody plays, the least recently played first
        self._held_bytes = 0
        self.slot = torch.full((rows, sources), -1, dtype=torch.int32, device=self.device)
        """Place of each source's clip in `structs`, -1 = silent, shape (rows, sources)."""
        self.structs: Any = wp.zeros(1, dtype=ClipOnDevice, device=wp_device(self.device))
        """The clips, an array of `ClipOnDevice`; a place without a clip is in no row's `slot`."""

    @property
    def nbytes(self) -> int:
        """Memory of all clips held [bytes]."""
        return self._held_bytes

    def select(self, rows: torch.Tensor) -> ClipRows:
        """Returns some rows, in the order given, shape (R,) int64."""
        return ClipRows(self.slot[rows].contiguous(), self.structs, self.device, self.sample_rate, self.channels)

    def prepare(self, clip: Loop) -> PreparedClip:
        """Returns a clip ready for `set_clip`, reverberated where nobody holds it yet; may run in any thread.

        Raises:
            ValueError: a clip of another sample rate.
        """
        samples = self._checked(clip)
        key = _digest(samples)
        stored = self._known.get(key)
        if stored is None:  # two threads may make the same at a time: the first one's stays
            stored = self._known.setdefault(key, self._upload(samples))
        return PreparedClip(key, stored)

    def set_clip(self, row: int, clip: Loop | PreparedClip | None, source: int = 0) -> None:
        """Makes `clip` what source `source` of row `row` plays from now on; None is silence.

        Raises:
            IndexError: no such row or source.
            ValueError: a clip of another sample rate.
        """
        rows, sources = self.slot.shape
        if not (0 <= row < rows and 0 <= source < sources):
            raise IndexError(f"row {row}, source {source} is outside this bank of {rows} x {sources}")
        before, key = self._playing.pop((row, source), None), None if clip is None else self._key(clip)
        if key is not None:
            self._playing[row, source] = key
            self._players[key] += 1
            self._spare.pop(key, None)
        self.slot[row, source] = -1 if key is None else self._place[key]
        if before is not None:
            self._players[before] -= 1
            if not self._players[before]:
                del self._players[before]
                self._spare[before] = None
        self._forget()

    def _key(self, clip: Loop | PreparedClip) -> str:
        """Returns the name of a clip's content, which is on the device then."""
        key, stored = clip if isinstance(clip, PreparedClip) else self.prepare(clip)
        if key not in self._stored:
            self._place[key] = self._enter(stored)
            self._stored[key], self._spare[key] = stored, None
            self._held_bytes += stored.nbytes
        return key

    def _enter(self, stored: _Stored) -> int:
        """Writes a clip into a free place of `structs`, which doubles where there is none, and returns the place."""
        if not self._free:
            known = len(self._stored)
            if known == len(self.structs):
                grown = wp.zeros(2 * known, dtype=ClipOnDevice, device=wp_device(self.device))
                wp.copy(grown, self.structs, count=known)
                self.structs = grown
            self._free.append(known)
        place = self._free.pop()
        wp.copy(self.structs, stored.row, dest_offset=place, count=1)
        return place

    def _checked(self, clip: Loop) -> npt.NDArray[np.float32]:
        if clip.sample_rate != self.sample_rate:
            raise ValueError(
                f"the clip has {clip.sample_rate} Hz but the bank {self.sample_rate} Hz: make it at that rate"
            )
        return np.ascontiguousarray(clip.samples, dtype=np.float32)

    def _upload(self, samples: npt.NDArray[np.float32]) -> _Stored:
        bus = self._reverberated(samples)
        tensors = (torch.tensor(samples, device=self.device), *bus)
        struct = ClipOnDevice()
        names = ("dry", "loop", "past", "line", "past_start", "scale")
        for name, tensor in zip(names, tensors, strict=True):
            setattr(struct, name, wp.from_torch(tensor))
        row = wp.array([struct], dtype=ClipOnDevice, device="cpu", pinned=self.device.type == "cuda")
        return _Stored(tensors, row)

    def _reverberated(self, samples: npt.NDArray[np.float32]) -> ReverbBus:
        """Returns a clip's reverb bus, from disk where a head hears it: all heads hear the same."""
        parts = (samples, self.sample_rate, self._seed, self.device, self._receiver)
        if self._receiver is not None and not self._receiver.is_diffuse_head:
            return reverberate(*parts)
        key = bake_key("clip", samples.tobytes(), self.sample_rate, self._seed, self.device.type, torch.__version__)
        kept = read_arrays("clips", key)
        if kept is not None and set(ReverbBus._fields) <= set(kept):
            return ReverbBus(*(torch.from_numpy(kept[name]).to(self.device) for name in ReverbBus._fields))
        bus = reverberate(*parts)
        write_arrays("clips", key, {name: part.cpu().numpy() for name, part in zip(bus._fields, bus, strict=True)})
        return bus

    def _forget(self) -> None:
        """Forgets clips that nobody plays, the least recently played first, above the limit."""
        while self._spare and self._held_bytes > self._spare_bytes:
            key = next(iter(self._spare))
            del self._spare[key]
            self._held_bytes -= self._stored.pop(key).nbytes
            self._free.append(self._place.pop(key))


def _digest(samples: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()


assert BUS_LINES == 84  # the kernels' loop over lines and the shapes that docstrings promise
