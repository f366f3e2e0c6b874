"""How a policy chooses: the likeliest action, a sure stop, draws that are even and follow the probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.policies.choice import ChoiceSettings, choose_actions, step_chances

LOGITS = torch.log(torch.tensor([[0.80, 0.05, 0.15], [0.96, 0.03, 0.01], [0.20, 0.30, 0.50]]))


def splitmix(count: int) -> list[float]:
    """The first numbers of SplitMix64 from the seed 0, in plain integers."""
    mask, state, drawn = (1 << 64) - 1, 0, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        value = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        drawn.append(((value ^ (value >> 31)) >> 11) * 2.0**-53)
    return drawn


def test_a_stop_needs_its_probability() -> None:
    """Below it the likeliest of the other actions is taken; without one the likeliest of all is."""
    step = torch.zeros(3, dtype=torch.int64)
    assert choose_actions(LOGITS, step, ChoiceSettings()).tolist() == [0, 0, 2]
    assert choose_actions(LOGITS, step, ChoiceSettings(stop_probability=0.9)).tolist() == [2, 0, 2]


def test_moves_are_drawn_by_their_probability(device: str) -> None:
    """Of 20 000 steps a move has its share to the power 1 / T; a stop is never drawn."""
    step = torch.arange(20_000, device=device)
    for temperature in (1.0, 0.5):
        logits = LOGITS[2:].to(device).expand(len(step), -1)
        actions = choose_actions(logits, step, ChoiceSettings(temperature=temperature)).cpu().numpy()
        share = 0.3 ** (1 / temperature) / (0.3 ** (1 / temperature) + 0.5 ** (1 / temperature))
        assert set(actions) == {1, 2}
        # the standard error of a share p of n draws is sqrt(p (1 - p) / n) <= 0.0036; four of them
        assert_allclose(np.mean(actions == 1), share, atol=0.0144)


def test_sure_stops_are_not_drawn() -> None:
    """A stop that is likeliest and sure enough is taken at any temperature."""
    step = torch.arange(50)
    sure = choose_actions(LOGITS[1:2].expand(50, -1), step, ChoiceSettings(0.9, 5.0))
    unsure = choose_actions(LOGITS[:1].expand(50, -1), step, ChoiceSettings(0.9, 5.0))
    assert_array_equal(sure, 0)
    assert set(unsure.tolist()) == {1, 2}


def test_chances_are_those_of_splitmix(device: str) -> None:
    """The published generator, in whole numbers of any size."""
    found = step_chances(torch.arange(1000, device=device)).cpu()
    assert_array_equal(found, splitmix(1000))
