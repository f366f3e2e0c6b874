"""SELD measures by hand, and against a plain, slow account of the definitions that tries every matching."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.tasks.measures_seld import SoundEvents, angular_distance, seld_counts, seld_measures

Row = tuple[int, int, float, float, float]  # frame, class, azimuth, elevation [degrees], distance [m]


def events(rows: list[Row]) -> SoundEvents:
    """Sound events of rows in degrees."""
    frame, kind, azimuth, elevation, distance = (np.array(column) for column in zip(*rows, strict=True))
    return SoundEvents(frame, kind, np.radians(azimuth), distance, np.radians(elevation))


def measures(there: list[Row], told: list[Row], classes: int = 3) -> dict[str, float]:
    """Measures of rows."""
    return seld_measures(seld_counts(events(there), events(told), classes))


def test_one_of_each_kind() -> None:
    """Six frames of one class: true, misplaced by 30 degrees, missed, false, a second one missed, of another class."""
    there = [(0, 0, 0, 0, 2.0), (1, 0, 10, 0, 4.0), (2, 0, 0, 0, 1), (4, 0, 0, 0, 1), (4, 0, 90, 0, 1), (5, 0, 0, 0, 1)]
    told = [(0, 0, 15, 0, 1.0), (1, 0, 40, 0, 5.0), (3, 0, 0, 0, 1), (4, 0, 89, 0, 1.5), (5, 1, 0, 0, 1)]
    values = measures(there, told)
    # Class 0: TP 2 (frames 0, 4), spatial FP 1 (frame 1), FN 3 (2, 4, 5), FP 1 (3). N = 6.
    assert_allclose(values["f20"], 2 / (2 + 1 + 0.5 * (1 + 3)), rtol=1e-12, atol=0)
    assert_allclose(values["le_cd"], (15 + 30 + 1) / 3, rtol=1e-9, atol=0)
    assert_allclose(values["lr_cd"], 3 / 6, rtol=1e-12, atol=0)
    assert_allclose(values["relative_distance_error"], (0.5 + 0.25 + 0.5) / 3, rtol=1e-12, atol=0)
    # Frames: 1 misplaced = insertion; 2 deletion; 3 insertion; 4 deletion; 5 another class = substitution.
    assert_allclose(values["er20"], 5 / 6, rtol=1e-12, atol=0)
    errors = (5 / 6, 1 - 0.4, 46 / 3 / 180, 0.5)
    assert_allclose(values["seld"], sum(errors) / 4, rtol=1e-9, atol=0)


def test_perfect_and_nothing() -> None:
    """All told right: no error. Nothing told: every one missed, 180 degrees, no distance."""
    there: list[Row] = [(f, f % 3, 40.0 * f, 5.0, 1.0 + f) for f in range(9)]
    values = measures(there, there)
    for name, value in {"er20": 0, "f20": 1, "le_cd": 0, "lr_cd": 1, "relative_distance_error": 0, "seld": 0}.items():
        assert_allclose(values[name], value, rtol=0, atol=1e-12, err_msg=name)
    silent = seld_measures(seld_counts(events(there), events([(99, 0, 0, 0, 1)]), 3))
    assert_allclose([silent["f20"], silent["lr_cd"], silent["le_cd"]], [0, 0, 180], rtol=0, atol=0)
    assert math.isnan(silent["relative_distance_error"])


def test_angles_on_the_sphere() -> None:
    """Great circles: a quarter from the horizon to the zenith, azimuths meet there, exact if small."""
    one, other = events([(0, 0, 0, 0, 1), (0, 0, 70, 90, 1)]), events([(0, 0, 10, 90, 1), (0, 0, 1e-7, 0, 1)])
    expected = np.array([[90.0, 1e-7], [0.0, 90.0]])
    assert_allclose(np.degrees(angular_distance(one, other)), expected, rtol=1e-6, atol=1e-9)


def plain(there: list[Row], told: list[Row]) -> dict[str, float]:
    """The definitions once more, with every matching tried and spherical trigonometry in place of vectors."""
    tally: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    errors = 0.0
    for frame in {row[0] for row in there + told}:
        false = missed = 0
        for kind in {row[1] for row in there + told if row[0] == frame}:
            a, b = ([row for row in rows if row[:2] == (frame, kind)] for rows in (there, told))
            short, long = (a, b) if len(a) <= len(b) else (b, a)
            options = [list(zip(short, order, strict=True)) for order in itertools.permutations(long, len(short))]
            best = min(options, key=lambda pairs: sum(haversine(x, y) for x, y in pairs))
            count = tally[kind]
            for x, y in best:
                near = haversine(x, y) <= 20.0
                count["tp" if near else "fps"] += 1
                false += not near
                count["angle"] += haversine(x, y)
                real, said = (x, y) if short is a else (y, x)
                count["apart"] += abs(said[4] - real[4]) / real[4]
            count["fp"] += max(0, len(b) - len(a))
            count["fn"] += max(0, len(a) - len(b))
            false += max(0, len(b) - len(a))
            missed += max(0, len(a) - len(b))
        errors += max(false, missed)
    rows = []
    for count in tally.values():
        matched = count["tp"] + count["fps"]
        if matched + count["fn"] == 0:
            continue
        angle = count["angle"] / matched if matched else 180.0
        f20 = count["tp"] / (matched + 0.5 * (count["fp"] + count["fn"]))
        rows.append((f20, angle, matched / (matched + count["fn"]), count["apart"] / matched if matched else None))
    f20, angle, recall = (sum(row[k] for row in rows) / len(rows) for k in range(3))
    known = [row[3] for row in rows if row[3] is not None]
    return {
        "er20": errors / len(there),
        "f20": f20,
        "le_cd": angle,
        "lr_cd": recall,
        "relative_distance_error": sum(known) / len(known),
    }


def haversine(one: Row, other: Row) -> float:
    """Angle between two directions [degrees]."""
    a, b = np.radians(one[2:4]), np.radians(other[2:4])
    h = math.sin((b[1] - a[1]) / 2) ** 2 + math.cos(a[1]) * math.cos(b[1]) * math.sin((b[0] - a[0]) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, h))))


@pytest.mark.parametrize("seed", range(5))
def test_plain_account_agrees(seed: int) -> None:
    """Random recordings with up to three sounds of a class at a time."""
    rng = np.random.default_rng(seed)

    def drawn(count: int) -> list[Row]:
        return [
            (
                int(rng.integers(12)),
                int(rng.integers(3)),
                rng.uniform(-180, 180),
                rng.uniform(-60, 60),
                rng.uniform(1, 9),
            )
            for _ in range(count)
        ]

    there = drawn(30)
    told = [(f, k, a + rng.normal(0, 15), e, d * rng.uniform(0.7, 1.4)) for f, k, a, e, d in there[:20]] + drawn(8)
    values = measures(there, told)
    for name, value in plain(there, told).items():
        assert_allclose(values[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


def test_recordings_add_up() -> None:
    """Counts of two recordings, added, are those of one after the other."""
    one: list[Row] = [(0, 0, 0, 0, 1), (1, 1, 90, 0, 2)]
    told: list[Row] = [(0, 0, 30, 0, 1), (1, 2, 90, 0, 2)]
    later = [(f + 10, *rest) for f, *rest in told]
    both = seld_counts(events(one), events(told), 3) + seld_counts(events(told), events(one), 3)
    joined = seld_counts(events(one + later), events(told + [(f + 10, *rest) for f, *rest in one]), 3)
    assert seld_measures(both) == seld_measures(joined)


def test_what_cannot_be_is_refused() -> None:
    """A class out of range, columns of unequal length."""
    with pytest.raises(ValueError, match=r"classes must lie in 0\.\.2"):
        measures([(0, 3, 0, 0, 1)], [(0, 0, 0, 0, 1)])
    odd = SoundEvents(np.zeros(2, int), np.zeros(1, int), np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="one length"):
        seld_counts(odd, odd, 3)
