"""What is true at one tick: the plain data and the lazy truth that expressions are evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # parsing a file's expressions loads neither the agents nor the sounds
    from avi_env.agents.perception import Perception
    from avi_env.agents.protocol import Answer, SkillCall, SkillResult

__all__ = ["AGENT", "EntityKind", "Moment", "Truth"]

AGENT = "agent"
"""Name of the agent among the entities."""

EntityKind = Literal["agent", "object", "room", "source", "door"]


class Truth(Protocol):
    """What the simulator knows at the present tick, asked by name.

    Names are those of the scenario file: "agent", objects, rooms, sources and doors, full ("kitchen_1") or short
    ("kitchen", where there is one only). They have been checked before the run: an unknown one raises ValueError.
    """

    def kind(self, name: str) -> EntityKind:
        """Returns what a name stands for."""
        ...

    def canonical(self, name: str) -> str:
        """Returns the full name of an entity: "kitchen" -> "kitchen_1"."""
        ...

    def place(self, name: str) -> npt.NDArray[np.float64]:
        """Returns where an entity is now [m], shape (3,), world frame; of a room its middle."""
        ...

    def geodesic_distance(self, start: str, end: str) -> float:
        """Returns the length of the shortest walk between two entities [m], inf if there is none."""
        ...

    def pixels(self, name: str, observation: Mapping[str, npt.NDArray[Any]]) -> int:
        """Returns how many pixels of the observation's picture show an entity."""
        ...

    def level_db(self, name: str) -> float:
        """Returns the level of an entity's sound at the agent's ears now [dB SPL], -inf if it is silent."""
        ...

    def noise_db(self, name: str) -> float:
        """Returns the level at the ears of everything but an entity's sound [dB SPL]: ambience and other sources."""
        ...

    def sounding(self, name: str) -> bool:
        """Whether an entity emits sound now."""
        ...

    def speaking(self, name: str) -> bool:
        """Whether an entity speaks now."""
        ...

    def room_at(self, position: npt.NDArray[np.floating[Any]]) -> str:
        """Returns the full name of the room at a position [m], shape (3,), world frame; "" = none."""
        ...

    def openness(self, door: str) -> float:
        """Returns how far a door is open, 0 (shut) to 1."""
        ...

    def lit(self, room: str) -> bool:
        """Whether a room's lamps are on."""
        ...

    def present(self, name: str) -> bool:
        """Whether an object is in the house now: it has appeared and was not removed."""
        ...


@dataclass(frozen=True)
class Moment:
    """One tick: the state after an environment step, or after the reset."""

    t: float
    """Simulated time since the start [s]."""
    step: int
    """Actions taken so far."""
    position: npt.NDArray[np.float64]
    """The agent's feet [m], shape (3,), world frame."""
    yaw: float
    """Where the agent looks [rad], world frame."""
    truth: Truth
    observation: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    """What the agent was given, as the environment gave it."""
    action: int | None = None
    """The action that led here, None after the reset."""
    call: SkillCall | None = None
    """The skill that action belongs to."""
    calls: tuple[SkillCall, ...] = ()
    """Every skill called so far, the present one included."""
    results: tuple[SkillResult, ...] = ()
    """What came of the finished ones."""
    said: tuple[tuple[float, str], ...] = ()
    """What the agent has said so far, its answer included: (time [s], text)."""
    answer: Answer | None = None
    """The final answer, once given."""
    stopped: bool = False
    """Whether the agent has ended the episode by its stop action."""
    collided: bool = False
    """Whether the last action met something."""
    collisions: int = 0
    """Actions so far that met something."""
    path_length: float = 0.0
    """Length walked so far [m]."""
    llm_calls: int = 0
    """Requests to a language model so far."""
    tokens: int = 0
    """Tokens of those requests and their replies."""
    mind: Perception | None = None
    """What the agent knows; None for agents without a perception to ask."""
    events: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Times at which each event of the timeline has happened [s]; an event yet to come is an empty tuple."""
    memo: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False, repr=False)
    """Values of predicates already asked at this tick, by predicate and arguments."""
