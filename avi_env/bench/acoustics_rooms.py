"""Traced reverberation against the theory of diffuse rooms: decay, level, coupled rooms, conservation, reciprocity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import BANDS_HZ
from avi_env.acoustics.formulas import coupled_room_decay_times, diffuse_energy, eyring_rt60, kuttruff_rt60
from avi_env.acoustics.path_tracer import Echogram, trace_balance, trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.bench.acoustics_rows import Effort, Findings, Row, histogram_t30, worst_row
from avi_env.bench.acoustics_scenes import (
    COUPLED_SURFACE,
    COUPLED_VOLUME,
    DOOR_AREA,
    LISTENER,
    SOURCE,
    SURFACE,
    VOLUME,
    box_room,
    coupled_rooms,
)
from avi_env.scene.model import Scene

__all__ = ["conservation", "coupled", "door", "reciprocity", "reverberation_time", "steady_level"]

FloatArray = npt.NDArray[np.float64]
Place = tuple[float, float, float]

_BAND = 3  # 1 kHz
_DECAY_BANDS = (0, 3, 5)
_EYRING_LIMITS = {0.1: 0.04, 0.2: 0.08, 0.4: 0.13}  # the bias is physical: Kuttruff's correction of Eyring
_ABSORPTIONS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)
_COUPLED_SOURCE = (1.5, 1.4, 2.8)
_NEAR = ((3.5, 1.2, 1.0), (1.0, 1.0, 0.8))
_FAR = ((8.0, 1.3, 1.0), (9.0, 1.8, 3.2))


def reverberation_time(effort: Effort) -> Findings:
    """T30 of a 6 x 5 x 3 m room against Eyring and Kuttruff, all diffuse, and mostly specular."""
    rows, curves = [], {"absorption": list(_ABSORPTIONS)}
    for scattering in (1.0, 0.1):
        errors = []
        for absorption in _ABSORPTIONS:
            found = _t30s(effort, absorption, scattering)
            eyring = eyring_rt60(VOLUME, SURFACE, absorption, AIR_ENERGY_PER_METRE)
            kuttruff = kuttruff_rt60(VOLUME, SURFACE, absorption, AIR_ENERGY_PER_METRE)
            errors.append(float(found[_BAND] / eyring[_BAND] - 1.0))
            if absorption not in _EYRING_LIMITS:
                continue
            name = f"T30, a = {absorption:g}, s = {scattering:g}"
            chosen = list(_DECAY_BANDS)
            if scattering == 1.0:
                limit = _EYRING_LIMITS[absorption]
                rows.append(_decay_row(f"{name}, Eyring", found[chosen], eyring[chosen], "Eyring", limit))
                rows.append(_decay_row(f"{name}, Kuttruff", found[chosen], kuttruff[chosen], "Kuttruff", 0.04))
            else:  # longer than Eyring's, as it must be: what runs between two walls stays there
                rows.append(_decay_row(name, found[chosen], eyring[chosen], "Eyring", 0.25))
        curves[f"ours_s{scattering:g}"] = errors
    curves["kuttruff"] = [
        float(
            kuttruff_rt60(VOLUME, SURFACE, a, AIR_ENERGY_PER_METRE[_BAND])
            / eyring_rt60(VOLUME, SURFACE, a, AIR_ENERGY_PER_METRE[_BAND])
            - 1.0
        )
        for a in _ABSORPTIONS
    ]
    return Findings(tuple(rows), {"t30": curves})


def _t30s(effort: Effort, absorption: float, scattering: float) -> FloatArray:
    seconds = 2.6 if absorption < 0.1 else 1.6
    echogram = _traced(
        effort, box_room(absorption, scattering), SOURCE, LISTENER, PathBudget(effort.paths, seconds, 1e-5)
    )
    return np.array([histogram_t30(energy, echogram.bin_seconds) for energy in echogram.energy[..., 0].T])


def _decay_row(name: str, found: FloatArray, expected: FloatArray, peer: str, limit: float) -> Row:
    return worst_row(name, found, expected, "s", peer, quantity="T30", limit=limit)


def steady_level(effort: Effort) -> Findings:
    """Energy of all reflections at 125 Hz, where air absorbs next to nothing, against a diffuse field's."""
    rows = []
    for absorption in (0.1, 0.2, 0.4):
        budget = PathBudget(effort.paths, 1.6, 1e-5)
        energy = _traced(effort, box_room(absorption, 1.0), SOURCE, LISTENER, budget).energy[:, 0, 0].sum()
        level, theory = (10.0 * np.log10(float(v)) for v in (energy, diffuse_energy(SURFACE, absorption)))
        name = f"steady level, a = {absorption:g}, s = 1"
        limit = 1.0 if absorption <= 0.2 else None  # absorbent rooms are not diffuse
        rows.append(Row(name, level, "dB", "16 pi (1-a) / (S a)", theory, "level", limit=limit))
    return Findings(tuple(rows))


