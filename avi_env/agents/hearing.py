"""Where a sound comes from and how loud it is, from the two ears alone.

Each step's sound is compared with the ear table of every direction; rising parts of the envelope count most, because
they come before the echoes (precedence). What one moment leaves open - above all front or back - is settled by fusing
the moments over head turns and steps in a circular Bayes filter in the start frame.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import spl_from_pressure
from avi_env.agents.ears import AZIMUTH_COUNT, EarTable, azimuths, ear_table
from avi_env.agents.geometry import wrap_angle

__all__ = ["AUDIBLE_DB", "DirectionBelief", "HeardMoment", "Hearing", "listen_moment"]

FloatArray = npt.NDArray[np.floating[Any]]

AUDIBLE_DB = 5.0
"""Level [dB SPL] under which there is silence."""

_DYNAMIC_DB = 40.0  # bins more than this below the strongest are noise
_DECAY_DB_PER_SECOND = 100.0  # echoes of a living room (T60 0.6 s) die at this rate
_STEADY_WEIGHT = 0.02  # weight of what is not rising
_SHARPNESS = 12.0  # log-likelihood of a whole moment per unit of mean bin score
_FLOOR = 0.05  # of 1 - match: no bin is certain
_BINS_ENOUGH = 60.0  # bins that sound from which a moment counts in full: a pure tone in a room points anywhere
# In generated houses (seeds 1100-1123) moments with an onset below 0.05 say nothing about the direction; from 0.17 on
# the evidence is right as it stands in sight of the source, and half as good round corners.
_ECHO_ONSET, _CLEAR_ONSET = 0.05, 0.17
_TRUST = 0.7
_PEAK_S, _LONGEST_S = 2.0, 8.0  # [s]
_FADE_SECONDS = 0.05  # the first part of a step still holds the sound of the pose before


class HeardMoment(NamedTuple):
    """What one step's sound says."""

    level_db: float
    """Mean level at the two ears [dB SPL], -inf = silence."""
    onset: float
    """Share of the energy that is rising, 0..1: near 0 in a reverberant tail."""
    evidence: npt.NDArray[np.float64]
    """Log-likelihood of each azimuth, counter-clockwise from ahead, best = 0, shape (AZIMUTH_COUNT,)."""

    @property
    def trust(self) -> float:
        """How much of the evidence to believe, 0..1: none of it in an echo that dies away."""
        return _TRUST * min(max((self.onset - _ECHO_ONSET) / (_CLEAR_ONSET - _ECHO_ONSET), 0.0), 1.0)

    @property
    def trusted(self) -> npt.NDArray[np.float64]:
        """The evidence, flattened as far as the moment is echo rather than onset."""
        return self.trust * self.evidence


def listen_moment(audio: FloatArray, sample_rate: int, table: EarTable, seconds: float = 0.25) -> HeardMoment:
    """Returns what the last moment of a binaural signal says.

    Args:
        audio: linear pressure, 1.0 RMS = 94 dB SPL, shape (2, n), row 0 left.
        sample_rate: [Hz].
        table: the ear table of that sample rate.
        seconds: length of the moment at the end of the signal [s].
    """
    count = min(audio.shape[1], round(seconds * sample_rate))
    level = spl_from_pressure(float(np.sqrt(np.mean(np.square(audio[:, -count:], dtype=np.float64)))))
    silent = HeardMoment(level, 0.0, np.zeros(AZIMUTH_COUNT))
    if level < AUDIBLE_DB:
        return silent
    hop = table.frame // 4
    spectra = _spectra(audio[:, -(count + table.frame) :], table, hop)
    power = np.sum(np.abs(spectra) ** 2, axis=0)
    weight = _onset_weights(power, hop / sample_rate)
    used = slice(-max(1, (count - round(_FADE_SECONDS * sample_rate)) // hop), None)
    power, weight, spectra = power[used], weight[used], spectra[:, used]
    energy = power.sum(axis=0)
    strong = energy > energy.max() * 10.0 ** (-_DYNAMIC_DB / 10.0)
    if not np.any(strong) or energy.max() <= 0.0:
        return silent
    onset = float((weight * power).sum() / power.sum())
    match = _match(spectra[:, :, strong], weight[:, strong], table.steering[:, :, strong])
    bin_weight = energy[strong] ** 0.25
    bins = float(bin_weight.sum() ** 2 / np.sum(bin_weight**2))
    score = -np.log1p(_FLOOR - match) @ (bin_weight / bin_weight.sum())  # (E, A)
    evidence = _SHARPNESS * min(1.0, bins / _BINS_ENOUGH) * score.max(axis=0)
    return HeardMoment(level, onset, evidence - evidence.max())


def _spectra(audio: FloatArray, table: EarTable, hop: int) -> npt.NDArray[np.complex64]:
    """Short-time spectra of both ears on the table's bins, shape (2, T, F)."""
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float32), table.frame, axis=1)[:, ::hop]
    window = np.hanning(table.frame).astype(np.float32)
    return np.fft.rfft(frames * window, axis=2)[:, :, table.bins].astype(np.complex64)


