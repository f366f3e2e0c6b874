"""Examples for the sound tagger: one or two sounds in a house as an agent hears them, with what sounds and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch

from avi_env.policies.tagger_clips import LoopTable, play_loops
from avi_env.policies.tagger_responses import HouseResponses

__all__ = ["AUDIBLE_DB", "MASKED_DB", "ExampleSettings", "Examples", "SoundExamples", "heard", "joined_examples"]

AUDIBLE_DB = 5.0
"""Level at the ears in the last second [dB SPL] under which a sound counts as not there, as for the classical agent."""

MASKED_DB = 20.0
"""A sound so much fainter than the other one counts as not there [dB]."""

_REFERENCE_DB = 94.0  # of an RMS pressure of 1.0
_CORNERS_HZ = (60.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
_NOISE_DB = (0.0, 35.0)  # [dB SPL]


@dataclass(frozen=True)
class ExampleSettings:
    """How examples are drawn."""

    pair_share: float = 0.5
    """Share of examples with two sounds, of different classes."""
    begun_share: float = 0.25
    """Share of sounds that began less than 1.5 s ago; the others have always sounded."""
    near_share: float = 0.0
    """Share of examples whose first sound is in the listener's room for certain; elsewhere, chance decides."""
    colour_db: float = 0.0
    """Standard deviation of random gains at octaves, which colour the sounds [dB]."""
    noise_share: float = 0.0
    """Share of examples with noise at both ears, up to 35 dB SPL."""
    mirrored: bool = False
    """Whether half of the examples are heard with the ears exchanged (our heads are symmetric)."""


class Examples(NamedTuple):
    """B seconds of sound with what is in them; slot 1 is empty where one sound plays."""

    audio: torch.Tensor
    """Pressure at the ears [Pa], shape (B, 2, n), float32, row 0 = left."""
    active: torch.Tensor
    """Whether there is a sound in the slot that can be heard, shape (B, 2) bool; see `heard`."""
    kind: torch.Tensor
    """Its class, shape (B, 2) int64."""
    azimuth: torch.Tensor
    """Counter-clockwise from ahead [rad], shape (B, 2)."""
    distance: torch.Tensor
    """[m], shape (B, 2)."""
    same_room: torch.Tensor
    """Whether it is in the listener's room, shape (B, 2) bool."""
    level: torch.Tensor
    """Its own level at the ears [dB SPL], -inf = silence, shape (B, 2)."""


class _Sources(NamedTuple):
    """M sounds that play, over all examples."""

    row: torch.Tensor
    slot: torch.Tensor
    pose: torch.Tensor
    place: torch.Tensor
    loop: torch.Tensor


