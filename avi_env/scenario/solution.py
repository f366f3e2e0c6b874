"""Carries out a scenario's solution: privileged, on the true grid, but with ordinary actions only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.protocol import Answer, SkillCall
from avi_env.navigation import ShortestPathFollower, on_floor, snap_place
from avi_env.scenario.expression import parse_expression
from avi_env.scenario.moment import AGENT, Moment
from avi_env.scenario.playing import Playing
from avi_env.scenario.solution_steps import GiveAnswer, GoTo, Say, SolutionStep, TurnTo, Wait, WaitUntil
from avi_env.tasks import goal_points

__all__ = ["SolutionError", "play_solution"]

_STOP, _LEFT, _RIGHT = 0, 2, 3
_AS_NEAR = 0.5  # [m] beyond `within`: where nobody can come nearer, this is near enough
_MOVED = 0.25  # [m] by which a target has moved when the way is planned anew


class SolutionError(ValueError):
    """A step of the solution cannot be carried out."""


def play_solution(playing: Playing, steps: tuple[SolutionStep, ...], observation: Any) -> str:
    """Carries out the steps one after the other; returns what ended the run: "stop", "answer", "budget" or "solution".

    Args:
        playing: the environment, reset before.
        steps: of the scenario's solution.
        observation: the first one.

    Raises:
        SolutionError: a step cannot be carried out; it names the step.
        WorldError: see `Playing`.
    """
    body = _Body(playing)
    playing.tick(observation)
    for number, step in enumerate(steps):
        call = SkillCall(next(iter(type(step).model_fields)), {k: str(v) for k, v in step.model_dump().items()})
        try:
            for action in body.actions_of(step):
                if playing.over:
                    break
                seen, *_ = playing.step(np.int64(action))
                playing.tick(seen, call, said=body.words())
        except SolutionError as error:
            where = playing.scenario.location(f"solution[{number}]")
            raise SolutionError(
                f"{where}{': ' if where else ''}solution[{number}] {call.to_text()}: {error}"
            ) from error
        if playing.over:
            break
    if playing.terminated:
        return "answer" if playing.answer is not None else "stop"
    return "budget" if playing.over else "solution"


class _Body:
    """The actions of the steps; each is asked for after the one before was carried out."""

    def __init__(self, playing: Playing) -> None:
        self.playing = playing
        self._words: list[str] = []
        self._last_turn = _RIGHT

    def words(self) -> tuple[str, ...]:
        """Returns what is said with the action that was just carried out."""
        words, self._words = tuple(self._words), []
        return words

    def actions_of(self, step: SolutionStep) -> Iterator[int]:
        """Yields the actions of a step."""
        if isinstance(step, GoTo):
            yield from self._go_to(step)
        elif isinstance(step, TurnTo):
            yield from self._face(step)
        elif isinstance(step, Wait):
            for _ in range(math.ceil(step.wait / self.playing.step_seconds - 1e-9)):
                yield self._sway()
        elif isinstance(step, WaitUntil):
            yield from self._wait_until(step)
        elif isinstance(step, Say):
            self._words.append(step.say)
            yield self._sway()
        else:
            if isinstance(step, GiveAnswer):
                self._words.append(step.answer)
                self.playing.answer = Answer(step.answer)
            yield _STOP

    def _sway(self) -> int:
        """A turn to one side, then back: the actions have no pause."""
        self._last_turn = _LEFT if self._last_turn == _RIGHT else _RIGHT
        return self._last_turn

    def _wait_until(self, step: WaitUntil) -> Iterator[int]:
        expression, begun = parse_expression(step.wait_until), self.playing.seconds
        while not expression.evaluate(self._moment).holds and self.playing.seconds - begun < step.timeout:
            yield self._sway()

    def _face(self, step: TurnTo) -> Iterator[int]:
        turn = math.radians(self.playing.stage.env.config.turn_deg)
        for _ in range(round(2.0 * math.pi / turn)):
            away = self._moment.truth.place(step.face) - self._moment.position
            error = math.remainder(math.atan2(-away[0], -away[2]) - self._moment.yaw, math.tau)
            if abs(error) <= 0.5 * turn + 1e-6:
                return
            yield _LEFT if error > 0.0 else _RIGHT

    def _go_to(self, step: GoTo) -> Iterator[int]:
        guide: _Guide | None = None
        while (distance := self._distance(step.go_to)) > step.within:
            if guide is None or guide.is_stale(step.go_to):
                guide = _Guide(self.playing, step.go_to)
            action = guide.next_action()
            if action == _STOP and distance <= step.within + _AS_NEAR:
                return
            if action == _STOP:
                raise SolutionError(f"no way leads nearer than {distance:.1f} m at {self.playing.seconds:g} s")
            yield action

    def _distance(self, name: str) -> float:
        return float(self._moment.truth.geodesic_distance(AGENT, name))

    @property
    def _moment(self) -> Moment:
        assert self.playing.moment is not None, "there was a first observation"
        return self.playing.moment


class _Guide:
    """The shortest way to where a thing is now, through the house as its doors stand now."""

    def __init__(self, playing: Playing, name: str) -> None:
        self._playing = playing
        self._scene = self._present_scene()
        self._place = self._target(name)
        config, batch = playing.stage.env.config, playing.stage.env.batch
        grid = batch.world.maker.walkable(self._scene)
        if playing.stage.truth.kind(name) == "room":
            at = snap_place(grid, self._place, island=0)
            points = on_floor(grid.layers[at.layer], at.xz)
        else:
            points = goal_points(self._scene, grid, self._place)
        self._follower = ShortestPathFollower(grid, points, config.forward, config.turn_deg)

    def is_stale(self, name: str) -> bool:
        """Whether the house or the thing has changed since."""
        moved = float(np.linalg.norm(self._target(name) - self._place))
        return moved > _MOVED or self._present_scene() is not self._scene

    def next_action(self) -> int:
        """Returns the next action; 0 = there, or no way."""
        state = self._playing.stage.env.batch.state
        return self._follower.next_action(state.position[0].cpu().numpy(), float(state.yaw[0]))

    def _target(self, name: str) -> npt.NDArray[np.float64]:
        return np.asarray(self._playing.stage.truth.place(name), dtype=np.float64)

    def _present_scene(self) -> Any:
        batch = self._playing.stage.env.batch
        return batch.world.scene(int(batch.state.scene_index[0]))
