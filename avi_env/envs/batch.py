"""The batched core behind both Gymnasium shells: step and observe, one line a stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.spectrogram import spectrogram
from avi_env.envs.config import EnvConfig
from avi_env.envs.happenings import follow_sources, turn_doors
from avi_env.envs.hearing import begin_sound, hear
from avi_env.envs.spaces import AUDIO_LIMIT
from avi_env.envs.world import World
from avi_env.navigation import move
from avi_env.sounds import class_of_sound
from avi_env.state import State
from avi_env.tasks import AudioNavTask, Episode, Outcome, evaluate, sna, soft_spl, spl
from avi_env.vision import Camera, render_views

__all__ = ["EnvBatch"]

_IMAGES = ("rgb", "depth", "semantic")


class EnvBatch:
    """N environments: a world, a state, and the episodes being played."""

    def __init__(self, config: EnvConfig, num_envs: int) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self.config = config
        self.num_envs = num_envs
        self.world = World(config, num_envs)
        self.task = AudioNavTask(success_distance=config.success_distance)
        self.camera = Camera(config.width, config.height, config.hfov)
        self.seeds: list[int | None] = [None] * num_envs
        self.episodes: list[Episode] = []
        self._index = [0] * num_envs
        self._clock = np.zeros(num_envs, dtype=np.int64)  # the state's, kept here too: doors must not wait for a device
        self._state: State | None = None

    @property
    def state(self) -> State:
        """The present state.

        Raises:
            RuntimeError: before the first reset.
        """
        if self._state is None:
            raise RuntimeError("call reset() before the first step")
        return self._state

    def seed(self, seeds: Sequence[int | None]) -> None:
        """Gives each row a seed and starts its episodes anew; None leaves a row's stream as it is."""
        if len(seeds) != self.num_envs:
            raise ValueError(f"{self.num_envs} environments need {self.num_envs} seeds, got {len(seeds)}")
        for row, seed in enumerate(seeds):
            if seed is not None:
                self.seeds[row], self._index[row] = seed, 0

    def reset(self, rows: list[int], given: Mapping[int, Episode]) -> None:
        """Begins the next episode in some rows, or a given one."""
        if self._state is None and len(rows) != self.num_envs:
            raise RuntimeError("the first reset must reset every environment")
        episodes = {row: given[row] if row in given else self._next_episode(row) for row in rows}
        self.episodes = [episodes.get(row) or self.episodes[row] for row in range(self.num_envs)]
        if not rows:
            return
        self._clock[rows] = 0
        index = torch.tensor(rows, device=self.world.bank.device)
        fresh = begin_sound(self.world, self._first_state(index, [episodes[row] for row in rows]), index)
        self._state = fresh if self._state is None else merged(self._state, fresh, index)

    def step(self, actions: Any, ignore: npt.NDArray[np.bool_] | None = None) -> Outcome:
        """Turns doors, moves, measures, listens. Rows to be ignored stay where they are, unrewarded."""
        self._clock += 1
        state = follow_sources(self.world, turn_doors(self.world, self.state, self._seconds), self._seconds)
        action = self._actions(actions)
        idle = torch.as_tensor(np.zeros(self.num_envs, bool) if ignore is None else ignore, device=action.device)
        forward = self.config.forward * ((action == 1) & ~idle)
        turn = math.radians(self.config.turn_deg) * ((action == 2).float() - (action == 3).float()) * ~idle
        motion = move(self.world.grids, state.scene_index, state.position, state.yaw, forward.float(), turn)
        distance = self.world.grids.lookup(self.world.goals.fields, state.home_index, motion.position)
        outcome = evaluate((action == 0) & ~idle, distance, state.distance, self.task)
        moved = replace(
            state,
            position=motion.position,
            yaw=motion.yaw,
            collided=motion.collided,
            path_length=state.path_length + torch.linalg.vector_norm(motion.position - state.position, dim=1),
            distance=distance,
            success=outcome.success,
            step_count=state.step_count + (~idle).long(),
            clock=state.clock + 1,
        )
        self._state = hear(self.world, moved)
        return outcome._replace(reward=outcome.reward * ~idle)

    def observe(self) -> dict[str, torch.Tensor]:
        """Returns the observations of the sensors that are on, each with leading dimension N."""
        state, config = self.state, self.config
        eye = state.position + torch.tensor([0.0, config.eye_height, 0.0], device=state.position.device)
        images = tuple(name for name in _IMAGES if name in config.sensors)
        seen: dict[str, torch.Tensor] = {}
        if images:
            seen = render_views(
                self.world.bank, state.scene_index, eye, state.yaw, self.camera, images, quality=config.quality
            )
        if "depth" in seen:
            seen["depth"] = seen["depth"].clamp(max=config.depth_max)
        if "audio" in config.sensors:
            seen["audio"] = state.audio.clamp(-AUDIO_LIMIT, AUDIO_LIMIT)
        if "spectrogram" in config.sensors:
            seen["spectrogram"] = spectrogram(state.audio.clamp(-AUDIO_LIMIT, AUDIO_LIMIT), config.sample_rate)
        if "pose" in config.sensors:
            seen["pose"] = pose_from_start(state)
        if "goal" in config.sensors:
            seen["goal"] = goal_from_agent(state)
        if "target" in config.sensors:
            seen["target"] = state.target
        return {name: seen[name] for name in config.sensors_in_order}

    def info(self) -> dict[str, torch.Tensor]:
        """Returns the measures of every row so far, shape (N,)."""
        state = self.state
        return {
            "success": state.success,
            "spl": spl(state.success, state.start_distance, state.path_length),
            "soft_spl": soft_spl(state.distance, state.start_distance, state.path_length),
            "sna": sna(state.success, state.oracle_actions, state.step_count),
            "distance_to_goal": state.distance,
            "path_length": state.path_length,
            "collided": state.collided,
        }

    def semantic_categories(self, row: int) -> tuple[str, ...]:
        """Category of each object id in the scene of a row."""
        return tuple(obj.category for obj in self.world.scene(int(self.state.scene_index[row])).objects)

    def picture(self, row: int, size: int) -> npt.NDArray[np.uint8]:
        """Returns what the agent of a row sees, with shadows, shape (size, size, 3)."""
        state = self.state
        eye = state.position[row : row + 1] + torch.tensor(
            [0.0, self.config.eye_height, 0.0], device=state.position.device
        )
        camera = Camera(size, size, self.config.hfov)
        scene, yaw = state.scene_index[row : row + 1], state.yaw[row : row + 1]
        view = render_views(self.world.bank, scene, eye, yaw, camera, ("rgb",), quality="shadows")
        picture: npt.NDArray[np.uint8] = view["rgb"][0].cpu().numpy()
        return picture

    def close(self) -> None:
        """Lets go of the device tables."""
        self._state = None

    @property
    def _seconds(self) -> npt.NDArray[np.float64]:
        """Time of each row since its first observation [s], shape (N,)."""
        return np.asarray(self._clock * self.config.step_seconds, dtype=np.float64)

    def _next_episode(self, row: int) -> Episode:
        seed = self.seeds[row]
        assert seed is not None, "the shells seed before they reset"
        episode = self.world.draw_episode(seed, self._index[row])
        self._index[row] += 1
        return episode

    def _actions(self, actions: Any) -> torch.Tensor:
        action = torch.as_tensor(actions, device=self.world.bank.device).long()
        if action.shape != (self.num_envs,):
            raise ValueError(f"actions must have shape ({self.num_envs},), not {tuple(action.shape)}")
        return action

    def _first_state(self, rows: torch.Tensor, episodes: list[Episode]) -> State:
        """Returns the state of some rows at the start of their episodes, before any sound."""
        slots = [self.world.begin(row, episode) for row, episode in zip(rows.tolist(), episodes, strict=True)]
        device = self.world.bank.device

        def column(values: list[Any], dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        count = len(rows)
        position, yaw = column([e.start_position for e in episodes]), column([e.start_yaw for e in episodes])
        yaw = torch.atan2(torch.sin(yaw), torch.cos(yaw))
        scene_index, home = column([s for s, _ in slots], torch.int32), column([h for _, h in slots], torch.int32)
        distance = self.world.grids.lookup(self.world.goals.fields[rows], home, position)
        # A goal that walks is first met elsewhere than where it is now.
        walks = column([bool(e.source_walk) for e in episodes], torch.bool)
        meeting = column([e.geodesic_distance for e in episodes])
        nothing, zero = torch.zeros(count, dtype=torch.bool, device=device), column([0] * count, torch.int64)
        return State(
            scene_index=scene_index,
            home_index=home,
            position=position,
            yaw=yaw,
            start_position=position,
            start_yaw=yaw,
            source=column([source_places(e, self.config.distractors) for e in episodes]),
            target=column(
                [[float(name == class_of_sound(e.sound)) for name in self.config.target_classes] for e in episodes]
            ),
            goal=column([e.goal_position for e in episodes]),
            distance=distance,
            start_distance=torch.where(walks, meeting, distance),
            path_length=torch.zeros(count, device=device),
            oracle_actions=column([e.oracle_actions for e in episodes], torch.int64),
            step_count=zero,
            clock=zero,
            collided=nothing,
            success=nothing,
            stream=self.world.soundscape.start(rows),
            audio=torch.zeros(count, self.config.channels, self.config.window_samples, device=device),
        )


def source_places(episode: Episode, distractors: int) -> list[tuple[float, float, float]]:
    """Returns where the goal and the distractors are at first [m]; missing distractors are where the goal is."""
    places = [episode.source_position, *(other.position for other in episode.distractors)]
    return places + [episode.source_position] * (1 + distractors - len(places))


def merged(state: State, fresh: State, index: torch.Tensor) -> State:
    """Returns the state with some rows replaced."""

    def put(old: Any, new: Any) -> Any:
        if isinstance(old, torch.Tensor):
            whole = old.clone()
            whole[index] = new
            return whole
        return type(old)(*(put(a, b) for a, b in zip(old, new, strict=True)))

    return State(**{f.name: put(getattr(state, f.name), getattr(fresh, f.name)) for f in fields(State)})


def pose_from_start(state: State) -> torch.Tensor:
    """Returns (x, y, z, yaw) in the episode's start frame, shape (N, 4): the start is the origin and looks along -Z."""
    shift = state.position - state.start_position
    cosine, sine = torch.cos(state.start_yaw), torch.sin(state.start_yaw)
    x = cosine * shift[:, 0] - sine * shift[:, 2]
    z = sine * shift[:, 0] + cosine * shift[:, 2]
    turned = state.yaw - state.start_yaw
    return torch.stack([x, shift[:, 1], z, torch.atan2(torch.sin(turned), torch.cos(turned))], dim=1)


def goal_from_agent(state: State) -> torch.Tensor:
    """Returns straight distance [m] and azimuth [rad], counter-clockwise from ahead, to the goal, shape (N, 2)."""
    shift = state.goal - state.position
    heading = torch.atan2(-shift[:, 0], -shift[:, 2]) - state.yaw
    azimuth = torch.atan2(torch.sin(heading), torch.cos(heading))
    return torch.stack([torch.hypot(shift[:, 0], shift[:, 2]), azimuth], dim=1)
