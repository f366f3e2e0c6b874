"""The comparison by ear: impulse responses, and what an agent hears step by step, in the same shoebox."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.peers.comparison import our_rates
from avi_env.bench.peers.peer import chosen_peers, our_sound
from avi_env.bench.peers.process import ContestantError
from avi_env.bench.peers.race import Missing, Race, Rate

__all__ = ["SoundComparison", "compare_sound", "same_sound", "sound_task"]

_SIZE, _SOURCE = (6.0, 3.0, 5.0), (1.5, 1.2, 1.3)  # [m]
_ABSORPTION, _SCATTERING = 0.2, 0.5
_FREE = 0.6  # [m] of listeners from the walls: more than the detector sphere of pyroomacoustics
_RATE, _STEP = 16000, 4000  # [Hz], samples: 0.25 s
_CLIP_SECONDS = 3
_LEVEL = 4.0  # [dB], how far mean levels may be apart: they are by 2 to 3 dB (a hybrid of rays, two bare microphones)


class SoundComparison(NamedTuple):
    """Who was how fast; a Rate's frames are responses or steps."""

    what: str
    """"responses" or "frames"."""
    listeners: int
    ours: tuple[Rate, ...]
    peers: tuple[Rate, ...]
    missing: tuple[Missing, ...]


def compare_sound(
    what: str = "responses",
    rounds: int = 5,
    names: Sequence[str] | None = None,
    listeners: int = 64,
    seconds: float = 0.5,
    on_step: Callable[[], None] = lambda: None,
) -> SoundComparison:
    """Lets everybody who is installed compute the sound at the same listeners of the same room, in turns.

    Args:
        what: "responses": of one source at all listeners, mono, from nothing. "frames": 0.25 s for two ears at one
            listener after the other, as an agent walks.
        rounds: how many times it is everybody's turn.
        names: of peers; None = all, () = none.
        listeners: places, all of which are heard in each round.
        seconds: length of a turn of who hears them faster [s]: they are heard several times.
        on_step: called after each preparation and each round.

    Raises:
        ValueError: an unknown peer, or neither responses nor frames.
        ContestantError: our own sound failed.
    """
    own = our_sound(what, listeners)
    wanted = chosen_peers(names, what)
    with tempfile.TemporaryDirectory() as folder, Race(Path(folder), same_sound, on_step) as race:
        task = sound_task(listeners)
        for peer in own:
            race.enter(peer, task)
        for peer in wanted:
            race.try_to_enter(peer, task)
        race.run(rounds, listeners, seconds)
        rates = race.rates()
    by_ours = our_rates(race, rates, own)
    return SoundComparison(what, listeners, by_ours, tuple(rates.values()), tuple(race.missing))


def sound_task(listeners: int) -> dict[str, Any]:
    """Returns the room, the source, its noise and seeded listeners as tasks name them."""
    rng = np.random.default_rng(0)
    places = _FREE + rng.random((listeners, 3)) * (np.array(_SIZE) - 2.0 * _FREE)
    return {
        "size": _SIZE,
        "absorption": _ABSORPTION,
        "scattering": _SCATTERING,
        "source": _SOURCE,
        "clip": rng.standard_normal(_CLIP_SECONDS * _RATE).astype(np.float32),
        "listeners": places.astype(np.float32),
        "sample_rate": _RATE,
        "frame": _STEP,
    }


def same_sound(found: Mapping[str, npt.NDArray[Any]], reference: Mapping[str, npt.NDArray[Any]]) -> float:
    """Returns the ratio of mean energies, at most 1: heads and microphones, rays and fields differ by a little.

    Args:
        found: "response", shape (n, channels, N): impulse responses or frames.
        reference: the same of another program; its N may be another.

    Raises:
        ContestantError: more than 4 dB apart, or numbers that are none.
    """
    energy, wanted = (_mean_energy(part["response"]) for part in (found, reference))
    if not np.isfinite(energy) or energy <= 0.0:
        raise ContestantError("it hears nothing")
    level = 10.0 * np.log10(energy / wanted)
    if abs(level) > _LEVEL:
        raise ContestantError(f"hears something else: its mean level is {level:+.1f} dB from ours")
    return min(energy, wanted) / max(energy, wanted)


def _mean_energy(response: npt.NDArray[Any]) -> float:
    return float(np.square(response, dtype=np.float64).sum(axis=-1).mean())
