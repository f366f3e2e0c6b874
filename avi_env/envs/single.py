"""The single environment: a thin Gymnasium shell over a batch of one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from avi_env.envs.batch import EnvBatch, measures
from avi_env.envs.config import EnvConfig
from avi_env.envs.spaces import action_space, observation_space
from avi_env.scene import Scene
from avi_env.tasks import Episode
from avi_env.tasks.transition import FLAGS, NUMBERS

__all__ = ["AviEnv"]

_REWARD, _TERMINATED = NUMBERS.index("reward"), FLAGS.index("terminated")

Observation = dict[str, npt.NDArray[Any]]


class AviEnv(gym.Env[Observation, Any]):
    """One environment of any task; each task's page in `docs/tasks/` says what it is about.

    Observations: a dictionary of the sensors named in `sensors` (`docs/environment.md`). Actions: 0 stop, 1 forward,
    2 left, 3 right; some tasks add to them. `reset(options={"episode": Episode})` plays a given episode again.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012  (the base class declares it so)

    def __init__(self, render_mode: str | None = None, **keywords: Any) -> None:
        config = EnvConfig.from_keywords(keywords)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        if config.output != "numpy":
            raise ValueError("a single environment returns numpy arrays; output='torch' is for gym.make_vec")
        self.config = config
        self.render_mode = render_mode
        self.observation_space = observation_space(config)  # type: ignore[assignment]
        self.action_space = action_space(config)
        self.batch = EnvBatch(config, num_envs=1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode: the next one, or the first of a new seed, or the one given as options["episode"]."""
        super().reset(seed=seed)
        if seed is not None or self.batch.seeds[0] is None:
            self.batch.seed([int(self.np_random.integers(2**62)) if seed is None else seed])
        episode = (options or {}).get("episode")
        self.batch.reset([0], {0: episode} if episode is not None else {})
        return self._observation(), {**self._info(), **self.batch.asked(0)}

    def announce(self, episode: Episode) -> None:
        """Lets an episode be made ready in the background that a later reset will be given as options["episode"]."""
        self.batch.seats.announce(episode)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Acts for one step of simulated time."""
        given = np.asarray(action, dtype=np.int64)
        if not self.action_space.contains(given if given.ndim else given[()]):
            raise ValueError(f"action {action!r} is not one of {self._actions}")
        step = self.batch.step(given[None])
        return (
            self._observation(),
            float(step.numbers[_REWARD, 0]),
            bool(step.flags[_TERMINATED, 0]),
            False,
            self._info(),
        )

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Returns what the agent sees, at 512 x 512 with shadows, as an array (h, w, 3)."""
        return None if self.render_mode is None else self.batch.picture(0, 512)

    def close(self) -> None:
        """Frees the device tables."""
        self.batch.close()

    @property
    def _actions(self) -> str:
        """The actions, in words."""
        if isinstance(self.action_space, gym.spaces.MultiDiscrete):
            return f"(move, azimuth, distance, class) below {self.action_space.nvec.tolist()}"
        options = ", 4 ... the options" if self.config.played.answers == "options" else ""
        return f"0 stop, 1 forward, 2 left, 3 right{options}"

    @property
    def episode(self) -> Episode:
        """The episode being played: privileged, for measures and replays, not for agents."""
        return self.batch.episodes[0]

    @property
    def scene(self) -> Scene:
        """The scene being played in, its doors as they are without any event: privileged."""
        return self.batch.scene(0)

    @property
    def semantic_categories(self) -> tuple[str, ...]:
        """Category of each object id in the semantic image of the present scene."""
        return self.batch.semantic_categories(0)

    def _observation(self) -> Observation:
        return {name: value[0].cpu().numpy().copy() for name, value in self.batch.observe().items()}

    def _info(self) -> dict[str, Any]:
        columns = self.batch.tables.columns
        numbers, flags = columns.numbers[:, 0].tolist(), columns.flags[:, 0].tolist()
        return measures(numbers, flags, self.config.played.answers)