def _onset_weights(power: FloatArray, hop_seconds: float) -> npt.NDArray[np.float64]:
    """How much each bin of each frame stands out of the echo of what came before, shape (T, F)."""
    fall = 10.0 ** (-_DECAY_DB_PER_SECOND * hop_seconds / 10.0)
    weight = np.empty(power.shape)
    echo = power[0]
    for t, now in enumerate(power):
        weight[t] = 1.0 - np.minimum(echo / np.maximum(now, 1e-30), 1.0)
        echo = np.maximum(fall * echo, now)
    return np.maximum(weight, _STEADY_WEIGHT)


def _match(
    spectra: npt.NDArray[np.complex64], weight: FloatArray, steering: npt.NDArray[np.complex64]
) -> npt.NDArray[np.float64]:
    """Share of each bin's energy that a direction explains, shape (E, A, F), from its covariance of the ears."""
    left, right = spectra
    ll = np.sum(weight * np.abs(left) ** 2, axis=0)
    rr = np.sum(weight * np.abs(right) ** 2, axis=0)
    lr = np.sum(weight * left * right.conj(), axis=0)
    to_left, to_right = steering[..., 0], steering[..., 1]
    cross = 2.0 * (to_left.conj() * to_right * lr).real
    explained = np.abs(to_left) ** 2 * ll + np.abs(to_right) ** 2 * rr + cross
    return np.asarray(np.clip(explained / np.maximum(ll + rr, 1e-30), 0.0, 1.0), dtype=np.float64)


