"""What the agent hears (baked fields) against paths traced to its very place, in furnished houses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bake import bake_field
from avi_env.acoustics.baked_response import field_echogram, field_sample
from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ
from avi_env.acoustics.discrete import MIRRORS, discrete_paths
from avi_env.acoustics.field import SourceField
from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.path_tracer import Echogram, trace_echograms
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.wavefront_bank import WavefrontBank
from avi_env.bench.acoustics_arrival import arrival_error
from avi_env.bench.acoustics_rows import Effort, Findings, Row, clarity_db, histogram_t30
from avi_env.navigation.grid import walkable_grid
from avi_env.scene import Scene, emission_point, emitting_objects, load_scene
from avi_env.scene.rays import occluded

__all__ = ["HEARD", "Heard", "Pair", "compared", "heard", "house_places", "house_rows", "houses"]

FloatArray = npt.NDArray[np.float64]

HEARD = ("level", "C50", "T30", "DRR")
"""Quantities compared per octave."""

_BAND = 3  # 1 kHz
_SOURCES = 4  # of each house, shared by its pairs
_EAR_HEIGHT = 1.25  # [m]
_SECONDS = 1.2  # traced: 35 dB of the longest decays of furnished houses
_EARLY_SECONDS = 0.05  # within which sound tells where it comes from
_LEAST_CLARITY = -10.0  # [dB]: where less is early, two rooms away, C50 is made of next to nothing
_LIMITS = {"level": 1.0, "C50": 1.5, "T30": 0.07}  # medians: the acoustics sheet's test 29
_ARRIVAL_LIMIT = 5.0  # [degrees] median, test 29 too
_LEAST_DIRECTION = 0.2  # of the early energy: sound from everywhere has no direction that could be wrong
_ENOUGH = 3  # pairs without which a median says nothing


class Heard(NamedTuple):
    """What one way of computing gives at one place, per octave; NaN where there is too little to tell."""

    level: FloatArray
    """Whole energy [dB re the source at 1 m], shape (7,)."""
    C50: FloatArray
    """[dB], shape (7,)."""
    T30: FloatArray
    """[s], shape (7,)."""
    DRR: FloatArray
    """Direct, bent and transmitted sound over the reflections [dB], shape (7,)."""
    towards: FloatArray
    """Mean direction of arrival of the first 50 ms' energy at 1 kHz, shape (3,): length 0 = from everywhere."""


class Pair(NamedTuple):
    """A source and a listener, heard both ways."""

    baked: Heard
    traced: Heard
    runs: tuple[Heard, ...]
    """The single runs whose mean is `traced`."""
    is_seen: bool
    """Whether the straight line between them is free."""
    arrival_error: float
    """Angle between the first sound's direction and the true one [degrees], NaN where geometry does not tell."""


def house_places(
    scene: Scene, count: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, npt.NDArray[np.float64]]]:
    """Yields emission points of sounding objects [m], shape (3,), each with some walkable places at ear height, (n, 3).

    Together they are `count` random pairs.
    """
    grid = walkable_grid(scene)
    columns, emitters = np.argwhere(grid.free), emitting_objects(scene)
    chosen = rng.choice(len(emitters), min(_SOURCES, len(emitters), count), replace=False)
    for number, share in zip(chosen, np.array_split(np.arange(count), len(chosen)), strict=True):
        at = columns[rng.integers(len(columns), size=len(share))]
        level = grid.center(at)
        height = np.array([grid.floor_y[tuple(column)] for column in at]) + _EAR_HEIGHT
        yield (
            np.asarray(emission_point(emitters[number]), dtype=np.float64),
            np.column_stack([level[:, 0], height, level[:, 1]]),
        )


