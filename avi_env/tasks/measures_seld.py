"""Measures of sound event localisation and detection (SELD): which sounds were told, and where they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

__all__ = ["SeldCounts", "SoundEvents", "angular_distance", "seld_counts", "seld_measures"]

FloatArray = npt.NDArray[np.floating[Any]]


class SoundEvents(NamedTuple):
    """Sounds that are, or are said to be, there: one row a frame and sound."""

    frame: npt.NDArray[np.integer[Any]]
    """Number of the frame, shape (n,)."""
    kind: npt.NDArray[np.integer[Any]]
    """Class of the sound, shape (n,)."""
    azimuth: FloatArray
    """Counter-clockwise from ahead [rad], shape (n,)."""
    distance: FloatArray
    """[m], shape (n,)."""
    elevation: FloatArray | None = None
    """Up from the horizon [rad], shape (n,); None = azimuth alone is told, and counts."""


@dataclass
class SeldCounts:
    """What was found in some frames, per class, shape (classes,); counts of several recordings add up."""

    true: npt.NDArray[np.int64]
    """Matched within the tolerance of angle, TP."""
    misplaced: npt.NDArray[np.int64]
    """Matched, but further away than that: spatial false positives."""
    false: npt.NDArray[np.int64]
    """Told, but not there, FP."""
    missed: npt.NDArray[np.int64]
    """There, but not told, FN."""
    angle: npt.NDArray[np.float64]
    """Sum of the angles between matched ones [rad]."""
    relative_distance: npt.NDArray[np.float64]
    """Sum of |d' - d| / d over matched ones."""
    substitutions: int = 0
    """S: in each frame, what is false in place of what is missed, whatever its class."""
    deletions: int = 0
    """D"""
    insertions: int = 0
    """I"""

    def __add__(self, other: SeldCounts) -> SeldCounts:
        """Returns the counts of both."""
        arrays = ("true", "misplaced", "false", "missed", "angle", "relative_distance")
        numbers = ("substitutions", "deletions", "insertions")
        return SeldCounts(**{name: getattr(self, name) + getattr(other, name) for name in (*arrays, *numbers)})


def seld_counts(reference: SoundEvents, told: SoundEvents, classes: int, tolerance_deg: float = 20.0) -> SeldCounts:
    """Returns what was found of the sounds of a recording, frame by frame.

    In each frame, the sounds of a class are matched to those told of it so that the sum of the angles between them is
    least (Hungarian matching). What is left over is false, or missed.

    Args:
        reference: what sounded.
        told: what was said to sound.
        classes: number of classes.
        tolerance_deg: angle up to which a match is true [degrees].

    Raises:
        ValueError: a class out of range, or rows of unequal length.
    """
    for events in (reference, told):
        _check(events, classes)
    true, misplaced, false_alarms, misses = (np.zeros(classes, dtype=np.int64) for _ in range(4))
    counts = SeldCounts(true, misplaced, false_alarms, misses, np.zeros(classes), np.zeros(classes))
    for frame in np.union1d(reference.frame, told.frame):
        false = missed = 0
        for kind, there, said in _by_class(reference, told, frame):
            angles = angular_distance(there, said)
            pairs = linear_sum_assignment(angles)
            apart = angles[pairs]
            near = int(np.count_nonzero(apart <= np.radians(tolerance_deg) + 1e-12))
            extra, lacking = (max(0, len(a.frame) - len(b.frame)) for a, b in ((said, there), (there, said)))
            counts.true[kind] += near
            counts.misplaced[kind] += len(apart) - near
            counts.false[kind] += extra
            counts.missed[kind] += lacking
            counts.angle[kind] += apart.sum()
            exact = there.distance[pairs[0]]
            counts.relative_distance[kind] += np.sum(np.abs(said.distance[pairs[1]] - exact) / exact)
            false, missed = false + extra + len(apart) - near, missed + lacking
        counts.substitutions += min(false, missed)
        counts.deletions += max(0, missed - false)
        counts.insertions += max(0, false - missed)
    return counts


