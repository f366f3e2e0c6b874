"""Navigation measures against their definitions, by hand."""

from __future__ import annotations

import torch
from numpy.testing import assert_allclose

from avi_env.tasks import AudioNavTask, evaluate, sna, soft_spl, spl


def tensor(*values: float) -> torch.Tensor:
    """A float tensor."""
    return torch.tensor(values)


def test_spl() -> None:
    """S d0 / max(d0, p): 1 on the shortest path, half on twice its length, 0 without success, never above 1."""
    success = torch.tensor([True, True, False, True])
    values = spl(success, tensor(4, 4, 4, 4), tensor(4, 8, 4, 3))
    assert_allclose(values, [1.0, 0.5, 0.0, 1.0], rtol=1e-6, atol=0)


def test_soft_spl() -> None:
    """max(0, 1 - d/d0) d0 / max(d0, p): progress counts without success, walking away counts nothing."""
    values = soft_spl(tensor(0, 2, 6), tensor(4, 4, 4), tensor(4, 8, 2))
    assert_allclose(values, [1.0, 0.25, 0.0], rtol=1e-6, atol=0)


def test_sna() -> None:
    """S n* / max(n*, n)."""
    values = sna(torch.tensor([True, True, False]), torch.tensor([10, 10, 10]), torch.tensor([10, 40, 10]))
    assert_allclose(values, [1.0, 0.25, 0.0], rtol=1e-6, atol=0)


def test_reward_of_soundspaces() -> None:
    """-0.01 a step, plus metres gained, plus 10 for a stop strictly within 1 m; a stop elsewhere ends unrewarded."""
    stopped = torch.tensor([False, True, True, True])
    outcome = evaluate(stopped, tensor(2.75, 0.9, 1.0, 3.0), tensor(3.0, 0.9, 1.0, 3.0), AudioNavTask())
    assert_allclose(outcome.reward, [0.24, 9.99, -0.01, -0.01], rtol=0, atol=1e-6)
    assert outcome.success.tolist() == [False, True, False, False]
    assert outcome.terminated.tolist() == [False, True, True, True]
