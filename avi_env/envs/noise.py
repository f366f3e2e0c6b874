"""Ambient noise at the ears of many rows, whose level can change while an episode runs."""

from __future__ import annotations

from typing import NamedTuple

import torch

from avi_env.acoustics.ambience import Ambience
from avi_env.acoustics.hrtf import Hrtf

__all__ = ["NoiseChange", "NoiseRows"]

_REFERENCE_DB = 60.0  # of the noise that is scaled where environments have none of their own
_RAMP_SECONDS = 0.05


class NoiseChange(NamedTuple):
    """The last change of a seat's noise."""

    before: float
    """Level up to then [dB SPL], -inf = none."""
    after: float
    """Level from then on [dB SPL]."""
    sample: int
    """When the change begins, on the clock of the sound; it takes 50 ms."""


class NoiseRows:
    """The noise that rows hear: that of the environments' own level, and another one in seats where it was changed."""

    def __init__(self, receiver: Hrtf, level: float, device: torch.device, listens: bool) -> None:
        """Makes it.

        Args:
            receiver: who hears it.
            level: of all rows [dB SPL]; 0 = none.
            device: where it is heard.
            listens: whether anybody hears.
        """
        self.level = level if level > 0.0 else float("-inf")
        """Of rows where nothing was changed [dB SPL]."""
        self._receiver, self._device, self._listens = receiver, device, listens
        self._ambience = Ambience(receiver, level, device) if listens and level > 0.0 else None
        self._reference = level if level > 0.0 else _REFERENCE_DB
        self._changes: dict[int, NoiseChange] = {}

    @property
    def nbytes(self) -> int:
        """Memory of the noise [bytes]."""
        return 0 if self._ambience is None else self._ambience.nbytes

    def change(self, seat: int, level: float, sample: int) -> None:
        """Gives a seat's noise another level [dB SPL] from a sample on the clock of its sound on; -inf = none."""
        present = self._changes.get(seat)
        self.put_back(seat, NoiseChange(self.level if present is None else present.after, level, sample))

    def level_of(self, seat: int) -> float:
        """Returns the level of a seat's noise now, or after the change that is under way [dB SPL], -inf = none."""
        return self._changes[seat].after if seat in self._changes else self.level

    def taken(self, seat: int) -> NoiseChange | None:
        """Returns the last change of a seat's noise, None = it has not been changed."""
        return self._changes.get(seat)

    def put_back(self, seat: int, change: NoiseChange | None) -> None:
        """Lets a seat's noise go on from what `taken` returned."""
        self._changes.pop(seat, None)
        if change is not None:
            self._changes[seat] = change
            if self._ambience is None and self._listens:
                self._ambience = Ambience(self._receiver, self._reference, self._device)

    def __call__(
        self, seats: torch.Tensor, keys: torch.Tensor, clocks: torch.Tensor, count: int
    ) -> torch.Tensor | None:
        """Returns some samples of noise, shape (N, C, count), None if there is none.

        Args:
            seats: of the rows, shape (N,).
            keys: of their episodes, shape (N,), int64.
            clocks: first sample on each clock of sound, shape (N,), int64.
            count: number of samples.
        """
        if self._ambience is None:
            return None
        noise = self._ambience(keys, clocks, count)
        if not self._changes:
            return noise
        own = [self._changes.get(seat, NoiseChange(self.level, self.level, 0)) for seat in seats.tolist()]
        table = torch.tensor([(self._factor(c.before), self._factor(c.after)) for c in own], device=self._device)
        begun = torch.tensor([change.sample for change in own], device=self._device)
        age = clocks[:, None] + torch.arange(count, device=self._device) - begun[:, None]
        share = (age / (_RAMP_SECONDS * self._receiver.sample_rate)).clamp(0.0, 1.0)
        return noise * (table[:, :1] + (table[:, 1:] - table[:, :1]) * share)[:, None]

    def _factor(self, level: float) -> float:
        """Returns the pressure of a level re that of the noise at hand."""
        return float(10.0 ** ((level - self._reference) / 20.0))
