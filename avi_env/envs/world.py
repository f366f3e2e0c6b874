"""World: what the environments of one batch share on the device. Changes when episodes begin and doors turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.soundscape import Soundscape
from avi_env.envs.config import EnvConfig
from avi_env.envs.doors import DoorRows
from avi_env.envs.emitters import row_emitters, source_count
from avi_env.envs.goals import GoalRows
from avi_env.navigation import GridBank, WalkableGrid, snap_point, walkable_grid
from avi_env.scene import Scene, load_scene, scene_names, with_doors
from avi_env.scene.bank import SceneBank
from avi_env.tasks import Episode, EpisodeSpec, episode_rng, sample_episode
from avi_env.tasks.door_events import moving_doors, passable_grid

__all__ = ["World"]

_START_REACH = 0.25  # [m] that an episode of another simulator may start beside our grid
_DOOR_GAP = 0.1  # [m] kept between a turning leaf and an agent's body: two columns of the walkable grid

Slot = tuple[str, tuple[tuple[int, float], ...]]


class World:
    """Scenes with their walkable grids, and per environment row: goal distances, doors and what sounds.

    Scenes are loaded when an episode first happens in them, and with doors turned when they first stand so; all are
    shared by every environment.
    """

    def __init__(self, config: EnvConfig, num_envs: int) -> None:
        self.config = config
        self.names = scene_names(config.scenes)
        self.spec = EpisodeSpec(
            config.sounds,
            config.distance_min,
            config.agent_radius,
            config.agent_height,
            config.source_speed,
            config.distractors,
            config.distractor_speed,
            config.door_events,
            config.door_seconds,
            config.sound_schedule,
        )
        self._slots: dict[Slot, int] = {}
        self._scenes: list[Scene] = []
        self._names: list[str] = [self.names[0]] * num_envs
        self.goals = GoalRows(num_envs)
        self.doors = DoorRows(config.agent_radius + _DOOR_GAP)
        self._slot(self.names[0])
        self.soundscape = Soundscape(
            num_envs,
            source_count(config),
            load_hrtf(config.hrtf, config.sample_rate),
            device=self.bank.device,
            path_count=config.bake_paths,
            ear_height=config.eye_height,
            doppler=config.doppler,
        )

    def scene(self, slot: int) -> Scene:
        """Returns the scene in a slot of the bank."""
        return self._scenes[slot]

    def draw_episode(self, seed: int, index: int) -> Episode:
        """Returns episode number `index` of an environment seeded `seed`."""
        config = self.config
        name = self.names[int(episode_rng(seed, index, "scene").integers(len(self.names)))]
        drawn = sample_episode(
            self._scenes[self._slot(name)],
            seed,
            index,
            self.spec,
            forward=config.forward,
            turn_deg=config.turn_deg,
            step_seconds=config.step_seconds,
        )
        return replace(drawn, scene=name)  # by the name that loads it again

    def begin(self, row: int, episode: Episode) -> tuple[int, int]:
        """Makes a row ready for an episode: goal distances, doors and sounds.

        Returns:
            The slot of its scene with the doors as they stand, and that of the scene as it is without any event.

        Raises:
            ValueError: the episode starts, or sounds, where nobody can be.
        """
        config, home = self.config, self._slot(episode.scene)
        scene = self._scenes[home]
        self._names[row] = episode.scene
        moving = moving_doors(scene, episode.door_events)
        grid = passable_grid(scene, moving, config.agent_radius, config.agent_height)
        _check_start(episode, grid)
        self.goals.begin(row, episode, scene, grid)
        self.goals.stack(self.grids)
        self.doors.begin(row, scene, episode.door_events)
        if config.listens:
            for source, emitter in enumerate(row_emitters(config, episode, scene)):
                self.soundscape.set_source(row, source, scene, emitter)
        feet = np.array(episode.start_position, dtype=np.float64)
        return self.turn_doors(row, 0.0, feet) if episode.door_events else home, home

    def turn_doors(self, row: int, seconds: float, feet: npt.NDArray[np.float64]) -> int:
        """Turns the doors of a row that are due and free, and returns the slot of its scene from now on.

        Args:
            row: the environment.
            seconds: its time since the first observation [s].
            feet: (x, y, z) of its agent [m], shape (3,).
        """
        name, openness = self._names[row], self.doors.turn(row, seconds, feet[[0, 2]])
        slot = self._slot(name, openness)
        if not self._grid(self._scenes[slot]).is_free(feet):  # shut in where nobody can stand: the doors wait
            slot = self._slot(name, self.doors.openness(row))
            return slot
        self.doors.settle(row, openness)
        if self.config.listens:
            self.soundscape.set_scene(row, self._scenes[slot])
        return slot

    def _slot(self, name: str, openness: Mapping[int, float] | None = None) -> int:
        """Returns the slot of a scene with doors turned, which is loaded where it was not."""
        base = self._scenes[self._slots[name, ()]] if (name, ()) in self._slots else load_scene(name)
        standing = {portal.id: portal.openness for portal in base.portals}
        turned = tuple(sorted((k, v) for k, v in (openness or {}).items() if v != standing[k]))
        if (name, turned) not in self._slots:
            self._slots[name, turned] = len(self._scenes)
            self._scenes.append(with_doors(base, dict(turned)))
            self.bank = SceneBank(self._scenes, self.config.device)
            self.grids = GridBank([self._grid(scene) for scene in self._scenes], self.config.device)
            self.goals.stack(self.grids)
        return self._slots[name, turned]

    def _grid(self, scene: Scene) -> WalkableGrid:
        return walkable_grid(scene, self.config.agent_radius, self.config.agent_height)


def _check_start(episode: Episode, grid: WalkableGrid) -> None:
    start, yaw = np.array(episode.start_position, dtype=np.float64), float(episode.start_yaw)
    if not (np.all(np.isfinite(start)) and np.isfinite(yaw)):
        raise ValueError(f"an episode starts at a finite position and yaw, not at {start.tolist()}, {yaw:g} rad")
    apart = float(np.linalg.norm((snap_point(grid, start) - start)[[0, 2]]))
    if apart > _START_REACH:
        raise ValueError(
            f"the episode starts at {np.round(start, 3).tolist()} in scene {episode.scene!r}, {apart:.2f} m from the "
            f"nearest place where the agent can stand: is it an episode of another scene?"
        )
