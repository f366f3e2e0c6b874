"""Several episodes of an evaluation at a time in one vector environment; each record is that of its episode alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from avi_env.agents.load import load_agent
from avi_env.agents.step_agent import BatchAgent, StepAgent
from avi_env.bench.evaluate_episode import EpisodePlayer
from avi_env.bench.evaluate_measures import Moment, further_measures
from avi_env.bench.evaluate_plan import EvaluationPlan, Job
from avi_env.bench.evaluate_track import (
    AgentError,
    Observation,
    Track,
    asked_action,
    check_action,
    episode_briefing,
    error_record,
    evaluation_keywords,
    record_head,
    reset_agent,
    track_record,
    wanted_sensors,
    withheld,
)
from avi_env.envs.config import EnvConfig
from avi_env.envs.vector import AviVectorEnv

__all__ = ["BatchPlayer"]

_LEFT = 2  # what rows without an episode do


class _TogetherError(Exception):
    """Something went wrong that may be the fault of any of the episodes that are played."""


@dataclass
class _Playing:
    """An episode that is played in a row of the environment."""

    job: Job
    started: float
    """[s] of the process's clock."""
    track: Track = field(default_factory=Track)


class BatchPlayer:
    """Plays episodes of a plan, so many at a time, with a step agent in each row, or one that acts in all rows.

    If the environment fails, or an agent that acts in all rows, nobody knows whose fault it was: the episodes that were
    being played are played again, each alone, so that only one of them is lost.
    """

    def __init__(self, plan: EvaluationPlan, count: int) -> None:
        """Loads the agents.

        Args:
            plan: what decides the records.
            count: episodes at a time.

        Raises:
            ValueError: the agent is a planner.
        """
        self.plan, self.count = plan, count
        first = load_agent(plan.agent, **plan.settings)
        if not isinstance(first, StepAgent):
            raise ValueError(f"{first.name!r} is a planner, which plays one episode at a time: leave --batch out")
        self.agent: StepAgent = first
        self._together = first if isinstance(first, BatchAgent) and not first.privileged else None
        self._each: list[Any] = [first] if self._together is None else []
        while 0 < len(self._each) < count:
            self._each.append(load_agent(plan.agent, **plan.settings))
        self._offered = EnvConfig.from_keywords({"task": plan.task, **plan.environment}).sensors
        self._env: AviVectorEnv | None = None
        self._alone: EpisodePlayer | None = None
        self._rows: dict[int, _Playing] = {}
        self._next: deque[Job] = deque()
        self._seen: Observation = {}

    @property
    def name(self) -> str:
        """Name of the agent."""
        return self.agent.name

    def play(self, more: Callable[[bool], Job | None]) -> Iterator[dict[str, Any]]:
        """Yields the records of episodes as they end.

        Args:
            more: gives the next one. Called with True it may wait for one, and None is the end; called with False it
                must not wait, and None means that there is none yet.
        """
        while True:
            arrived = self._arrivals(more)
            if not arrived and not self._rows:
                return
            now = time.perf_counter()
            self._rows |= {row: _Playing(job, now) for row, job in arrived.items()}
            try:
                self._reset(list(arrived))
                yield from self._brief(list(arrived))
                yield from self._step()
            except _TogetherError:
                jobs = [playing.job for playing in self._rows.values()]
                self._rows.clear()
                self._close_env()
                yield from map(self._play_alone, jobs)

    def close(self) -> None:
        """Lets go of the environments."""
        self._close_env()
        if self._alone is not None:
            self._alone.close()
            self._alone = None

    def _arrivals(self, more: Callable[[bool], Job | None]) -> dict[int, Job]:
        """Returns episodes for the rows that have none; one more is made ready in the meantime."""
        found: dict[int, Job] = {}
        for row in (row for row in range(self.count) if row not in self._rows):
            job = self._next.popleft() if self._next else more(not self._rows and not found)
            if job is None:
                break
            found[row] = job
        following = more(False) if self._rows and not self._next else None
        if following is not None:
            self._next.append(following)
            if self._env is not None:
                self._env.batch.seats.announce(following.episode)
        return found

    def _reset(self, arrived: list[int]) -> None:
        """Begins episodes in the environment; rows that have none and stand still begin any, so that it can go on.

        Raises:
            _TogetherError: it cannot.
        """
        idle = [row for row in range(self.count) if row not in self._rows]
        still = idle if self._env is None else [row for row in idle if self._env.batch.ended[row]]
        if not (arrived or still):
            return
        any_job = next(iter(self._rows.values())).job
        jobs = {row: self._rows[row].job if row in self._rows else any_job for row in (*arrived, *still)}
        rows = range(self.count)
        try:
            options = {
                "episode": [jobs[row].episode if row in jobs else None for row in rows],
                "reset_mask": np.array([row in jobs for row in rows]),
            }
            seeds = [jobs[row].drawn(self.plan) if row in jobs else None for row in rows]
            observation, info = self._environment(any_job).reset(seed=seeds, options=options)
        except Exception as error:
            raise _TogetherError from error
        told = self._told(observation, info)
        for row in arrived:
            self._rows[row].track.begin(*told[row])

    def _brief(self, arrived: list[int]) -> Iterator[dict[str, Any]]:
        """Begins the episodes of agents; yields the records of those that could not.

        Raises:
            _TogetherError: an agent that acts in all rows raised.
        """
        jobs = [self._rows[row].job for row in arrived]
        config, space = self._the_env.config, self._the_env.single_action_space
        briefings = [episode_briefing(self.plan, config, space, self._offered, job.episode) for job in jobs]
        seeds = [job.drawn(self.plan) for job in jobs]
        if self._together is not None and arrived:
            try:
                self._together.reset_rows(arrived, self.count, briefings, seeds)
            except Exception as error:
                raise _TogetherError from error
        elif self._together is None:
            for row, briefing, seed in zip(arrived, briefings, seeds, strict=True):
                try:
                    reset_agent(self._each[row], self._the_env, row, briefing, seed)
                except AgentError as error:
                    yield self._failed(row, error)

    def _step(self) -> Iterator[dict[str, Any]]:
        """Acts once in every row; yields the records of the episodes that end.

        Raises:
            _TogetherError: the environment, or an agent that acts in all rows, raised.
        """
        env = self._the_env
        said: Mapping[int, Any] = self._said_together() if self._together is not None else {}
        chosen: dict[int, Any] = {}
        for row in list(self._rows):
            try:
                action = said[row] if row in said else asked_action(self._each[row], self._view(row))
                check_action(env.single_action_space, action)
                chosen[row] = action
            except AgentError as error:
                yield self._failed(row, error)
        if not chosen:
            return
        try:
            observation, reward, terminated, _, info = env.step(self._table(env.single_action_space, chosen))
        except Exception as error:
            raise _TogetherError from error
        told = self._told(observation, info)
        for row, action in chosen.items():
            track = self._rows[row].track
            track.step(action, float(reward[row]), bool(terminated[row]), *told[row])
            if track.terminated or len(track.actions) >= self.plan.steps:
                yield self._finished(row)

    def _said_together(self) -> dict[int, Any]:
        """Returns what an agent does that acts in all rows.

        Raises:
            _TogetherError: it raised, or said another number of actions.
        """
        assert self._together is not None, "there is one"
        rows = list(self._rows)
        try:
            return dict(zip(rows, self._together.act_rows(self._seen, rows), strict=True))
        except Exception as error:
            raise _TogetherError from error

    def _view(self, row: int) -> Observation:
        return {name: values[row] for name, values in self._seen.items()}

    def _table(self, space: gym.Space[Any], chosen: Mapping[int, Any]) -> npt.NDArray[np.int64]:
        """Returns the actions of all rows."""
        table = np.zeros((self.count, *(space.shape or ())), dtype=np.int64)
        moves = table[..., 0] if space.shape else table
        moves[:] = _LEFT
        for row, action in chosen.items():
            table[row] = action
        return table

    def _told(self, observation: Observation, info: Mapping[str, Any]) -> list[tuple[dict[str, Any], Moment]]:
        """Keeps an observation for the agents; returns info and place of each row."""
        self._seen = withheld(observation, self.plan)
        told = {name: values.tolist() for name, values in info.items() if not name.startswith("_")}
        state = self._the_env.batch.state
        places = zip(state.position.tolist(), state.yaw.tolist(), strict=True)
        return [
            (
                {name: values[row] for name, values in told.items()},
                Moment((x, y, z), yaw, told["distance_to_goal"][row], bool(told["collided"][row])),
            )
            for row, ((x, y, z), yaw) in enumerate(places)
        ]

    def _finished(self, row: int) -> dict[str, Any]:
        """Returns the record of an episode that has ended."""
        playing, env = self._rows[row], self._the_env
        track, job = playing.track, playing.job
        record = {**track_record(track), "ended": "agent" if track.terminated else "steps"}
        try:
            further = further_measures(env.config, job.episode, env.batch.scene(row), track.way, track.actions)
        except Exception as error:
            return self._failed(row, error)
        record["measures"] |= further
        return self._ended(row, record)

    def _failed(self, row: int, error: Exception) -> dict[str, Any]:
        """Returns the record of an episode that has ended with an error."""
        playing = self._rows[row]
        return self._ended(row, error_record(playing.job, self.agent.name, playing.track, error))

    def _ended(self, row: int, played: Mapping[str, Any]) -> dict[str, Any]:
        playing = self._rows.pop(row)
        head = record_head(self.plan, playing.job, self.agent.name)
        return {**head, **played, "seconds": round(time.perf_counter() - playing.started, 3)}

    def _play_alone(self, job: Job) -> dict[str, Any]:
        if self._alone is None:
            self._alone = EpisodePlayer(self.plan)
        return self._alone.play(job)

    @property
    def _the_env(self) -> AviVectorEnv:
        assert self._env is not None, "it was made with the first episodes"
        return self._env

    def _environment(self, job: Job) -> AviVectorEnv:
        """Returns the environment, made with the first episodes that are played."""
        if self._env is None:
            sensors = wanted_sensors(self.agent, self._offered)
            # A scene for each row, and the one that is made ready.
            keywords = evaluation_keywords(self.plan, job.episode, sensors, self.count + 1)
            self._env = AviVectorEnv(self.count, 0, autoreset="disabled", **keywords)
        return self._env

    def _close_env(self) -> None:
        if self._env is not None:
            self._env.close()
            self._env = None
