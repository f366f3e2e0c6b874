"""What a scenario's file says, as frozen models: the one place where its fields, types, units and defaults are told.

How a file is read, with the line and column of all that is wrong in it, is in `reading`; what a sweep unfolds to is in
`cases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    Tag,
    field_validator,
    model_serializer,
    model_validator,
)

from avi_env.scenario.effects import Effect
from avi_env.scenario.located import Mark, Origin
from avi_env.scenario.parts import (
    Identifier,
    Name,
    Part,
    Positive,
    Seconds,
    Start,
    Switch,
    Text,
    Whole,
    fault,
    nearest,
)
from avi_env.scenario.solution_steps import SolutionStep
from avi_env.scenario.surroundings import Prop, World

__all__ = [
    "METRICS",
    "OPERATORS",
    "Agent",
    "Before",
    "Budgets",
    "Count",
    "Event",
    "Expectation",
    "Prop",
    "Repeat",
    "Scenario",
    "Task",
    "World",
]

METRICS = (
    "success",
    "rl_success",
    "spl",
    "soft_spl",
    "sna",
    "sws",
    "distance_to_goal",
    "normalized_distance_to_goal",
    "path_length",
    "collisions",
    "collisions_per_min",
    "steps",
    "sim_seconds",
    "skill_calls",
    "llm_calls",
    "tokens",
    "invalid_replies",
    "answer_right",
)
"""What can be asked for under `metrics:`."""

OPERATORS = ("eventually", "always", "never", "before", "count")
"""What an expectation can say; each has exactly one of them."""

TRIGGERS = ("id", "at", "when", "after", "delay", "repeat")
"""Fields of an event that say when it happens; the others belong to what happens."""


class Agent(Part):
    """Who is tested."""

    planner: Name = "rules"
    """An agent of agents/ or the path of one."""
    policy: Text = ""
    """What its skills are carried out by, as `avi run --skills` has it; "" = as the agent says."""
    start: Start | None = None
    """Where it begins; without it, drawn from the seed."""


class Task(Part):
    """What the agent is told to do."""

    type: Literal["av_nav", "question", "free"] = "av_nav"
    """av_nav = go somewhere, question = find an answer, free = only the expectations count."""
    instruction: Annotated[Text, Field(min_length=1)]
    """What the agent is told."""
    goal: Name | None = None
    """What the environment's own measures (spl and others) refer to; without it, the first source of the timeline."""
    target: Name | None = None
    """Class of sound that agents are told which choose every step's action."""
    answers: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Answers that are right."""


class Event(Part):
    """Something that happens, and when."""

    id: Identifier = ""
    """Its name; without it, "event_1" for the first of the timeline and so on."""
    at: Seconds | None = None
    """Time since the beginning [s]."""
    when: Name | None = None
    """An expression: it happens when this becomes true."""
    after: Identifier | None = None
    """An event: it happens after that one."""
    delay: Seconds = 0.0
    """How long after its trigger [s]."""
    repeat: Switch = False
    """Whether it happens each time that its trigger does, or only the first time."""
    effect: Effect
    """What happens. In a file, its fields stand beside those of the event."""

    @model_validator(mode="before")
    @classmethod
    def _part_effect(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or isinstance(data.get("effect"), Part):
            return data
        triggers = {name: value for name, value in data.items() if name in TRIGGERS}
        return {**triggers, "effect": {name: value for name, value in data.items() if name not in TRIGGERS}}

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        if sum(trigger is not None for trigger in (self.at, self.when, self.after)) != 1:
            raise fault("an event has exactly one of at, when and after")
        return self

    @model_serializer(mode="wrap")
    def _flat(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        effect = fields.pop("effect")
        return {**fields, "do": self.effect.do, **effect}


class Before(Part):
    """One thing comes before another. Each is an event, an expectation or an expression."""

    first: Name
    second: Name


class Count(Part):
    """Something comes about so many times."""

    of: Name
    """An event, or an expression: then its rising edges are counted."""
    at_least: Whole | None = None
    at_most: Whole | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise fault("count needs at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise fault(f"at_least {self.at_least} is more than at_most {self.at_most}")
        return self


class Expectation(Part):
    """What must come about, or must not."""

    id: Identifier = ""
    """Its name; without it, "expect_1" for the first of the list and so on."""
    eventually: Name | None = None
    """An expression that must be true at some time."""
    always: Name | None = None
    """An expression that must be true all the time."""
    never: Name | None = None
    """An expression that must never be true."""
    before: Before | None = None
    """Two things that must come about in this order."""
    count: Count | None = None
    """How often something must come about."""
    within: Positive | None = None
    """Length of the window [s]; without it, up to `until` or to the end."""
    after: Name | None = None
    """Beginning of the window: an event, an expectation or an expression; without it, the beginning of the run."""
    until: Name | None = None
    """End of the window, of the same kinds."""
    hold_for: Positive | None = None
    """How long the expression of `eventually` must be true without a break [s]."""
    severity: Literal["error", "warn"] = "error"
    """Whether a breach fails the scenario."""
    because: Text = ""
    """Told with a breach."""

    @model_validator(mode="after")
    def _one_operator(self) -> Self:
        if sum(getattr(self, name) is not None for name in OPERATORS) != 1:
            raise fault(f"an expectation has exactly one of {', '.join(OPERATORS)}")
        if self.hold_for is not None and self.eventually is None:
            raise fault("hold_for belongs to eventually: always and never hold all the time by themselves")
        return self

    @property
    def operator(self) -> str:
        """Which of `OPERATORS` it has."""
        return next(name for name in OPERATORS if getattr(self, name) is not None)


class Budgets(Part):
    """What a run may cost at most; null = as much as it likes."""

    steps: Annotated[int, Field(strict=True, ge=1, le=10**7)] = 500
    """Actions."""
    llm_calls: Whole | None = 40
    """Requests to a language model."""
    tokens: Whole | None = None
    """Of a language model, read and written."""
    sim_seconds: Positive | None = None
    """Time in the house [s]."""


class Repeat(Part):
    """How often a case is run, each time with another seed, and how often it must pass."""

    n: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    """Runs."""
    needed: Annotated[
        Annotated[Literal["all"], Tag("word")] | Annotated[int, Field(strict=True, ge=1), Tag("number")],
        Discriminator(lambda value: "word" if isinstance(value, str) else "number"),
    ] = Field(default="all", alias="pass")
    """How many of them must pass: "all", or a number."""

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        if isinstance(self.needed, int) and self.needed > self.n:
            raise fault(f"{self.needed} of {self.n} runs cannot pass")
        return self

    @property
    def passes_needed(self) -> int:
        """How many runs must pass."""
        return self.n if self.needed == "all" else self.needed


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Scenario(Part):
    """A scripted test of an agent: a house, what happens in it, and what must come of it."""

    version: Literal[1] = Field(alias="schema")
    """Version of the format."""
    name: Annotated[str, Field(strict=True, pattern=r"^[a-z0-9_]+$", max_length=80)]
    """Small letters, digits and underscores."""
    summary: Text = ""
    """One line."""
    tags: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()
    """Words to choose scenarios by; markers under pytest."""
    world: World
    agent: Agent = Agent()
    task: Task
    timeline: Annotated[tuple[Event, ...], Field(strict=False, max_length=500)] = ()
    """What happens."""
    expect: Annotated[tuple[Expectation, ...], Field(strict=False, min_length=1, max_length=500)]
    """What must come of it."""
    budgets: Budgets = Budgets()
    repeat: Repeat = Repeat()
    metrics: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Numbers to show, of `METRICS`."""
    solution: Annotated[tuple[SolutionStep, ...], Field(strict=False, max_length=500)] = ()
    """Steps of an agent that knows everything, which prove that the scenario can be passed."""
    expect_fail: Annotated[tuple[Name, ...], Field(strict=False), BeforeValidator(_listed)] = Field(
        default=(), validation_alias=AliasChoices("expect_fail", "xfail_baseline")
    )
    """Agents that must not pass: they prove that the scenario is not trivial."""
    _origin: Origin = PrivateAttr(default_factory=Origin)

    @field_validator("timeline")
    @classmethod
    def _name_events(cls, events: tuple[Event, ...]) -> tuple[Event, ...]:
        return tuple(e if e.id else e.model_copy(update={"id": f"event_{k}"}) for k, e in enumerate(events, 1))

    @field_validator("expect")
    @classmethod
    def _name_expectations(cls, given: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
        return tuple(e if e.id else e.model_copy(update={"id": f"expect_{k}"}) for k, e in enumerate(given, 1))

    @field_validator("metrics")
    @classmethod
    def _known_metrics(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in METRICS:
                raise fault(f"unknown metric {name!r}.{nearest(name, METRICS)} Known: {', '.join(METRICS)}.")
        return names

    @property
    def origin(self) -> Origin:
        """Where it was read from."""
        return self._origin

    @property
    def path(self) -> str:
        """The file that it was read from, or what else; "" = it was made from models."""
        return self._origin.tree.path

    @property
    def folder(self) -> Path:
        """The folder that relative paths in it refer to."""
        path = Path(self.path)
        return path.parent if self.path and path.is_file() else Path()

    def mark(self, where: str) -> Mark:
        """Returns line and column of a place such as "timeline[2].source", (0, 0) without a file."""
        return self._origin.tree.mark(where)

    def location(self, where: str = "") -> str:
        """Returns "file:line:column" of a place, to be told with what went wrong there."""
        line, column = self.mark(where)
        return f"{self.path}:{line}:{column}" if line else self.path

    def kind_of(self, text: str) -> Literal["event", "expectation", "expression"]:
        """Returns what the text of an `after`, `until`, `before` or `count` refers to."""
        if text in {event.id for event in self.timeline}:
            return "event"
        return "expectation" if text in {one.id for one in self.expect} else "expression"