def heard(echogram: Echogram, begin: float, exact: Paths, first: float) -> Heard:
    """Returns what is heard of an echogram and the exact paths together.

    Args:
        echogram: energy over time.
        begin: when its bin 0 begins [s].
        exact: discrete paths, B = 1, as `discrete_paths` orders them.
        first: when the first sound arrives [s].
    """
    gain = exact.gain[0].double().numpy() ** 2  # (P, 7)
    bins = (np.arange(len(echogram.energy)) + 0.5) * echogram.bin_seconds + begin
    time = np.concatenate([bins, exact.delay[0].numpy()]) - first
    omni = np.concatenate([echogram.energy[..., 0], gain])
    sums = []
    for band in range(BAND_COUNT):
        energy = omni[:, band]
        total = max(float(energy.sum()), 1e-300)
        direct = float(gain[:MIRRORS, band].sum())
        late = np.histogram(time, bins=np.arange(-0.005, time.max() + 0.005, 0.005), weights=energy)[0]
        sums.append(
            (
                10.0 * np.log10(total),
                clarity_db(energy, time, _EARLY_SECONDS),
                histogram_t30(late, 0.005),
                10.0 * np.log10(max(direct, 1e-300) / max(total - direct, 1e-300)),
            )
        )
    early = bins - first < _EARLY_SECONDS
    near = exact.delay[0].numpy() - first < _EARLY_SECONDS
    towards = echogram.energy[early, _BAND, 1:].sum(axis=0)
    towards = towards + gain[near, _BAND] @ exact.direction[0].double().numpy()[near]
    whole = float(echogram.energy[early, _BAND, 0].sum() + gain[near, _BAND].sum())
    level, clarity, decay, ratio = np.array(sums).T
    return Heard(level, clarity, decay, ratio, towards / max(whole, 1e-300))


def _exact(scene: Scene, field: SourceField, listener: FloatArray) -> Paths:
    """Returns the discrete paths that an agent hears."""
    waves, row = WavefrontBank(1), torch.zeros(1, dtype=torch.int64)
    waves.set_row(0, field.wavefront)
    ends = (torch.tensor([place], dtype=torch.float64) for place in (field.source, tuple(listener)))
    return discrete_paths(scene_bank(scene), waves, row, row, *ends)


def compared(scene: Scene, source: FloatArray, listeners: FloatArray, effort: Effort) -> list[Pair]:
    """Returns what is heard of a source at places [m], shape (n, 3), of the baked field and of paths traced there."""
    field = bake_field(scene, source, seed=effort.seed, device=effort.device)
    budget = PathBudget(effort.reference_paths, _SECONDS, 1e-4)
    runs = [
        trace_echograms(scene, source, listeners, seed=effort.seed + 1 + k, budget=budget, device=effort.device)
        for k in range(effort.reference_seeds)
    ]
    pairs = []
    for listener, *traced in zip(listeners, *runs, strict=True):
        sample, exact = field_sample(scene, field, listener), _exact(scene, field, listener)
        first = float(sample.first_arrival[0])
        seen = not bool(occluded(scene, [source], [listener])[0])
        mean = Echogram(traced[0].bin_seconds, np.mean([run.energy for run in traced], axis=0))
        pairs.append(
            Pair(
                heard(field_echogram(sample, 2.0), first, exact, first),
                heard(mean, 0.0, exact, first),
                tuple(heard(run, 0.0, exact, first) for run in traced),
                seen,
                arrival_error(scene, source, listener, exact, seen),
            )
        )
        effort.on_step()
    return pairs


def houses(effort: Effort) -> Findings:
    """Level, C50, T30, DRR and direction at random places of generated houses, baked against traced."""
    pairs: list[Pair] = []
    for seed in effort.houses:
        scene = load_scene(f"house:{seed}")
        for source, listeners in house_places(scene, effort.pairs, np.random.default_rng([effort.seed, seed])):
            pairs += compared(scene, source, listeners, effort)
    return Findings(house_rows(pairs), {"houses": _scatter(pairs), "octaves": _octaves(pairs)})


def house_rows(pairs: list[Pair]) -> tuple[Row, ...]:
    """Returns medians and 90th percentiles of the errors at 1 kHz, in sight and round corners, and the reference's own.

    The reference is the mean of several runs: half the difference between two of them says how well it is known.
    """
    seen = np.array([pair.is_seen for pair in pairs])
    rows: list[Row] = []
    for quantity in (*HEARD, "direction of the early energy"):
        error = np.abs(_errors(*_halves(pairs), quantity)[:, _BAND])
        one, other = [pair.runs[0] for pair in pairs], [pair.runs[-1] for pair in pairs]
        spread = np.abs(_errors(one, other, quantity)[:, _BAND]) / len(pairs[0].runs)
        for name, values, share, limit in (
            ("median error", error, 0.5, _LIMITS.get(quantity)),
            ("90 % of errors below", error, 0.9, None),
            ("in sight, median error", error[seen], 0.5, None),
            ("round corners, median error", error[~seen], 0.5, None),
            ("the reference's own median error", spread, 0.5, None),
        ):
            found = values[np.isfinite(values)]
            if len(found) >= _ENOUGH:
                rows.append(_error_row(f"{quantity}, {name}", found, share, quantity, limit))
    return (*rows, *_arrival_rows(pairs, ~seen))