class DirectionBelief:
    """A circular Bayes filter over the direction of one sound, in the start frame."""

    def __init__(self) -> None:
        self.probability = np.full(AZIMUTH_COUNT, 1.0 / AZIMUTH_COUNT)
        """Probability of each bearing (a yaw in the start frame), shape (AZIMUTH_COUNT,)."""

    def moved(self, distance: float, range_m: float) -> None:
        """Widens the belief after a walk of `distance` metres, the sound being about `range_m` metres away."""
        if distance <= 0.0:
            return
        spread = min(distance / max(range_m, 0.5), 1.0) * AZIMUTH_COUNT / (2.0 * math.pi)
        offset = (np.arange(AZIMUTH_COUNT) + AZIMUTH_COUNT // 2) % AZIMUTH_COUNT - AZIMUTH_COUNT // 2
        kernel = np.exp(-0.5 * (offset / max(spread, 1e-3)) ** 2)
        blurred = np.fft.irfft(np.fft.rfft(self.probability) * np.fft.rfft(kernel / kernel.sum()), AZIMUTH_COUNT)
        forget = 0.04 * min(distance / 0.25, 5.0)
        self.probability = (1.0 - forget) * np.maximum(blurred, 0.0) + forget / AZIMUTH_COUNT

    def heard(self, moment: HeardMoment, yaw: float) -> None:
        """Takes in a moment heard while looking along `yaw` [rad, start frame]."""
        shifted = np.interp(azimuths(), azimuths() + (yaw % (2.0 * math.pi)), moment.trusted, period=2.0 * math.pi)
        posterior = self.probability * np.exp(shifted)
        posterior = posterior / posterior.sum()
        self.probability = 0.98 * posterior + 0.02 / AZIMUTH_COUNT

    @property
    def bearing(self) -> float:
        """The most probable bearing [rad, a yaw in the start frame], refined between the table's directions."""
        k = int(np.argmax(self.probability))
        around = self.probability[[k - 1, k, (k + 1) % AZIMUTH_COUNT]]
        shift = 0.5 * (around[2] - around[0]) / max(2.0 * around[1] - around[0] - around[2], 1e-12)
        return wrap_angle((k + float(np.clip(shift, -0.5, 0.5))) * 2.0 * math.pi / AZIMUTH_COUNT)

    @property
    def confidence(self) -> float:
        """Probability within 20 degrees of the bearing, 0..1."""
        return self.weight_at(self.bearing, math.radians(20.0))

    def weight_at(self, bearing: float, width: float) -> float:
        """Returns the probability within `width` [rad] of a bearing."""
        gap = np.abs((azimuths() - bearing + math.pi) % (2.0 * math.pi) - math.pi)
        return float(self.probability[gap <= width].sum())


class Hearing:
    """Follows one sound: level, on or off, direction.

    Args:
        sample_rate: of the audio observation [Hz].
        step_seconds: simulated time between observations [s].
        hrtf: the head the agent has (it knows its own ears).
    """

    def __init__(self, sample_rate: int, step_seconds: float = 0.25, hrtf: str = "kemar") -> None:
        self._rate, self._seconds = sample_rate, step_seconds
        self._table = ear_table(sample_rate, hrtf)
        self.direction = DirectionBelief()
        self.level_db = -math.inf
        """Level of the last step [dB SPL]."""
        self.peak_db = -math.inf
        """Highest level of the last two seconds [dB SPL]."""
        self.loudest_db = -math.inf
        """Highest level so far [dB SPL]."""
        self.last_level_db = -math.inf
        """Level of the last step with anything to hear [dB SPL]."""
        self.last_heard_s = -math.inf
        """When there was last something to hear [s]."""
        self._recent: list[float] = []

    def observe(self, audio: FloatArray, yaw: float, walked: float, time_s: float, range_m: float = 3.0) -> HeardMoment:
        """Takes in one step's sound.

        Args:
            audio: the audio observation, shape (2, n); its end is now.
            yaw: where the agent looks now [rad, start frame].
            walked: how far it moved since the last call [m].
            time_s: now [s].
            range_m: guess of the distance of the sound [m].
        """
        moment = listen_moment(audio, self._rate, self._table, self._seconds)
        self.direction.moved(walked, range_m)
        if moment.level_db >= AUDIBLE_DB:
            self.direction.heard(moment, yaw)
            self.last_heard_s, self.last_level_db = time_s, moment.level_db
        self.level_db = moment.level_db
        self._recent = [*self._recent, moment.level_db][-max(1, round(_LONGEST_S / self._seconds)) :]
        self.peak_db = self.peak_within(_PEAK_S)
        self.loudest_db = max(self.loudest_db, moment.level_db)
        return moment

    def peak_within(self, seconds: float) -> float:
        """Returns the highest level of the last seconds, eight of them at most [dB SPL]."""
        return max(self._recent[-max(1, round(seconds / self._seconds)) :], default=-math.inf)

    def is_on(self, time_s: float, patience_s: float = 3.0) -> bool:
        """Returns whether something sounded within the last `patience_s` seconds."""
        return time_s - self.last_heard_s <= patience_s
