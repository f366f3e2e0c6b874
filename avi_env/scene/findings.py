"""What can be wrong with a scene: a finding with its place and remedy, refused (an error) or warned of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Issue", "SceneError", "SceneWarning", "place_text", "report"]


class SceneError(ValueError):
    """A scene that cannot be used as it is; the message names place and remedy."""


class SceneWarning(UserWarning):
    """A scene that can be used, but is probably not what its author meant; the message names place and remedy."""


@dataclass(frozen=True)
class Issue:
    """One finding about a scene."""

    kind: str
    """What is wrong in one word: "leak", "no_floor", ...; docs/scenes.md lists all."""
    message: str
    """What is wrong, where, and what to do."""
    place: tuple[float, float, float] | None = None
    """Where [m]."""
    severity: str = "error"
    """"error": the scene is refused; "warning": it is used all the same."""

    def __str__(self) -> str:
        return self.message


def report(issues: Iterable[Issue], stacklevel: int = 3) -> None:
    """Raises `SceneError` with all errors among the findings, if there are any; else warns of the rest.

    Python shows a warning once per place in the program and text: `warnings.filterwarnings("ignore",
    category=SceneWarning)` silences it, "error" makes it an exception.
    """
    found = tuple(issues)
    errors = [str(issue) for issue in found if issue.severity == "error"]
    if errors:
        # Wrong units come first: they may be why the rest is wrong.
        units = [str(issue) for issue in found if issue.kind == "scale" and issue.severity == "warning"]
        raise SceneError("; ".join(units + errors))
    for issue in found:
        warnings.warn(str(issue), SceneWarning, stacklevel=stacklevel)


def place_text(point: tuple[float, float, float]) -> str:
    """Returns a place as people read it."""
    return f"({point[0]:.2f}, {point[1]:.2f}, {point[2]:.2f}) m"
