"""The choice among actions: the likeliest, or one drawn by the step's number, the same in every run and batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["ChoiceSettings", "choose_actions", "step_chances"]

_STOP = 0
_GOLDEN, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # as signed 64-bit integers


@dataclass(frozen=True)
class ChoiceSettings:
    """How an action follows from what the network says of all of them."""

    stop_probability: float = 0.0
    """How sure the policy must be of a stop, which cannot be taken back, to prefer it to the other actions."""
    temperature: float = 0.0
    """0: the likeliest action. Else a stop where it is the likeliest, or a move drawn by its probability to the power
    1 / temperature: who turns left and right by turns for ever comes free so."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.stop_probability <= 1.0:
            raise ValueError(f"stop_probability is a probability, 0 to 1, not {self.stop_probability}")
        if not 0.0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature is 0 (the likeliest action) or more, not {self.temperature}")


def choose_actions(logits: torch.Tensor, step: torch.Tensor, settings: ChoiceSettings) -> torch.Tensor:
    """Returns the actions of a batch, shape (B,), int64.

    Args:
        logits: of the actions, shape (B, A).
        step: number of the step in each row's episode, shape (B,), int64; drawn is by `step_chances`.
        settings: how.
    """
    unsure = logits.softmax(dim=1)[:, _STOP] < settings.stop_probability
    others = torch.arange(logits.shape[1], device=logits.device) != _STOP
    likeliest = logits.masked_fill(unsure[:, None] & ~others, -torch.inf).argmax(dim=1)
    if settings.temperature == 0.0:
        return likeliest
    shares = (logits / settings.temperature).masked_fill(~others, -torch.inf).softmax(dim=1).double().cumsum(dim=1)
    drawn = (shares <= (step_chances(step) * shares[:, -1])[:, None]).sum(dim=1)
    return torch.where(likeliest == _STOP, likeliest, drawn)


def step_chances(step: torch.Tensor) -> torch.Tensor:
    """Returns a number in [0, 1) for each step's number, as if drawn evenly, float64.

    It depends on the number alone: every episode has the same ones, whatever else is in the batch.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014 (SplitMix64).
    """
    mixed = (step.to(torch.int64) + 1) * _GOLDEN
    for factor, shift in ((_FIRST, 30), (_SECOND, 27)):
        mixed = (mixed ^ _shifted(mixed, shift)) * factor
    return _shifted(mixed ^ _shifted(mixed, 31), 11).double() * 2.0**-53


def _shifted(value: torch.Tensor, bits: int) -> torch.Tensor:
    """Returns 64-bit integers shifted to the right, zeros coming in."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
