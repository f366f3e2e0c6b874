"""When the events of a scenario happen: at a time, when a condition comes true, after another event."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Due", "Events", "Timeline", "Trigger"]

Events = Mapping[str, tuple[float, ...]]
"""Times at which events have happened [s], by id, oldest first."""


@dataclass(frozen=True)
class Trigger:
    """What starts an event: exactly one of `at`, `when` and `after`.

    Raises:
        ValueError: none of them is given, or several.
    """

    id: str
    at: float | None = None
    """Time since the first observation [s]."""
    when: Callable[[Events], bool] | None = None
    """Condition on the present tick; it is told which events have happened by then."""
    after: str = ""
    """Id of another event."""
    delay: float = 0.0
    """Time from the trigger to the event [s]."""
    repeat: bool = False
    """Whether it is triggered at every rising edge of `when`, or every time the event `after` happens."""

    def __post_init__(self) -> None:
        if (self.at is not None) + (self.when is not None) + bool(self.after) != 1:
            raise ValueError(f"event {self.id!r} needs exactly one of at, when and after")


class Due(NamedTuple):
    """An event that happens."""

    number: int
    """Its number in the file, from 0."""
    id: str
    seconds: float
    """When exactly, since the first observation [s]."""


class Timeline:
    """The events of one run. Asked once a tick, in order of time.

    A condition counts as false before the first tick, and triggers when it comes true. An event triggers another one
    within the same tick only if that stands later in the file; one that stands earlier follows at the next tick.
    """

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self.triggers = tuple(triggers)
        self.happened: dict[str, tuple[float, ...]] = {trigger.id: () for trigger in self.triggers}
        """Times of every event so far [s], by id."""
        self._waiting: list[list[float]] = [
            [] if trigger.at is None else [trigger.at + trigger.delay] for trigger in self.triggers
        ]
        self._held = [False] * len(self.triggers)  # whether each condition held at the tick before
        self._seen = [0] * len(self.triggers)  # how many times of the event `after` have been answered
        self._spent = [False] * len(self.triggers)
        self._latest = -math.inf  # of all that has happened [s]

    def due(self, now: float, until: float) -> tuple[Due, ...]:
        """Returns the events of a tick in order of time, those of one time in the file's order.

        Args:
            now: time of the tick [s].
            until: time of the next one [s]; what is due then comes with that.
        """
        found: list[Due] = []
        for index, trigger in enumerate(self.triggers):
            if not self._spent[index]:
                self._waiting[index] += self._triggered(index, trigger, now)
            if not self._waiting[index]:
                continue
            late = [seconds for seconds in self._waiting[index] if seconds >= until]
            ripe = [max(seconds, now) for seconds in self._waiting[index] if seconds < until]
            self._waiting[index] = late
            for seconds in sorted(ripe):
                self.happened[trigger.id] = (*self.happened[trigger.id], seconds)
                self._latest = max(self._latest, seconds)
                found.append(Due(index, trigger.id, seconds))
        return tuple(sorted(found, key=lambda due: (due.seconds, due.number))) if found else ()

    def by(self, now: float) -> dict[str, tuple[float, ...]]:
        """Returns the times at which events have happened by a time [s], by id."""
        if self._latest <= now:
            return dict(self.happened)
        return {name: tuple(s for s in times if s <= now) for name, times in self.happened.items()}

    def _triggered(self, index: int, trigger: Trigger, now: float) -> list[float]:
        """Returns when an event happens that is triggered at this tick [s]: once, or more often if it repeats."""
        times: list[float] = []
        if trigger.when is not None:
            holds = trigger.when(self.by(now))
            times = [now] if holds and not self._held[index] else []
            self._held[index] = holds
        elif trigger.after:
            anchor = self.happened.get(trigger.after, ())
            times, self._seen[index] = list(anchor[self._seen[index] :]), len(anchor)
        if trigger.repeat:
            return [seconds + trigger.delay for seconds in times]
        self._spent[index] = bool(times) or trigger.at is not None
        return [seconds + trigger.delay for seconds in times[:1]]