def _arrival_rows(pairs: list[Pair], hidden: npt.NDArray[np.bool_]) -> list[Row]:
    """Returns how far from the true way the first sound comes; only round corners could it be anywhere else."""
    error = np.array([pair.arrival_error for pair in pairs])[hidden]
    found = error[np.isfinite(error)]
    if len(found) < _ENOUGH:
        return []
    quantity = "direction of the first arrival"
    return [
        _error_row(f"{quantity}, {name}", found, share, quantity, limit, peer="geometry")
        for name, share, limit in (("median error", 0.5, _ARRIVAL_LIMIT), ("90 % of errors below", 0.9, None))
    ]


def _error_row(
    name: str, found: FloatArray, share: float, quantity: str, limit: float | None, peer: str = "traced"
) -> Row:
    sense = quantity.split()[0]  # whose just noticeable difference counts
    unit = {"T30": "of 1", "direction": "deg"}.get(sense, "dB")
    value, note = float(np.quantile(found, share)), f"{len(found)} places"
    return Row(name, value, unit, peer, quantity=sense, limit=limit, is_deviation=True, note=note)


def _errors(ours: list[Heard], traced: list[Heard], quantity: str) -> FloatArray:
    """Returns differences, shape (pairs, 7); relative for T30, the angle between [deg] for the direction.

    NaN where there is too little to tell: C50 of late sound, the direction of sound from everywhere.
    """
    if quantity.startswith("direction"):
        angles = [_angle(a.towards, b.towards) for a, b in zip(ours, traced, strict=True)]
        return np.repeat(np.array(angles)[:, None], BAND_COUNT, axis=1)
    found, wanted = (np.array([getattr(half, quantity) for half in halves]) for halves in (ours, traced))
    if quantity == "T30":
        return np.asarray(found / wanted - 1.0)
    clear = wanted > _LEAST_CLARITY if quantity == "C50" else np.isfinite(wanted)
    return np.where(clear, found - wanted, np.nan)


def _halves(pairs: list[Pair]) -> tuple[list[Heard], list[Heard]]:
    return [pair.baked for pair in pairs], [pair.traced for pair in pairs]


def _angle(a: FloatArray, b: FloatArray) -> float:
    """Returns the angle [deg] between shares of energy by direction; NaN where either has next to no direction."""
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(lengths) < _LEAST_DIRECTION:
        return float("nan")
    return float(np.degrees(np.arccos(np.clip(a @ b / lengths[0] / lengths[1], -1.0, 1.0))))


def _scatter(pairs: list[Pair]) -> dict[str, Any]:
    """Returns baked and traced values at 1 kHz for the plot, null where there is too little to tell."""
    curves: dict[str, Any] = {"in_sight": [pair.is_seen for pair in pairs]}
    for quantity in HEARD:
        for name, halves in zip(("baked", "traced"), _halves(pairs), strict=True):
            values = [float(getattr(half, quantity)[_BAND]) for half in halves]
            curves[f"{quantity}_{name}"] = [round(v, 4) if np.isfinite(v) else None for v in values]
    return curves


def _octaves(pairs: list[Pair]) -> dict[str, Any]:
    """Returns median errors per octave, null where too few places tell."""
    curves: dict[str, Any] = {"frequency_hz": list(BANDS_HZ)}
    for quantity in HEARD:
        columns = [np.abs(column[np.isfinite(column)]) for column in _errors(*_halves(pairs), quantity).T]
        curves[quantity] = [round(float(np.median(c)), 4) if len(c) >= _ENOUGH else None for c in columns]
    return curves
