"""What was said to the agent: the words as they were understood, and the direction its own ears give them."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from avi_env.agents.ears import AZIMUTH_COUNT, azimuths
from avi_env.agents.geometry import wrap_angle
from avi_env.agents.hearing import HeardMoment

__all__ = ["SpeechMemory", "Utterance"]

_KEPT_S = 20.0  # [s]; as far back the direction of a speaker can be told


class Utterance(NamedTuple):
    """Something that was said and understood."""

    t: float
    """Time at which its last word was heard [s]."""
    bearing: float
    """Direction it came from [rad, start frame]."""
    text: str
    level_db: float
    """Highest level at the ears while it was said [dB SPL]."""
    from_user: bool
    """Whether the voice is the user's."""


class SpeechMemory:
    """All that was said, and the latest moments of sound to tell from where.

    Args:
        step_seconds: simulated time between observations [s].
    """

    def __init__(self, step_seconds: float) -> None:
        self._seconds = step_seconds
        self._moments: deque[tuple[float, HeardMoment]] = deque(maxlen=max(1, round(_KEPT_S / step_seconds)))
        self.utterances: list[Utterance] = []
        """Oldest first."""

    def observe(self, moment: HeardMoment, yaw: float) -> None:
        """Keeps one step's sound, heard while looking along `yaw` [rad, start frame]."""
        self._moments.append((yaw, moment))

    def hear(self, text: str, time_s: float, seconds: float, from_user: bool) -> Utterance:
        """Adds what was said during the last `seconds`; the direction is the likeliest one of those moments."""
        recent = list(self._moments)[-max(1, math.ceil(seconds / self._seconds)) :]
        score = np.zeros(AZIMUTH_COUNT)
        for yaw, moment in recent:
            score += np.interp(azimuths(), azimuths() + yaw % (2.0 * math.pi), moment.trusted, period=2.0 * math.pi)
        bearing = wrap_angle(float(azimuths()[int(np.argmax(score))]))
        level = max((moment.level_db for _, moment in recent), default=-math.inf)
        self.utterances.append(Utterance(time_s, bearing, text, level, from_user))
        return self.utterances[-1]
