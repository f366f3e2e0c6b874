"""Where planners get their language models from when it is not the endpoint or the file itself: recorded replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from avi_env.agents.protocol import Usage

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from avi_env.agents.chat_endpoint import ChatSettings

__all__ = ["ModelSource", "ScoringModel"]


class ScoringModel(Protocol):
    """A language model that says how likely each of a few continuations of a text is; see `EmbeddedModel`."""

    @property
    def name(self) -> str:
        """Name that is printed and logged."""
        ...

    @property
    def usage(self) -> Usage:
        """What it has cost since it was made."""
        ...

    def read(self, text: str, slot: int = 0) -> None:
        """Reads a text that the next prompts begin with."""
        ...

    def scores(self, text: str, continuations: Sequence[str], slot: int = 0) -> dict[str, float]:
        """Returns the natural log-probability of each continuation of a text."""
        ...


class ModelSource(Protocol):
    """Stands between a planner and its model; `make` makes the model that the planner would ask without it."""

    def chat_model(self, settings: ChatSettings, make: Callable[[], Model]) -> Model:
        """Returns what a chat planner asks."""
        ...

    def scoring_model(self, make: Callable[[], ScoringModel]) -> ScoringModel:
        """Returns what a scoring planner asks."""
        ...
