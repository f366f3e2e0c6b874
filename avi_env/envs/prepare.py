"""Episodes made ready on the host, in any thread: scene, distances, doors and what sounds. Touches no device table."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.reverberation import with_reverberation
from avi_env.acoustics.soundscape import PreparedSource, Soundscape
from avi_env.envs.background import Job
from avi_env.envs.config import EnvConfig
from avi_env.envs.doors import DoorRows
from avi_env.envs.emitters import row_emitters
from avi_env.envs.scene_ahead import prepare_scene
from avi_env.envs.variants import walked_scene
from avi_env.navigation import WalkableGrid, distance_field, walkable_grid
from avi_env.scene import Scene, load_scene, scene_names, with_doors
from avi_env.scene.doors import forget_turned
from avi_env.tasks import Episode, EpisodeSpec, arrival_points, episode_rng, sample_episode
from avi_env.tasks.audio_visual_qa import encoded_question
from avi_env.tasks.door_events import moving_doors, passable_grid
from avi_env.tasks.episode_files import check_start
from avi_env.tasks.questions import shape_episode
from avi_env.tasks.questions.staging import Body
from avi_env.tasks.shut_doors import opened, shut_share
from avi_env.tasks.shut_episode import Pace, episode_behind_doors, grid_about
from avi_env.tasks.sources import SOUND_VARIANTS

__all__ = ["DOOR_GAP", "EpisodeMaker", "Prepared"]

DOOR_GAP = 0.1
"""Kept between a turning leaf and an agent's body [m]: two columns of the walkable grid."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """An episode and all that is known of it before it is played."""

    episode: Episode
    scene: Scene
    """Where it happens, doors as they are without any event."""
    first_scene: Scene
    """The same with the doors as they stand when it begins."""
    grid: WalkableGrid
    """Where one can walk, whatever the doors do."""
    field: npt.NDArray[np.float32]
    """Walking distance to the goal [m], shape (nx, nz) or (layers, nx, nz)."""
    emitters: tuple[Emitter | None, ...]
    """What sounds, in the order of `source_count`; empty if nobody listens."""
    sources: tuple[PreparedSource, ...]
    """Their fields and clips in `scene`, then those in `first_scene` where that is another one."""


