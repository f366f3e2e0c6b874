"""An environment in which a scenario's events happen, and which notes what is true after every step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsFloat

import gymnasium as gym
import numpy.typing as npt

from avi_env.agents.protocol import Answer, SkillCall, SkillResult, Usage
from avi_env.scenario.expression import Expression, parse_expression
from avi_env.scenario.moment import AGENT, Moment
from avi_env.scenario.timeline import Due, Events, Timeline, Trigger
from avi_env.scenario.trace import EventRecord, Row, TraceDigest

if TYPE_CHECKING:
    from avi_env.agents.perception import Perception
    from avi_env.scenario.document import Event, Scenario
    from avi_env.scenario.stage import Stage

__all__ = ["Playing", "Timing", "WorldError"]

Observation = dict[str, npt.NDArray[Any]]

USER = "user"
"""The source whose voice agents know as their user's."""

_NOTHING_USED = Usage()
_UNDERSTOOD_DB = 0.0  # level of a voice over everything else at the ears from which its words are understood
_STOP = 0


class WorldError(Exception):
    """What went wrong was not the agent's doing."""


@dataclass
class Timing:
    """Processor time of a run [s]."""

    environment: float = 0.0
    """Of the environment's steps, of all threads."""
    agent: float = 0.0
    """Of whoever acts, between a tick and the next step, of all threads."""
    effects: float = 0.0
    """Of putting events into effect."""
    scenario: float = 0.0
    """Of the scenario's own work in the steps: triggers, the moment, expressions, the trace and its hash."""

    @property
    def overhead(self) -> float:
        """The scenario's own work as a share of what steps cost without it: environment and agent."""
        step = self.environment + self.agent
        return self.scenario / step if step > 0.0 else 0.0


@dataclass
class _Speech:
    """Words on their way to the agent."""

    speaker: str
    text: str
    begun: float
    understood: bool = False
    """Whether it has been louder at the ears than everything else."""