def coupled(effort: Effort) -> Findings:
    """Level in the next room and the slow decay, through an open door, against two coupled diffuse rooms."""
    rows = []
    for absorption, seconds in ((0.05, 2.0), (0.15, 1.0), (0.3, 0.6)):
        budget = PathBudget(effort.paths, seconds, 1e-5)
        scene = coupled_rooms(absorption, scattering=1.0)
        near, far = (
            np.sum([_traced(effort, scene, _COUPLED_SOURCE, p, budget, 0).energy[..., 0] for p in places], axis=0)
            for places in (_NEAR, _FAR)
        )
        area = -COUPLED_SURFACE * np.log1p(-absorption)
        level = 10.0 * np.log10(far[:, _BAND].sum() / near[:, _BAND].sum())
        theory = 10.0 * np.log10(DOOR_AREA / (area + DOOR_AREA))
        name, peer = f"a = {absorption:g}", "coupled rooms"
        rows.append(Row(f"next room's level, {name}", float(level), "dB", peer, float(theory), "level", limit=1.5))
        area += 4.0 * AIR_ENERGY_PER_METRE[_BAND] * COUPLED_VOLUME
        slow, _ = coupled_room_decay_times((COUPLED_VOLUME,) * 2, (area,) * 2, DOOR_AREA)
        # The rooms are equal: in the sum over both the fast mode, which swings between them, cancels.
        found = histogram_t30((near + far)[:, _BAND], 0.002)
        rows.append(Row(f"both rooms' T30, {name}", found, "s", peer, slow, "T30", limit=0.08))
    return Findings(tuple(rows))


def door(effort: Effort) -> Findings:
    """What a shut wooden door takes from the next room, and that opening it again changes not a bit."""
    budget = PathBudget(effort.paths, 0.6, 1e-4)
    wide, shut, again = (
        _traced(effort, coupled_rooms(0.15, closed=closed), _COUPLED_SOURCE, _FAR[0], budget).energy
        for closed in (False, True, False)
    )
    loss = 10.0 * np.log10(wide[..., 0].sum(axis=0) / shut[..., 0].sum(axis=0))
    different = float(np.count_nonzero(wide != again))
    return Findings(
        (
            Row("shut door, loss at 1 kHz", float(loss[_BAND]), "dB", at_least=10.0),
            Row("open again, bins that differ", different, "bins", "first opening", 0.0, limit=0.0),
        ),
        {"door": {"frequency_hz": list(BANDS_HZ), "loss_db": loss.tolist()}},
    )


def conservation(effort: Effort) -> Findings:
    """Energy carried by paths in a closed room that absorbs nothing, after 100 bounces."""
    balance = trace_balance(box_room(0.0, 0.3), SOURCE, seed=effort.seed, path_count=25 * effort.paths, bounces=100)
    return Findings(
        (
            Row("energy after 100 bounces", float(balance.carried.min()), "of 1", "all", 1.0, limit=1e-5),
            Row("escaped", float(balance.escaped.max()), "of 1", "none", 0.0, limit=1e-5),
        )
    )


def reciprocity(effort: Effort) -> Findings:
    """Energy per octave with source and listener exchanged."""
    budget = PathBudget(max(effort.paths, 4096), 1.0, 1e-4)
    there, back = (
        10.0 * np.log10(_traced(effort, box_room(0.2, 0.3), a, b, budget).energy[..., 0].sum(axis=0))
        for a, b in ((SOURCE, LISTENER), (LISTENER, SOURCE))
    )
    return Findings(
        (worst_row("reciprocity, traced level", there, back, "dB", "exchanged", quantity="level", limit=0.3),)
    )


def _traced(
    effort: Effort, scene: Scene, source: Place, listener: Place, budget: PathBudget, mirror_order: int = 1
) -> Echogram:
    return trace_echogram(
        scene, source, listener, seed=effort.seed, budget=budget, mirror_order=mirror_order, device=effort.device
    )
