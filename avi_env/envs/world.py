"""World: what the environments of one batch share on the device. Changes only when episodes begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bake import bake_field
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.hrtf import Hrtf, load_hrtf
from avi_env.acoustics.wavefront_bank import WavefrontBank
from avi_env.envs.config import EnvConfig
from avi_env.navigation import GridBank, WalkableGrid, distance_field, walkable_grid
from avi_env.scene import Scene, load_scene, scene_names
from avi_env.scene.bank import SceneBank
from avi_env.sounds import make_clip
from avi_env.tasks import Episode, EpisodeSpec, episode_rng, goal_points, sample_episode

__all__ = ["World"]


class World:
    """Scenes with their walkable grids, and per environment row: goal distances, sound field, wavefront and clip.

    Scenes are loaded when an episode first happens in them and then shared by every environment.
    """

    def __init__(self, config: EnvConfig, num_envs: int) -> None:
        self.config = config
        self.names = scene_names(config.scenes)
        self.spec = EpisodeSpec(config.sounds, config.distance_min, config.agent_radius, config.agent_height)
        self.hrtf: Hrtf = load_hrtf(config.hrtf, config.sample_rate)
        self._slots: dict[str, int] = {}
        self._scenes: list[Scene] = []
        self._goals: list[npt.NDArray[np.float32]] = [np.full((1, 1), np.inf, dtype=np.float32)] * num_envs
        self._add(self.names[0])
        self.fields = FieldBank(num_envs, self.bank.device)
        self.wavefronts = WavefrontBank(num_envs, self.bank.device)
        self.clips = ClipBank(num_envs, 1, config.sample_rate, self.bank.device)

    def scene(self, slot: int) -> Scene:
        """Returns the scene in a slot of the bank."""
        return self._scenes[slot]

    def draw_episode(self, seed: int, index: int) -> Episode:
        """Returns episode number `index` of an environment seeded `seed`."""
        name = self.names[int(episode_rng(seed, index, "scene").integers(len(self.names)))]
        scene = self._scenes[self._slot(name)]
        drawn = sample_episode(
            scene, seed, index, self.spec, forward=self.config.forward, turn_deg=self.config.turn_deg
        )
        return replace(drawn, scene=name)  # by the name that loads it again

    def begin(self, row: int, episode: Episode) -> int:
        """Makes a row ready for an episode: goal distances, sound field and clip; returns the slot of its scene."""
        config, slot = self.config, self._slot(episode.scene)
        scene = self._scenes[slot]
        grid = self._grid(scene)
        self._goals[row] = distance_field(grid, goal_points(scene, grid, episode.source_position))
        self._stack_goals()
        if config.listens:
            self._place_sound(row, scene, episode)
        return slot

    def _place_sound(self, row: int, scene: Scene, episode: Episode) -> None:
        config = self.config
        field = bake_field(
            scene,
            episode.source_position,
            path_count=config.bake_paths,
            ear_height=config.eye_height,
            device=config.device,
        )
        self.fields.set_row(row, field)
        self.wavefronts.set_row(row, field.wavefront)
        self.clips.set_clip(row, make_clip(episode.sound, seed=episode.sound_variant, sample_rate=config.sample_rate))

    def _slot(self, name: str) -> int:
        if name not in self._slots:
            self._add(name)
        return self._slots[name]

    def _grid(self, scene: Scene) -> WalkableGrid:
        return walkable_grid(scene, self.config.agent_radius, self.config.agent_height)

    def _add(self, name: str) -> None:
        scene = load_scene(name)
        self._slots[name] = len(self._scenes)
        self._scenes.append(scene)
        self.bank = SceneBank(self._scenes, self.config.device)
        self.grids = GridBank([self._grid(s) for s in self._scenes], self.config.device)
        self._stack_goals()

    def _stack_goals(self) -> None:
        """Distance from everywhere to the goal of each row [m], shape (N, nx, nz)."""
        self.goal_fields = torch.stack([self.grids.pad(field) for field in self._goals])