class SoundExamples:
    """Draws examples; a pure function of its tables and of a random stream."""

    def __init__(
        self,
        responses: HouseResponses,
        loops: LoopTable,
        settings: ExampleSettings | None = None,
        *,
        sample_rate: int = 16000,
        seconds: float = 1.0,
        device: str = "cpu",
    ) -> None:
        """Takes the tables to a device.

        Args:
            responses: how sources sound at places.
            loops: what they play.
            settings: how examples are drawn; `ExampleSettings()` if not given.
            sample_rate: of the tables [Hz].
            seconds: length of an example [s].
            device: "cpu" or "cuda".
        """
        self.settings = settings or ExampleSettings()
        self.rate, self.count, self.device = sample_rate, round(seconds * sample_rate), torch.device(device)
        self._loops = LoopTable(*(column.to(self.device) for column in loops))
        self._responses = tuple(torch.from_numpy(column).to(self.device) for column in responses)
        self._near = self._responses[4].nonzero()
        if self.settings.near_share > 0.0 and not len(self._near):
            raise ValueError("near_share asks for sounds in the listener's room, but no pose has one")
        kinds, self._loops_of = torch.unique_consecutive(self._loops.kind, return_counts=True)
        self._first_loop = torch.cumsum(self._loops_of, 0) - self._loops_of
        self._kinds = len(kinds)

    def draw(self, count: int, stream: torch.Generator) -> Examples:
        """Returns so many examples, drawn from a random stream on the CPU."""
        chance = _Chance(stream, self.device)
        sources = self._sources(count, chance)
        sound = self._sound(sources, chance)  # (M, 2, n)
        mean_square = sound.square().mean(dim=(1, 2))
        audio = torch.zeros(count, 2, self.count, device=self.device).index_add_(0, sources.row, sound)
        level = torch.full((count, 2), -torch.inf, device=self.device)
        level[sources.row, sources.slot] = 10.0 * torch.log10(mean_square) + _REFERENCE_DB
        slots = []
        for source in (self._loops.kind[sources.loop], *(c[sources.pose, sources.place] for c in self._responses[2:])):
            slot = torch.zeros(count, 2, dtype=source.dtype, device=self.device)
            slot[sources.row, sources.slot] = source
            slots.append(slot)
        kind, azimuth, distance, same = slots
        if self.settings.noise_share > 0.0:
            audio = audio + self._noise(count, chance)
        if self.settings.mirrored:
            turned = chance.uniform(count) < 0.5
            audio = torch.where(turned[:, None, None], audio.flip(1), audio)
            azimuth = torch.where(turned[:, None], -azimuth, azimuth)
        return Examples(audio, heard(level), kind, azimuth, distance, same, level)

    def _sources(self, count: int, chance: _Chance) -> _Sources:
        """Draws what plays where."""
        poses, places = self._responses[1].shape
        pose, place = chance.integer(poses, count), chance.integer(places, count)
        if self.settings.near_share > 0.0:
            beside = chance.uniform(count) < self.settings.near_share
            chosen = self._near[chance.integer(len(self._near), count)]
            pose, place = torch.where(beside, chosen[:, 0], pose), torch.where(beside, chosen[:, 1], place)
        kind = chance.integer(self._kinds, count)
        other_place = (place + 1 + chance.integer(max(places - 1, 1), count)) % places
        other_kind = (kind + 1 + chance.integer(max(self._kinds - 1, 1), count)) % self._kinds
        paired = (chance.uniform(count) < self.settings.pair_share).nonzero()[:, 0]
        row = torch.cat([torch.arange(count, device=self.device), paired])
        slot = (torch.arange(len(row), device=self.device) >= count).long()
        kinds = torch.cat([kind, other_kind[paired]])
        within = (chance.uniform(len(row)) * self._loops_of[kinds]).long()
        return _Sources(row, slot, pose[row], torch.cat([place, other_place[paired]]), self._first_loop[kinds] + within)

    def _sound(self, sources: _Sources, chance: _Chance) -> torch.Tensor:
        """Returns each source alone at both ears, shape (M, 2, n)."""
        response = self._responses[0][sources.pose, sources.place].float()
        response *= self._responses[1][sources.pose, sources.place][:, None, None]
        before, many = response.shape[-1], len(sources.row)
        total = before + self.count
        dry = play_loops(self._loops, sources.loop, chance.uniform(many), total)
        begun = chance.uniform(many) < self.settings.begun_share
        since = torch.where(begun, chance.uniform(many) * (before + 0.75 * self.count), -1.0)
        dry = dry * (torch.arange(total, device=self.device) >= since[:, None])
        spectrum = torch.fft.rfft(dry)
        if self.settings.colour_db > 0.0:
            colour = chance.normal(many, len(_CORNERS_HZ)) * self.settings.colour_db
            spectrum = spectrum * torch.exp((colour @ _octave_shares(total, self.rate, str(self.device))) * _NEPER)
        # A circular convolution: what wraps around ends before the last `count` samples begin.
        sound: torch.Tensor = torch.fft.irfft(spectrum[:, None] * torch.fft.rfft(response, total), total)
        return sound[..., before:]

    def _noise(self, count: int, chance: _Chance) -> torch.Tensor:
        """Returns noise of random level at both ears of some examples, from white to pink, shape (B, 2, n)."""
        some = chance.uniform(count) < self.settings.noise_share
        level = _NOISE_DB[0] + chance.uniform(count) * (_NOISE_DB[1] - _NOISE_DB[0])
        slope = chance.uniform(count)
        noise = torch.zeros(count, 2, self.count, device=self.device)
        rows = some.nonzero()[:, 0]
        if len(rows):
            white = torch.fft.rfft(chance.normal(len(rows), 2 * self.count).reshape(-1, 2, self.count))
            number = torch.arange(1, white.shape[-1] + 1, device=self.device)
            shaped = torch.fft.irfft(white * number ** (-0.5 * slope[rows])[:, None, None], self.count)
            loudness = 10.0 ** ((level[rows] - _REFERENCE_DB) / 20.0)
            noise[rows] = shaped * (loudness / shaped.square().mean(dim=(1, 2)).sqrt())[:, None, None]
        return noise


_NEPER = math.log(10.0) / 20.0


class _Chance:
    """Random numbers drawn on the CPU, so that every device sees the same."""

    def __init__(self, stream: torch.Generator, device: torch.device) -> None:
        self._stream, self._device = stream, device

    def integer(self, below: int, count: int) -> torch.Tensor:
        return torch.randint(below, (count,), generator=self._stream).to(self._device)

    def uniform(self, count: int) -> torch.Tensor:
        return torch.rand(count, generator=self._stream).to(self._device)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self._stream).to(self._device)


def heard(level: torch.Tensor) -> torch.Tensor:
    """Returns which sounds count as there: loud enough, and not far below the loudest.

    Args:
        level: of each sound alone at the ears [dB SPL], shape (B, S).
    """
    return (level >= AUDIBLE_DB) & (level >= level.amax(dim=1, keepdim=True) - MASKED_DB)


def joined_examples(parts: Sequence[Examples]) -> Examples:
    """Returns the examples of several draws as those of one."""
    return Examples(*(torch.cat(column) for column in zip(*parts, strict=True)))


@lru_cache(maxsize=4)
def _octave_shares(count: int, sample_rate: int, device: str) -> torch.Tensor:
    """Returns the share of each octave's gain in each bin, linear in log frequency, shape (octaves, F)."""
    frequency = torch.fft.rfftfreq(count, 1.0 / sample_rate, dtype=torch.float64).clamp_min(_CORNERS_HZ[0])
    corners = torch.log(torch.tensor(_CORNERS_HZ, dtype=torch.float64))
    place = torch.log(frequency)
    after = torch.searchsorted(corners, place).clamp(1, len(corners) - 1)
    along = ((place - corners[after - 1]) / (corners[after] - corners[after - 1])).clamp(0.0, 1.0)
    shares = torch.zeros(len(corners), len(frequency), dtype=torch.float64)
    bins = torch.arange(len(frequency))
    shares[after - 1, bins] = 1.0 - along
    shares[after, bins] += along
    return shares.float().to(device)
