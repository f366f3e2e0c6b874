"""Measures of answers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.tasks.measures_answers import (
    answer_accuracy,
    chance_accuracy,
    eqa_correctness,
    eqa_efficiency,
    family_accuracy,
    grounded_accuracy,
)


def test_accuracy_chance_and_grounding() -> None:
    """Two of three right; of these one on evidence, one half on it; two and four options."""
    assert_allclose(answer_accuracy([True, True, False]), 2 / 3, rtol=1e-12, atol=0)
    assert_allclose(grounded_accuracy([True, True, False], [1.0, 0.5, 1.0]), 0.5, rtol=1e-12, atol=0)
    assert_allclose(chance_accuracy([2, 4]), 0.375, rtol=1e-12, atol=0)
    assert math.isnan(answer_accuracy([]))
    with pytest.raises(ValueError, match=r"grounding must lie in 0\.\.1"):
        grounded_accuracy([True], [1.5])


def test_families() -> None:
    """By family, of all questions, and the mean of families: unequal families weigh alike in it."""
    table = family_accuracy(
        ["counting", "counting", "counting", "location"], [True, True, False, False], [1, 0, 1, 1], [2, 2, 2, 4]
    )
    assert table["counting"] == {
        "questions": 3.0,
        "accuracy": pytest.approx(2 / 3),
        "grounded_accuracy": pytest.approx(1 / 3),
        "chance": pytest.approx(0.5),
    }
    assert_allclose(table["all"]["accuracy"], 0.5, rtol=1e-12, atol=0)
    assert_allclose(table["mean"]["accuracy"], 1 / 3, rtol=1e-12, atol=0)
    assert_allclose(table["mean"]["chance"], 0.375, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="1 families and 2 answers"):
        family_accuracy(["counting"], [True, False])


def test_correctness_and_efficiency_of_openeqa() -> None:
    """C: 1 -> 0 %, 5 -> 100 %, no answer counts as 1. E: twice the way halves it; standing at the answer is full."""
    assert_allclose(eqa_correctness([1, 2, 5, np.nan, 9]), 100 * (0 + 0.25 + 1 + 0 + 1) / 5, rtol=1e-12, atol=0)
    assert_allclose(eqa_efficiency([5, 5, 3, 5], [4, 4, 4, 0], [4, 8, 2, 0]), 100 * (1 + 0.5 + 0.5 + 1) / 4, rtol=1e-12)