class Playing(gym.Wrapper[Observation, Any, Observation, Any]):
    """Plays a scenario's timeline before each step. Whoever acts calls `tick` after each observation.

    Args:
        stage: the house, reset before.
        scenario: with its parameters put in.
        expressions: what is evaluated at each tick.
        info: what the stage's reset told.
    """

    def __init__(
        self, stage: Stage, scenario: Scenario, expressions: Sequence[Expression], info: Mapping[str, Any]
    ) -> None:
        super().__init__(stage.env)
        self.stage, self.scenario, self.expressions = stage, scenario, tuple(expressions)
        self.info = info
        config = stage.env.config
        self.step_seconds: float = config.step_seconds
        self.limit = step_limit(scenario, config.step_seconds)
        """Actions after which the run is cut."""
        self.timeline = Timeline([self._trigger(event) for event in scenario.timeline])
        self.digest = TraceDigest(config.step_samples)
        self.timing = Timing()
        self.rows: list[Row] = []
        self.memos: list[Mapping[tuple[object, ...], Any]] = []
        """What predicates said, tick by tick."""
        self.events: list[EventRecord] = []
        self.said: tuple[tuple[float, str], ...] = ()
        self.calls: tuple[SkillCall, ...] = ()
        self.results: tuple[SkillResult, ...] = ()
        self.actions: list[int] = []
        self.answer: Answer | None = None
        self.usage: Callable[[], Usage] = lambda: _NOTHING_USED
        """What planning has cost so far."""
        self.watchers: list[Callable[[Moment], None]] = []
        """Called with each moment."""
        self.distances: list[float] = []
        """Length of the way to the task's goal, tick by tick [m]."""
        self.bumps: list[bool] = []
        """Whether the action before each tick met something."""
        self.terminated = False
        self.collisions = 0
        self.moment: Moment | None = None
        self._speeches: list[_Speech] = []
        self._left: float | None = None  # when the scenario or the environment was left [s of processor time]

    @property
    def over(self) -> bool:
        """Whether nothing more can be done."""
        return self.terminated or len(self.actions) >= self.limit

    @property
    def seconds(self) -> float:
        """Simulated time since the first observation [s]."""
        return round(len(self.actions) * self.step_seconds, 9)

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Lets happen what is due, and acts.

        Raises:
            WorldError: an event cannot be put into effect, or the environment failed.
        """
        self._count_agent()
        self._let_happen()
        began = time.process_time()
        try:
            result = self.env.step(action)
        except Exception as error:
            raise WorldError(f"the environment: {type(error).__name__}: {error}") from error
        self._left = time.process_time()
        self.timing.environment += self._left - began
        self.actions.append(int(action))
        self.info, self.terminated = result[4], bool(result[2])
        self.collisions += bool(self.info.get("collided", False))
        return result

    def tick(
        self,
        observation: Mapping[str, npt.NDArray[Any]],
        call: SkillCall | None = None,
        mind: Perception | None = None,
        said: Sequence[str] = (),
    ) -> Moment:
        """Notes what is true now.

        Args:
            observation: as the environment gave it.
            call: the skill that the action before belonged to.
            mind: what the agent knows.
            said: words that it has spoken since the tick before.

        Raises:
            WorldError: an expression cannot be evaluated.
        """
        if not self.actions:
            self._rehearse(observation)
        self._count_agent()
        began = time.thread_time()
        try:
            moment = self._moment(observation, call, mind, said)
            self._hear_speech(mind, moment)
            found = tuple(expression.evaluate(moment) for expression in self.expressions)
        except Exception as error:
            raise WorldError(f"the scenario at {self.seconds:g} s: {type(error).__name__}: {error}") from error
        readings = tuple((bool(holds), float(margin)) for holds, margin in found)
        x, y, z = moment.position.tolist()
        skill = call.to_text() if call is not None else ""
        row = Row(moment.t, (x, y, z), moment.yaw, moment.action, skill, readings)
        self.rows.append(row)
        self.memos.append(moment.memo)
        self.digest.add(observation)
        self.distances.append(float(self.info.get("distance_to_goal", math.inf)))
        self.bumps.append(moment.collided)
        self.moment = moment
        for watcher in self.watchers:
            watcher(moment)
        if self.actions:  # the first observation is the reset's
            self.timing.scenario += time.thread_time() - began
        self._left = time.process_time()
        return moment

    def _count_agent(self) -> None:
        """Counts the time since the scenario or the environment was left as the agent's."""
        if self._left is not None:
            self.timing.agent += time.process_time() - self._left

    def _rehearse(self, observation: Mapping[str, npt.NDArray[Any]]) -> None:
        """Asks everything once before the first step, so that no step waits for what is found out once: ways, maps."""
        moment = self._moment(observation, None, None, ())
        conditions = [parse_expression(event.when) for event in self.scenario.timeline if event.when is not None]
        for expression in (*self.expressions, *conditions):
            with contextlib.suppress(ValueError):  # what is not there yet is asked when its time has come
                expression.values(moment)

    def _moment(
        self,
        observation: Mapping[str, npt.NDArray[Any]],
        call: SkillCall | None,
        mind: Perception | None,
        said: Sequence[str],
    ) -> Moment:
        now, usage, truth = self.seconds, self.usage(), self.stage.truth
        if call is not None and (not self.calls or self.calls[-1] is not call):
            self.calls = (*self.calls, call)
        if said:
            self.said = (*self.said, *((now, words) for words in said))
        return Moment(
            t=now,
            step=len(self.actions),
            position=truth.place(AGENT),
            yaw=truth.yaw,
            truth=truth,
            observation=observation,
            action=self.actions[-1] if self.actions else None,
            call=call,
            calls=self.calls,
            results=self.results,
            said=self.said,
            answer=self.answer,
            stopped=self.terminated and bool(self.actions) and self.actions[-1] == _STOP,
            collided=bool(self.actions) and bool(self.info.get("collided", False)),
            collisions=self.collisions,
            path_length=float(self.info.get("path_length", 0.0)),
            llm_calls=usage.requests,
            tokens=usage.prompt_tokens + usage.completion_tokens,
            mind=mind,
            events=self.timeline.by(now),
        )

    def _let_happen(self) -> None:
        """Puts the events of the coming step into effect."""
        began = time.thread_time()
        now = self.seconds
        due = self.timeline.due(now, round((len(self.actions) + 1) * self.step_seconds, 9))
        decided = time.thread_time()
        self.timing.scenario += decided - began
        for one in due:
            self._put_into_effect(one)
        self.stage.advance()
        self.timing.effects += time.thread_time() - decided

    def _put_into_effect(self, due: Due) -> None:
        effect = self.scenario.timeline[due.number].effect
        try:
            applied = self.stage.apply(effect, due.seconds)
        except Exception as error:
            where = self.scenario.location(f"timeline[{due.number}]")
            at = f"{where}: " if where else ""
            raise WorldError(f"{at}event {due.id!r} ({effect.do}) at {due.seconds:g} s: {error}") from error
        place = None if applied.place is None else tuple(float(value) for value in applied.place)
        record = EventRecord(due.id, applied.what, due.seconds, place)  # type: ignore[arg-type]  # three numbers
        self.events.append(record)
        if effect.do == "speech.say":
            self._speeches.append(_Speech(effect.speaker, effect.text, due.seconds))

    def _hear_speech(self, mind: Perception | None, moment: Moment) -> None:
        """Gives the agent the words of voices that have just ended and that could be understood."""
        truth, going_on = self.stage.truth, []
        for speech in self._speeches:
            if moment.t <= speech.begun or truth.speaking(speech.speaker):
                if mind is not None and not speech.understood:  # levels cost time: they are asked no more than needed
                    over_noise = truth.level_db(speech.speaker) - truth.noise_db(speech.speaker)
                    speech.understood = over_noise >= _UNDERSTOOD_DB
                going_on.append(speech)
            elif mind is not None and speech.understood:
                seconds = max(moment.t - speech.begun, self.step_seconds)
                mind.hear_speech(speech.text, seconds=seconds, from_user=truth.canonical(speech.speaker) == USER)
        self._speeches = going_on

    def _trigger(self, event: Event) -> Trigger:
        """Returns what starts an event."""
        if event.when is None:
            return Trigger(event.id, event.at, None, event.after or "", event.delay, event.repeat)
        expression = parse_expression(event.when)

        def holds(events: Events) -> bool:
            moment = self.moment
            assert moment is not None, "events happen after the first observation"
            if events != moment.events:  # others have happened at this very tick
                moment = dataclasses.replace(moment, events=events, memo={})
            return expression.evaluate(moment).holds

        return Trigger(event.id, when=holds, delay=event.delay, repeat=event.repeat)


def step_limit(scenario: Scenario, step_seconds: float) -> int:
    """Returns how many actions a run may have, by its budgets of steps and of simulated time."""
    seconds = scenario.budgets.sim_seconds
    if seconds is None:
        return scenario.budgets.steps
    return max(1, min(scenario.budgets.steps, int(seconds / step_seconds + 1e-9)))
