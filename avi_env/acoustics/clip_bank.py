"""Clips on the device, dry and reverberated: what each environment's sources play."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.late import BUS_LINES, reverberate
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
    tensors: tuple[torch.Tensor, ...]  # keeps the memory that the struct points to
    struct: Any

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
    after that as long as all clips together stay below `spare_bytes`. The reverberation is made for the channels of
    `receiver`; None = a head.
    """

    def __init__(
        self,
        rows: int,
        sources: int = 1,
        sample_rate: int = 16000,
        device: str | torch.device = "cpu",
        spare_bytes: int = 256_000_000,
        seed: int = 0,
        receiver: Hrtf | None = None,
    ) -> None:
        if rows < 1 or sources < 1:
            raise ValueError(f"a clip bank needs rows and sources, not {rows} x {sources}")
        self.device, self.sample_rate = torch.device(device), sample_rate
        self.channels = 2 if receiver is None else receiver.channel_count
        self._spare_bytes, self._seed, self._receiver = spare_bytes, seed, receiver
        self._stored: dict[str, _Stored] = {}
        self._playing: dict[tuple[int, int], str] = {}
        self.slot = torch.full((rows, sources), -1, dtype=torch.int32, device=self.device)
        """Place of each source's clip in `structs`, -1 = silent, shape (rows, sources)."""
        self.structs: Any = wp.zeros(1, dtype=ClipOnDevice, device=wp_device(self.device))
        """The clips, an array of `ClipOnDevice`."""

    @property
    def nbytes(self) -> int:
        """Memory of all clips held [bytes]."""
        return sum(stored.nbytes for stored in self._stored.values())

    def select(self, rows: torch.Tensor) -> ClipRows:
        """Returns some rows, in the order given, shape (R,) int64."""
        return ClipRows(self.slot[rows].contiguous(), self.structs, self.device, self.sample_rate, self.channels)

    def prepare(self, clip: Loop) -> PreparedClip:
        """Returns a clip ready for `set_clip`, reverberated where no row plays it yet; may run in any thread.

        Raises:
            ValueError: a clip of another sample rate.
        """
        samples = self._checked(clip)
        key = _digest(samples)
        return PreparedClip(key, self._stored.get(key) or self._upload(samples))

    def set_clip(self, row: int, clip: Loop | PreparedClip | None, source: int = 0) -> None:
        """Makes `clip` what source `source` of row `row` plays from now on; None is silence.

        Raises:
            IndexError: no such row or source.
            ValueError: a clip of another sample rate.
        """
        rows, sources = self.slot.shape
        if not (0 <= row < rows and 0 <= source < sources):
            raise IndexError(f"row {row}, source {source} is outside this bank of {rows} x {sources}")
        before = list(self._stored)
        if clip is None:
            self._playing.pop((row, source), None)
        else:
            self._playing[row, source] = self._key(clip)
        self._forget()
        if list(self._stored) == before:
            key = self._playing.get((row, source))
            self.slot[row, source] = -1 if key is None else before.index(key)
        else:
            self._renew_tables()

    def _key(self, clip: Loop | PreparedClip) -> str:
        """Returns the name of a clip's content, which is on the device then."""
        key, stored = clip if isinstance(clip, PreparedClip) else self.prepare(clip)
        self._stored.setdefault(key, stored)
        return key

    def _checked(self, clip: Loop) -> npt.NDArray[np.float32]:
        if clip.sample_rate != self.sample_rate:
            raise ValueError(
                f"the clip has {clip.sample_rate} Hz but the bank {self.sample_rate} Hz: make it at that rate"
            )
        return np.ascontiguousarray(clip.samples, dtype=np.float32)

    def _upload(self, samples: npt.NDArray[np.float32]) -> _Stored:
        bus = reverberate(samples, self.sample_rate, self._seed, self.device, self._receiver)
        tensors = (torch.tensor(samples, device=self.device), *bus)
        struct = ClipOnDevice()
        names = ("dry", "loop", "past", "line", "past_start", "scale")
        for name, tensor in zip(names, tensors, strict=True):
            setattr(struct, name, wp.from_torch(tensor))
        return _Stored(tensors, struct)

    def _forget(self) -> None:
        """Forgets clips that nobody plays, oldest first, above the limit."""
        used = set(self._playing.values())
        for key in [key for key in self._stored if key not in used]:
            if self.nbytes <= self._spare_bytes:
                return
            del self._stored[key]

    def _renew_tables(self) -> None:
        """Renews the tables that kernels read after clips have come or gone."""
        place = {key: number for number, key in enumerate(self._stored)}
        slot = torch.full(self.slot.shape, -1, dtype=torch.int32)
        for (row, source), key in self._playing.items():
            slot[row, source] = place[key]
        self.slot = slot.to(self.device)
        structs = [stored.struct for stored in self._stored.values()] or [ClipOnDevice()]
        self.structs = wp.array(structs, dtype=ClipOnDevice, device=wp_device(self.device))


def _digest(samples: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()


assert BUS_LINES == 84  # the kernels' loop over lines and the shapes that docstrings promise
