"""Means with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Estimate", "mean_interval", "proportion_interval"]

_Z95 = 1.959964
_RESAMPLES = 10_000


class Estimate(NamedTuple):
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | list[float]]:
        """Returns the form in which evaluations store it."""
        return {"mean": self.mean, "ci95": [self.low, self.high]}


def proportion_interval(successes: int, trials: int) -> Estimate:
    """Returns a success rate with Wilson's score interval.

    Source: Wilson 1927; it behaves near 0 and 1, where the normal interval does not.
    """
    if trials <= 0:
        raise ValueError("a proportion needs at least one trial")
    rate = successes / trials
    denominator = 1.0 + _Z95**2 / trials
    center = (rate + _Z95**2 / (2 * trials)) / denominator
    half = _Z95 / denominator * math.sqrt(rate * (1 - rate) / trials + _Z95**2 / (4 * trials**2))
    return Estimate(rate, max(0.0, center - half), min(1.0, center + half))


def mean_interval(values: Sequence[float], seed: int = 0) -> Estimate:
    """Returns a mean with its percentile bootstrap interval (10 000 resamples, seeded)."""
    if not len(values):
        raise ValueError("a mean needs at least one value")
    array = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(seed).choice(array, size=(_RESAMPLES, len(array))).mean(axis=1)
    return Estimate(float(array.mean()), float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975)))