class EpisodeMaker:
    """Draws the episodes of an environment and makes them ready. May be used by several threads at a time."""

    def __init__(self, config: EnvConfig) -> None:
        self.config = config
        self.names = scene_names(config.scenes, config.rooms)
        self.spec = EpisodeSpec(
            config.sounds,
            config.distance_min,
            config.agent_radius,
            config.agent_height,
            config.source_speed,
            0 if config.played.answers == "options" else config.distractors,  # those come with the question
            config.distractor_speed,
            config.door_events,
            config.door_seconds,
            config.sound_schedule,
            goal=config.played.goal,
        )
        self._scenes: dict[str, Future[Scene]] = {}
        self._staged: weakref.WeakSet[Scene] = weakref.WeakSet()
        self._lock = threading.Lock()

    def scene(self, name: str) -> Scene:
        """Returns a scene, which is loaded once, by the first thread that asks for it."""
        with self._lock:
            found = self._scenes.get(name)
            mine = found is None
            loaded: Future[Scene] = Future() if found is None else found
            self._scenes[name] = loaded
        if mine:
            try:
                loaded.set_result(with_reverberation(load_scene(name), self.config.reverberation))
            except BaseException as error:
                with self._lock:
                    del self._scenes[name]  # so that it can be tried again
                loaded.set_exception(error)
        return loaded.result()

    def forget(self, scene: Scene) -> None:
        """Lets go of a scene, which is loaded again when it is asked for again."""
        with self._lock:
            self._staged.discard(scene)
            loaded = ((name, future) for name, future in self._scenes.items() if future.done())
            name = next((name for name, future in loaded if future.result() is scene), None)
            if name is not None:
                del self._scenes[name]
            else:
                forget_turned(scene)

    def scene_name(self, seed: int, index: int) -> str:
        """Returns the scene of episode number `index` of an environment seeded `seed`.

        One of all, or where there are more than `bank_scenes`, of so many from number `index` on.
        """
        count = min(len(self.names), self.config.bank_scenes)
        drawn = int(episode_rng(seed, index, "scene").integers(count))
        first = index if count < len(self.names) else 0
        return self.names[(first + drawn) % len(self.names)]

    def draw(self, seed: int, index: int) -> Episode:
        """Returns episode number `index` of an environment seeded `seed`."""
        config, name = self.config, self.scene_name(seed, index)
        given = self.scene(name)
        scene = given if config.doors == "given" else opened(given)
        pace = Pace(config.forward, config.turn_deg, config.step_seconds)
        drawn = sample_episode(scene, seed, index, self.spec, **pace._asdict())
        if config.doors != "given":
            size = config.agent_radius, config.agent_height
            chance = episode_rng(seed, index, "shut_doors", scene)
            drawn = episode_behind_doors(given, scene, drawn, shut_share(config.doors), chance, size, pace)
            scene = with_doors(given, dict(drawn.doors))
        if config.played.answers == "options":
            asked = int(episode_rng(seed, index, "question", scene).integers(2**62))
            body = Body(config.forward, config.turn_deg, config.agent_radius, config.agent_height)
            drawn = shape_episode(scene, drawn, asked, sounds=config.sounds, body=body)
        drawn = _of_clips(drawn, config.sound_clips) if config.sound_clips < SOUND_VARIANTS else drawn
        return replace(drawn, scene=name)  # by the name that loads it again

    def place(self, episode: Episode) -> Scene:
        """Returns the scene in which an episode happens, its doors as the episode has them at first."""
        scene = self.scene(episode.scene)
        return with_doors(scene, dict(episode.doors)) if episode.doors else scene

    def prepare(self, episode: Episode, soundscape: Soundscape | None, job: Job[Prepared]) -> Prepared:
        """Returns an episode made ready.

        Args:
            episode: which one.
            soundscape: where it will be heard; None if nobody listens.
            job: the work that this is part of.

        Raises:
            ValueError: the episode starts, or sounds, where nobody can be.
            CancelledError: nobody wants it any more.
        """
        config, scene = self.config, self.place(episode)
        check_kind(episode, config)
        job.check()
        grid = passable_grid(scene, moving_doors(scene, episode.door_events), config.agent_radius, config.agent_height)
        check_start(episode, grid)
        if episode.doors:
            grid = grid_about(grid, episode.start_position)
        field = distance_field(grid, arrival_points(scene, grid, episode))
        first_scene = self.turned(scene, episode, 0.0)
        for place in (scene, first_scene):
            job.check()
            self.stage(place)
        emitters: list[Emitter | None] = []
        sources: list[PreparedSource] = []
        if soundscape is not None:
            emitters = row_emitters(config, episode, scene)
            for place in (scene,) if first_scene is scene else (scene, first_scene):
                for emitter in emitters:
                    job.check()
                    sources.append(soundscape.prepare_source(place, emitter))
        return Prepared(episode, scene, first_scene, grid, field, tuple(emitters), tuple(sources))

    def stage(self, scene: Scene) -> None:
        """Computes ahead, once, what banks on the device copy of a scene."""
        with self._lock:
            known = scene in self._staged
            self._staged.add(scene)
        if known:
            return
        prepare_scene(scene, self.config)

    def turned(self, scene: Scene, episode: Episode, seconds: float) -> Scene:
        """Returns the scene of an episode with its doors as they stand if nobody moves from the start."""
        if not any(time <= seconds for time, _, _ in episode.door_events):
            return scene
        doors = DoorRows(self.config.agent_radius + DOOR_GAP)
        doors.begin(0, scene, episode.door_events)
        feet = np.array(episode.start_position, dtype=np.float64)
        turned = with_doors(scene, doors.turn(0, seconds, feet[[0, 2]]))
        return turned if self.walkable(turned).is_free(feet) else scene

    def walkable(self, scene: Scene) -> WalkableGrid:
        """Returns where agents of this environment can walk in a scene."""
        return walkable_grid(walked_scene(scene), self.config.agent_radius, self.config.agent_height)


def _of_clips(episode: Episode, count: int) -> Episode:
    """Returns an episode whose sounds are of the first so many clips of each."""
    others = tuple(replace(one, sound_variant=one.sound_variant % count) for one in episode.distractors)
    return replace(episode, sound_variant=episode.sound_variant % count, distractors=others)


def check_kind(episode: Episode, config: EnvConfig) -> None:
    """Checks that an episode is one of the environment's task.

    Raises:
        ValueError: it is of another one.
    """
    found = "category" if episode.goal_category else "sound" if episode.sound else "point"
    if found != config.played.goal:
        raise ValueError(
            f"the episode leads to a {found}, but {config.task} to a {config.played.goal}: play it in an environment "
            f"of its own task"
        )
    if config.played.answers == "options":
        if episode.question is None:
            raise ValueError(f"{config.task} asks the question of an episode, but this episode has none")
        encoded_question(episode.question)  # which tells what is wrong with it
