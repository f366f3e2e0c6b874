"""Sounds that begin, end and walk while an episode runs: what each source of a seat emits beside its episode."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.soundscape import PreparedSource, Soundscape
from avi_env.scene import Scene
from avi_env.tasks.walks import Walk

__all__ = ["SeatSounds", "SoundRows", "end_of", "quiet_end"]

_TAIL_SECONDS = 4.5
"""How long after its end a sound is still heard [s]: the longest reverberation there is in a baked field."""

_PATIENCE = 0.02
"""A sound that is stopped goes on for at most so long [s], to the next zero of its pressure: so it does not click."""


@dataclass
class SeatSounds:
    """What was changed about the sounds of a seat, by number of the source."""

    emitters: dict[int, Emitter | None] = field(default_factory=dict)
    """What it emits in place of what its episode has; None = silence."""
    walks: dict[int, Walk] = field(default_factory=dict)
    """How it walks, on the clock that begins with the first observation; `GOAL` is the goal's way."""

    def copy(self) -> SeatSounds:
        """Returns the same, to be changed separately."""
        return SeatSounds(dict(self.emitters), dict(self.walks))


class SoundRows:
    """The sounds of seats that were changed while their episodes run. A seat where nothing was changed costs nothing.

    Times are on the clock of the sound [s], which begins a window before the first observation.
    """

    def __init__(self, soundscape: Soundscape, listens: bool) -> None:
        """`listens`: whether anybody hears the soundscape; without, only notes are taken."""
        self._soundscape, self._listens = soundscape, listens
        self._seats: dict[int, SeatSounds] = {}

    @property
    def any(self) -> bool:
        """Whether anything was changed in any seat."""
        return bool(self._seats)

    def forget(self, seat: int) -> None:
        """Lets a seat sound as its episode has it; its sources must be set by the caller."""
        self._seats.pop(seat, None)

    def of(self, seat: int) -> SeatSounds:
        """Returns what was changed in a seat; whoever adds to it changes the seat."""
        return self._seats.setdefault(seat, SeatSounds())

    def put(
        self, seat: int, source: int, scene: Scene, emitter: Emitter | None, prepared: PreparedSource | None = None
    ) -> None:
        """Lets a source of a seat emit something else from now on, in the scene that its row hears."""
        if self._listens:
            self._soundscape.set_source(seat, source, scene, emitter, prepared)
        self.of(seat).emitters[source] = emitter

    def over(self, seat: int, seconds: float) -> list[int]:
        """Returns the sources of a seat whose last reverberation has died away by a time [s]: they are for nothing."""
        known = self._seats[seat].emitters.items() if seat in self._seats else ()
        return [source for source, one in known if one is not None and seconds > end_of(one) + _TAIL_SECONDS]

    def taken(self, seat: int) -> SeatSounds | None:
        """Returns a copy of what was changed in a seat, None = nothing."""
        sounds = self._seats.get(seat)
        return None if sounds is None else sounds.copy()

    def put_back(self, seat: int, sounds: SeatSounds | None, scene: Scene) -> None:
        """Lets a seat, whose episode has just been installed, go on from what `taken` returned."""
        self.forget(seat)
        if sounds is not None:
            for source, emitter in sounds.emitters.items():
                self.put(seat, source, scene, emitter)
            self._seats[seat] = sounds.copy()


def end_of(emitter: Emitter) -> float:
    """Returns when an emitter falls silent for good, on the clock of its schedule [s]."""
    schedule = emitter.schedule
    if schedule.count is None:
        return float("inf")
    before = (schedule.count - 1) * (schedule.on + schedule.off) if schedule.count > 1 else 0.0
    return schedule.start + before + schedule.on


def quiet_end(emitter: Emitter, seconds: float) -> float:
    """Returns the length of a loop's emission that ends at the first zero of its pressure after a time [s].

    Where there is none within 20 ms, it ends where the pressure is least.

    Args:
        emitter: what emits, once and from its schedule's start on.
        seconds: on the clock of its schedule [s].
    """
    rate, loop = emitter.clip.sample_rate, emitter.clip.samples
    first = max(1, round((seconds - emitter.schedule.start) * rate))
    around = loop[(first - 1 + np.arange(max(2, round(_PATIENCE * rate)))) % len(loop)]
    crossing = np.flatnonzero(around[:-1] * around[1:] <= 0.0)
    after = int(crossing[0]) if len(crossing) else int(np.argmin(np.abs(around)))
    return (first + after) / rate