def seld_measures(counts: SeldCounts) -> dict[str, float]:
    """Returns the measures of sound event localisation and detection; NaN where no class was ever there.

    With TP, FPs (misplaced), FP, FN of each class, macro-averaged over the classes that were there:
    F20 = TP / (TP + FPs + (FP + FN) / 2); LE_CD = sum of angles / matched, 180 degrees where none was matched;
    LR_CD = matched / (matched + FN); RDE = sum of |d' - d| / d / matched, NaN where none was matched.
    Over all classes at once: ER20 = (S + D + I) / N_ref with S = min(FP', FN), D = max(0, FN - FP'),
    I = max(0, FP' - FN) in each frame, FP' = FP + FPs. SELD = (ER20 + 1 - F20 + LE_CD / 180 + 1 - LR_CD) / 4.

    Args:
        counts: of one recording, or of several, added.

    Returns:
        er20, f20, le_cd [degrees], lr_cd, relative_distance_error, seld.

    Source: Politis et al. 2021, IEEE/ACM TASLP 29 (joint measures of localisation and detection); DCASE 2023 task 3;
    relative distance error as in DCASE 2024 and 2025. A frame is a segment here, as in DCASE 2025.
    """
    matched = counts.true + counts.misplaced
    there = matched + counts.missed
    present = there > 0
    if not present.any():
        return dict.fromkeys(("er20", "f20", "le_cd", "lr_cd", "relative_distance_error", "seld"), float("nan"))
    some = np.maximum(matched, 1)
    f20 = counts.true / np.maximum(matched + 0.5 * (counts.false + counts.missed), 1e-12)
    le_cd = np.where(matched > 0, np.degrees(counts.angle) / some, 180.0)
    lr_cd = matched / np.maximum(there, 1)
    found = present & (matched > 0)
    apart = counts.relative_distance / some
    er20 = (counts.substitutions + counts.deletions + counts.insertions) / there.sum()
    values = {
        "er20": er20,
        "f20": f20[present].mean(),
        "le_cd": le_cd[present].mean(),
        "lr_cd": lr_cd[present].mean(),
        "relative_distance_error": apart[found].mean() if found.any() else float("nan"),
    }
    errors = (values["er20"], 1.0 - values["f20"], values["le_cd"] / 180.0, 1.0 - values["lr_cd"])
    return {**{name: float(value) for name, value in values.items()}, "seld": float(np.mean(errors))}


def angular_distance(one: SoundEvents, other: SoundEvents) -> npt.NDArray[np.float64]:
    """Returns the great-circle angles between directions [rad], shape (n, m); between azimuths where those are told."""
    a, b = (_direction(events) for events in (one, other))
    across = np.linalg.norm(np.cross(a[:, None], b[None]), axis=-1)
    return np.asarray(np.arctan2(across, np.einsum("ik,jk->ij", a, b)))  # exact at small angles too


def _direction(events: SoundEvents) -> npt.NDArray[np.float64]:
    azimuth = np.asarray(events.azimuth, dtype=np.float64)
    rise = np.zeros_like(azimuth) if events.elevation is None else np.asarray(events.elevation, dtype=np.float64)
    return np.stack([np.cos(rise) * np.cos(azimuth), np.cos(rise) * np.sin(azimuth), np.sin(rise)], axis=-1)


def _by_class(reference: SoundEvents, told: SoundEvents, frame: int) -> Iterator[tuple[int, SoundEvents, SoundEvents]]:
    """The sounds of a frame by class: those that are there and those that are told."""
    there, said = (_rows(events, events.frame == frame) for events in (reference, told))
    for kind in np.union1d(there.kind, said.kind):
        yield int(kind), _rows(there, there.kind == kind), _rows(said, said.kind == kind)


def _rows(events: SoundEvents, chosen: npt.NDArray[np.bool_]) -> SoundEvents:
    return SoundEvents(*(None if column is None else column[chosen] for column in events))  # type: ignore[arg-type]


def _check(events: SoundEvents, classes: int) -> None:
    lengths = {len(column) for column in events if column is not None}
    if len(lengths) > 1:
        raise ValueError(f"the columns of sound events must be of one length, not {sorted(lengths)}")
    if len(events.kind) and not (0 <= events.kind.min() and events.kind.max() < classes):
        raise ValueError(f"classes must lie in 0..{classes - 1}, got {events.kind.min()}..{events.kind.max()}")
