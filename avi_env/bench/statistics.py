"""Means with confidence intervals, and differences of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Estimate", "clustered_mean", "mean_interval", "proportion_interval", "sign_test"]

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


def proportion_interval(successes: float, trials: int) -> Estimate:
    """Returns a success rate with Wilson's score interval.

    Args:
        successes: number of successes; a fraction where a trial is itself a mean over seeds.
        trials: number of independent trials.

    Source: Wilson 1927; it behaves near 0 and 1, where the normal interval does not.
    """
    if trials <= 0:
        raise ValueError("a proportion needs at least one trial")
    rate = successes / trials
    denominator = 1.0 + _Z95**2 / trials
    center = (rate + _Z95**2 / (2 * trials)) / denominator
    half = _Z95 / denominator * math.sqrt(rate * (1 - rate) / trials + _Z95**2 / (4 * trials**2))
    return Estimate(rate, max(0.0, center - half), min(1.0, center + half))


def mean_interval(values: Sequence[float] | npt.NDArray[np.float64], seed: int = 0) -> Estimate:
    """Returns a mean with its percentile bootstrap interval (10 000 resamples, seeded)."""
    if not len(values):
        raise ValueError("a mean needs at least one value")
    array = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(seed).choice(array, size=(_RESAMPLES, len(array))).mean(axis=1)
    return Estimate(float(array.mean()), float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975)))


def clustered_mean(values: Sequence[float | bool], clusters: Sequence[str]) -> Estimate:
    """Returns a mean over clusters' means with its interval: what shares a cluster is not independent.

    Rates (all values bool) get Wilson's interval with one trial a cluster, which supposes that the seeds of an episode
    agree: with one value a cluster it is the usual one, with several it is wide rather than narrow. Other values get
    the bootstrap over clusters.

    Args:
        values: of which the mean is asked.
        clusters: name of the cluster of each, such as the episode that several seeds play.
    """
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    rows = np.array([names[name] for name in clusters], dtype=np.int64)
    sums = np.bincount(rows, np.asarray(values, dtype=np.float64), minlength=len(names))
    means = sums / np.maximum(np.bincount(rows, minlength=len(names)), 1)
    if all(isinstance(value, bool) for value in values):
        return proportion_interval(float(means.sum()), len(means))
    return mean_interval(means)


def sign_test(differences: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Returns the two-sided p-value of the exact sign test; ties are left out.

    For successes of two agents in the same episodes it is McNemar's exact test.

    Source: Dixon and Mood 1946; McNemar 1947 with the binomial distribution in place of its approximation.
    """
    array = np.asarray(differences, dtype=np.float64)
    more, less = int((array > 0).sum()), int((array < 0).sum())
    tail = sum(math.comb(more + less, k) for k in range(min(more, less) + 1)) / 2.0 ** (more + less)
    return min(1.0, 2.0 * tail)
