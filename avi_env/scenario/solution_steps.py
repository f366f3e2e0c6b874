"""Steps of a scenario's solution: what an agent that knows everything does, one key a step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from avi_env.scenario.parts import Name, Part, Positive, Seconds, Text

__all__ = [
    "SOLUTION_STEPS",
    "GiveAnswer",
    "GoTo",
    "Say",
    "SolutionStep",
    "Stop",
    "TurnTo",
    "Wait",
    "WaitUntil",
]


class GoTo(Part):
    """Walk to an object, a room or a source by the shortest way."""

    go_to: Name
    within: Positive = 0.8
    """How near is near enough [m]."""


class TurnTo(Part):
    """Turn until it is ahead."""

    face: Name


class Wait(Part):
    """Stay for a time."""

    wait: Seconds
    """[s]"""


class WaitUntil(Part):
    """Stay until an expression is true."""

    wait_until: Name
    timeout: Positive = 60.0
    """Then it goes on all the same [s]."""


class Say(Part):
    """Say something without ending the task."""

    say: Text


class GiveAnswer(Part):
    """Answer, which ends the task."""

    answer: Text


class Stop(Part):
    """Stop, which ends the task."""

    stop: Literal[True]


SOLUTION_STEPS: dict[str, type[Part]] = {
    "go_to": GoTo,
    "face": TurnTo,
    "wait": Wait,
    "wait_until": WaitUntil,
    "say": Say,
    "answer": GiveAnswer,
    "stop": Stop,
}
"""Models of the steps by the key that tells them apart."""


def _key(value: Any) -> str | None:
    for name, model in SOLUTION_STEPS.items():
        if isinstance(value, model) or (isinstance(value, dict) and name in value):
            return name
    return None


SolutionStep = Annotated[
    Annotated[GoTo, Tag("go_to")]
    | Annotated[TurnTo, Tag("face")]
    | Annotated[Wait, Tag("wait")]
    | Annotated[WaitUntil, Tag("wait_until")]
    | Annotated[Say, Tag("say")]
    | Annotated[GiveAnswer, Tag("answer")]
    | Annotated[Stop, Tag("stop")],
    Discriminator(
        _key,
        custom_error_type="scenario",
        custom_error_message=f"a step of the solution has one of {', '.join(SOLUTION_STEPS)}",
    ),
]
"""Any step of a solution."""
