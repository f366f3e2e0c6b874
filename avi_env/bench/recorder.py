"""What an episode looked and sounded like, gathered step by step and turned into frames afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from avi_env.bench.compose import Moment, compose

if TYPE_CHECKING:
    from avi_env.envs.single import AviEnv
    from avi_env.vision import TopdownMap

__all__ = ["Footage", "Glance"]

_VIEW_PIXELS = 452  # the first-person panel's side, so that nothing is scaled
_SOUND_SECONDS = 3.0  # of sound in the spectrogram panels


@dataclass(frozen=True, eq=False)
class Glance:
    """One step as it is shown."""

    position: npt.NDArray[np.float32]
    """Feet [m], world frame, shape (3,)."""
    yaw: float
    depth: npt.NDArray[np.float32]
    skill: str
    heard: str
    azimuth_deg: float | None
    answer: str = ""
    right: bool | None = None


class Footage:
    """Collects glances and sound while an episode runs."""

    def __init__(self, env: AviEnv, title: str, place: str) -> None:
        self.env, self.title, self.place = env, title, place
        self.glances: list[Glance] = []
        self._sound: list[npt.NDArray[np.float32]] = []

    @property
    def lead_steps(self) -> int:
        """Steps of sound that the first observation holds: the agent listens before it acts."""
        return self.env.config.lead_samples // self.env.config.step_samples

    @property
    def sound(self) -> npt.NDArray[np.float32]:
        """All sound at the ears, shape (2, n), linear pressure."""
        return np.concatenate(self._sound, axis=1)

    @property
    def trajectory(self) -> list[list[float]]:
        """Pose (x, y, z, yaw) before each action and at the end, world frame."""
        return [[*(float(v) for v in g.position), g.yaw] for g in self.glances]

    def add(self, observation: dict[str, Any], skill: str, heard: str, azimuth_deg: float | None) -> None:
        """Adds the moment after an observation; of sound, what is new in it."""
        config, state = self.env.config, self.env.batch.state
        heard_so_far = observation["audio"] if self._sound else padded(observation["audio"], config.lead_samples)
        self._sound.append(heard_so_far[:, -config.step_samples if self._sound else 0 :].copy())
        position = state.position[0].cpu().numpy().copy()
        self.glances.append(
            Glance(position, float(state.yaw[0]), observation["depth"].copy(), skill, heard, azimuth_deg)
        )

    def conclude(self, answer: str, right: bool | None) -> None:
        """Writes the answer into the last moment."""
        last = self.glances[-1]
        self.glances[-1] = Glance(
            last.position, last.yaw, last.depth, last.skill, last.heard, last.azimuth_deg, answer, right
        )

    def frame_count(self, per_step: int) -> int:
        """Number of frames at some frames per step."""
        return per_step * (self.lead_steps + len(self.glances) - 1)

    def frames(self, per_step: int) -> Iterator[npt.NDArray[np.uint8]]:
        """Yields the video's pictures; between two steps the agent is shown on its way."""
        from avi_env.vision import topdown_map

        chart, sound = topdown_map(self.env.batch.world.scene(0), labels=True), self.sound
        yield from (self._frame(chart, sound, 0, 0.0, n, per_step) for n in range(self.lead_steps * per_step))
        start = self.lead_steps * per_step
        for step in range(1, len(self.glances)):
            for k in range(per_step):
                number = start + (step - 1) * per_step + k
                yield self._frame(chart, sound, step, (k + 1) / per_step, number, per_step)

    def map_image(self) -> npt.NDArray[np.uint8]:
        """Returns the map with the whole way and the source."""
        from avi_env.vision import topdown_map

        chart = topdown_map(self.env.batch.world.scene(0), labels=True)
        return self._drawn(chart, len(self.glances) - 1, self.glances[-1].position, self.glances[-1].yaw)

    def _frame(
        self, chart: TopdownMap, sound: npt.NDArray[np.float32], step: int, share: float, number: int, per_step: int
    ) -> npt.NDArray[np.uint8]:
        from avi_env.vision import render

        config, now = self.env.config, self.glances[step]
        before = self.glances[max(step - 1, 0)]
        position = before.position + share * (now.position - before.position)
        turn = (now.yaw - before.yaw + np.pi) % (2 * np.pi) - np.pi
        yaw = before.yaw + share * turn
        seconds = (number + 1) / per_step * config.step_seconds
        end = min(round(seconds * config.sample_rate), sound.shape[1])
        recent = sound[:, max(0, end - round(_SOUND_SECONDS * config.sample_rate)) : end]
        eye = position + np.array([0.0, config.eye_height, 0.0], dtype=np.float32)
        view = render(self.env.batch.world.scene(0), eye, yaw, _VIEW_PIXELS, _VIEW_PIXELS, config.hfov)
        return compose(
            Moment(
                rgb=view["rgb"],
                depth=now.depth,
                map_image=self._drawn(chart, step, position, yaw),
                audio=padded(recent, round(_SOUND_SECONDS * config.sample_rate)),
                sample_rate=config.sample_rate,
                seconds=seconds,
                step=step,
                title=self.title,
                place=self.place,
                skill=now.skill,
                heard=now.heard,
                heard_azimuth_deg=now.azimuth_deg,
                answer=now.answer,
                right=now.right,
            )
        )

    def _drawn(
        self, chart: TopdownMap, step: int, position: npt.NDArray[np.float32], yaw: float
    ) -> npt.NDArray[np.uint8]:
        from avi_env.vision import draw_on_map

        way = [g.position for g in self.glances[: max(step, 1)]] + [position]
        return draw_on_map(
            chart,
            trajectory=np.stack(way),
            agent=(position, yaw),
            source=self.env.episode.source_position,
            start=self.glances[0].position,
            goal_radius=self.env.config.success_distance,
        )


def padded(sound: npt.NDArray[np.float32], samples: int) -> npt.NDArray[np.float32]:
    """Returns sound (2, n) with silence before it, shape (2, samples)."""
    return np.pad(sound, ((0, 0), (samples - sound.shape[1], 0)))
