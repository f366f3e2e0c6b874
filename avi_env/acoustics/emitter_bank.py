"""Emitters on a device: where many of them are at a moment, how they face, how loud they are, when they sound."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from avi_env.acoustics.directivity import Directivity, directivity_gain, load_directivity, stack_directivities
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.stream import Playback
from avi_env.sounds.schedule import ALWAYS, NEVER_ENDING, Schedule, ScheduleRows, emissions, schedule_rows

__all__ = ["EmitterBank", "Traits"]

_TAIL_SECONDS = 3.0  # reverberation of an emission that is still heard after its end [s] ...
_MOST_OVERLAP = 8  # ... of at most so many emissions of a source


class Traits(NamedTuple):
    """What there is among some emitters."""

    gaps: bool
    """Places without an emitter."""
    directional: bool
    moving: bool
    with_listener: bool
    always: bool
    """All sound without a pause."""
    overlap: int
    """Emissions of one source that can be heard at a time, at most."""


class EmitterBank:
    """F places for emitters; a place without one is silent."""

    def __init__(self, count: int, sample_rate: int, device: torch.device) -> None:
        self.emitters: list[Emitter | None] = [None] * count
        """The emitter in each place."""
        self._traits: Traits | None = None
        self._rate, self._device = sample_rate, device
        self._patterns: list[Directivity] = [load_directivity("omni")]
        self._tables = stack_directivities(self._patterns, device)
        self._which = torch.zeros(count, dtype=torch.int32, device=device)
        self._power = torch.ones(count, 7, device=device)
        self._gain = torch.zeros(count, device=device)
        self._own = torch.zeros(count, dtype=torch.bool, device=device)
        self._schedules = schedule_rows([ALWAYS] * count, sample_rate, device)
        self._overlap = torch.ones(count, dtype=torch.int64, device=device)
        self._corners = torch.zeros(count, 1, 6, dtype=torch.float64, device=device)

    @property
    def traits(self) -> Traits:
        """What there is among the emitters."""
        if self._traits is None:
            known = [emitter for emitter in self.emitters if emitter is not None]
            self._traits = Traits(
                len(known) < len(self.emitters),
                any(not emitter.pattern.is_omni for emitter in known),
                any(emitter.moves for emitter in known),
                any(emitter.with_listener for emitter in known),
                all(emitter.schedule == ALWAYS for emitter in known),
                max((_overlap(emitter.schedule) for emitter in known), default=1),
            )
        return self._traits

    def set_emitter(self, place: int, emitter: Emitter | None) -> None:
        """Puts an emitter into a place; None = silence."""
        self.emitters[place], self._traits = emitter, None
        self._set_pattern(place, load_directivity("omni") if emitter is None else emitter.pattern)
        self._gain[place] = 0.0 if emitter is None else 10.0 ** (emitter.gain_db / 20.0)
        self._own[place] = emitter is not None and emitter.with_listener
        if emitter is not None:
            power = np.ones(7, dtype=np.float32) if emitter.stays else emitter.pattern.power
            self._power[place] = torch.from_numpy(np.array(power)).to(self._device)
            schedule = schedule_rows([emitter.schedule], self._rate, self._device)
            for column, value in zip(self._schedules, schedule, strict=True):
                column[place] = value[0]
            self._overlap[place] = _overlap(emitter.schedule)
            self._set_corners(place, torch.from_numpy(emitter.corners))

    def present(self, places: torch.Tensor) -> torch.Tensor | None:
        """Returns which of some places have an emitter, as indices into `places`, or None if all have."""
        if not self.traits.gaps:
            return None
        known = [i for i, place in enumerate(places.tolist()) if self.emitters[place] is not None]
        return None if len(known) == len(places) else torch.tensor(known, dtype=torch.int64, device=places.device)

    def own(self, places: torch.Tensor) -> torch.Tensor:
        """Returns which of some places' emitters are carried by their listeners, as indices into `places`."""
        if not self.traits.with_listener:
            return torch.zeros(0, dtype=torch.int64, device=places.device)
        return self._own[places].nonzero()[:, 0]

    def poses(self, places: torch.Tensor, clock: torch.Tensor) -> torch.Tensor:
        """Returns x, y, z [m] and heading [rad] at a sample on the clock (F,), shape (F, 4), float64."""
        corners = self._corners[places]
        if corners.shape[1] == 1:
            return corners[:, 0, 1:5]
        seconds = clock.double() / self._rate
        passed = ((corners[..., 0] <= seconds[:, None]).sum(dim=1) - 1).clamp(min=0, max=corners.shape[1] - 2)
        number = torch.arange(len(places), device=places.device)
        before, after = corners[number, passed], corners[number, passed + 1]
        way = ((seconds - before[:, 0]) / (after[:, 0] - before[:, 0])).clamp(0.0, 1.0)[:, None]
        return before[:, 1:5] + way * (after[:, 1:5] - before[:, 1:5])

    def aimed(self, places: torch.Tensor, heading: torch.Tensor, paths: Paths) -> Paths:
        """Returns paths as loud as the emitters are in the directions in which they leave; headings [rad], (F,)."""
        if not self.traits.directional:
            return paths
        louder = directivity_gain(self._tables, heading.float(), paths.departure, self._which[places])
        return paths._replace(gain=paths.gain * louder)

    def power(self, places: torch.Tensor) -> torch.Tensor:
        """Returns factors on the energies of the emitters' fields: a pattern's power where it was not baked, (F, 7)."""
        return self._power[places]

    def playback(self, places: torch.Tensor, last: torch.Tensor) -> Playback:
        """Returns what emitters have emitted up to a sample on the clock, both of one shape (R, S)."""
        gain = self._gain[places][..., None]
        if self.traits.always:
            onset = torch.zeros_like(gain, dtype=torch.int64)
            return Playback(onset, torch.full_like(onset, NEVER_ENDING), gain)
        count = self.traits.overlap
        heard = emissions(ScheduleRows(*(column[places] for column in self._schedules)), last, count)
        # As many as the place's own schedule asks for, so that it does not depend on the others.
        own = torch.arange(count, device=places.device) < self._overlap[places][..., None]
        return Playback(heard.onset, heard.duration * own, heard.sounding * own * gain)

    def _set_pattern(self, place: int, pattern: Directivity) -> None:
        """Puts a directivity on the device, and forgets those that no emitter has any more."""
        if not any(pattern is known for known in self._patterns):
            used = {id(e.pattern): e.pattern for e in self.emitters if e is not None and not e.pattern.is_omni}
            self._patterns = [load_directivity("omni"), *used.values()]
            self._tables = stack_directivities(self._patterns, self._device)
            for number, other in enumerate(self.emitters):
                if other is not None:
                    self._which[number] = self._number(other.pattern)
        self._which[place] = self._number(pattern)

    def _number(self, pattern: Directivity) -> int:
        return next((i for i, known in enumerate(self._patterns) if known is pattern), 0)

    def _set_corners(self, place: int, corners: torch.Tensor) -> None:
        """Puts the corners of a path on the device; the last one lasts for ever."""
        count = len(corners) if len(corners) == 1 else len(corners) + 1
        known = self._corners.shape[1]
        if count > known:
            last = self._corners[:, -1:].clone()
            last[..., 0] = torch.inf
            self._corners = torch.cat([self._corners, last.expand(-1, count - known, -1)], dim=1).contiguous()
        self._corners[place, : len(corners)] = corners.to(self._device)
        self._corners[place, len(corners) :] = corners[-1].to(self._device)
        self._corners[place, len(corners) :, 0] = torch.inf


def _overlap(schedule: Schedule) -> int:
    """Returns how many emissions of a source can be heard at one time: the last one and the tails of those before."""
    following = _MOST_OVERLAP if schedule.count is None else min(schedule.count, _MOST_OVERLAP)
    return min(following, 1 + math.ceil(_TAIL_SECONDS / (schedule.on + schedule.off)))
