"""Emitters on a device: where many of them are at a moment, how they face, how loud they are, when they sound."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
import torch

from avi_env.acoustics.directivity import directivity_gain, load_directivity
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.shared_rows import SharedTables
from avi_env.acoustics.stream import Playback
from avi_env.scene.arena import Column
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
        self._rate, self._device = sample_rate, device
        self._marks: Counter[str] = Counter({"gap": count})
        self._overlaps: Counter[int] = Counter()
        self._patterns = SharedTables(
            count, device, {"energy": Column(torch.float32, load_directivity("omni").energy.shape)}
        )
        self._power = torch.ones(count, 7, device=device)
        self._gain = torch.zeros(count, device=device)
        self._known = torch.zeros(count, dtype=torch.bool, device=device)
        self._own = torch.zeros(count, dtype=torch.bool, device=device)
        self._schedules = schedule_rows([ALWAYS] * count, sample_rate, device)
        self._overlap = torch.ones(count, dtype=torch.int64, device=device)
        self._corners = torch.zeros(count, 1, 6, dtype=torch.float64, device=device)

    @property
    def traits(self) -> Traits:
        """What there is among the emitters."""
        marks = self._marks
        return Traits(
            marks["gap"] > 0,
            marks["directional"] > 0,
            marks["moving"] > 0,
            marks["own"] > 0,
            marks["pausing"] == 0,
            max(self._overlaps, default=1),
        )

    def set_emitter(self, place: int, emitter: Emitter | None) -> None:
        """Puts an emitter into a place; None = silence. The cost does not depend on the other places."""
        self._count(self.emitters[place], -1)
        self._count(emitter, 1)
        self.emitters[place] = emitter
        self._known[place] = emitter is not None
        self._gain[place] = 0.0 if emitter is None else 10.0 ** (emitter.gain_db / 20.0)
        self._own[place] = emitter is not None and emitter.with_listener
        pattern = load_directivity("omni") if emitter is None else emitter.pattern
        self._patterns.use(place, pattern, lambda: {"energy": torch.tensor(pattern.energy)[None]})
        if emitter is not None:
            power = np.ones(7, dtype=np.float32) if emitter.stays else emitter.pattern.power
            self._power[place] = torch.from_numpy(np.array(power)).to(self._device)
            schedule = schedule_rows([emitter.schedule], self._rate, self._device)
            for column, value in zip(self._schedules, schedule, strict=True):
                column[place] = value[0]
            self._overlap[place] = _overlap(emitter.schedule)
            self._set_corners(place, torch.from_numpy(emitter.corners))

    def present(self, places: torch.Tensor) -> torch.Tensor | None:
        """Returns which of some places have an emitter, as indices into `places`, or None if all count.

        On a GPU all do, as to ask would be to wait: places without an emitter play nothing.
        """
        if not self._marks["gap"] or self._device.type != "cpu":
            return None
        known = self._known[places]
        return None if bool(known.all()) else known.nonzero()[:, 0]

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
        which = self._patterns.rows.place[places].clamp(min=0)  # silent places have none
        louder = directivity_gain(self._patterns.tensors["energy"], heading.float(), paths.departure, which)
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

    def _count(self, emitter: Emitter | None, change: int) -> None:
        """Counts what an emitter that comes (1) or goes (-1) has."""
        if emitter is None:
            self._marks["gap"] += change
            return
        marks = {
            "directional": not emitter.pattern.is_omni,
            "moving": emitter.moves,
            "own": emitter.with_listener,
            "pausing": emitter.schedule != ALWAYS,
        }
        self._marks.update({name: change * has for name, has in marks.items()})
        overlap = _overlap(emitter.schedule)
        self._overlaps[overlap] += change
        if not self._overlaps[overlap]:
            del self._overlaps[overlap]

    def _set_corners(self, place: int, corners: torch.Tensor) -> None:
        """Puts the corners of a path on the device; the last one lasts for ever."""
        count = len(corners) if len(corners) == 1 else len(corners) + 1
        known = self._corners.shape[1]
        if count > known:
            last = self._corners[:, -1:].clone()
            last[..., 0] = torch.inf
            more = max(count - known, known if known > 1 else 0)
            self._corners = torch.cat([self._corners, last.expand(-1, more, -1)], dim=1).contiguous()
        self._corners[place, : len(corners)] = corners.to(self._device)
        self._corners[place, len(corners) :] = corners[-1].to(self._device)
        self._corners[place, len(corners) :, 0] = torch.inf


def _overlap(schedule: Schedule) -> int:
    """Returns how many emissions of a source can be heard at one time: the last one and the tails of those before."""
    following = _MOST_OVERLAP if schedule.count is None else min(schedule.count, _MOST_OVERLAP)
    return min(following, 1 + math.ceil(_TAIL_SECONDS / (schedule.on + schedule.off)))
