"""The house of one case: its environment, its names, what is true in it, and what can be made to happen in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from avi_env.envs.batch import EnvBatch
from avi_env.envs.interventions import silence, turn_door
from avi_env.envs.single import AviEnv
from avi_env.envs.variants import seen_scene
from avi_env.navigation import ShortestPathFollower, distance_field, field_lookup
from avi_env.scenario.applied import Applied
from avi_env.scenario.cases import Case
from avi_env.scenario.effects import Effect, ObjectRemove, SoundPlay, SoundStart, SpeechSay
from avi_env.scenario.located import ScenarioError
from avi_env.scenario.name_problems import name_problems
from avi_env.scenario.names import Names
from avi_env.scenario.prop_effects import PROP_EFFECTS, PropError, Props, apply_prop, declared_ids
from avi_env.scenario.reading import resolved_path
from avi_env.scenario.sound_effects import Sounding, Sounds, door_turn, first_sound, sound_count
from avi_env.scenario.truth import SceneTruth
from avi_env.scenario.whereabouts import Whereabouts
from avi_env.scene import Scene, with_doors
from avi_env.sounds import Schedule, class_of_sound, sound_classes
from avi_env.tasks import Episode, goal_points
from avi_env.tasks.door_events import moving_doors, passable_grid
from avi_env.tasks.shut_episode import grid_about

__all__ = ["Applied", "Stage"]

_NEVER = 1e6  # [s]: no run lasts as long
_SENSORS = ("rgb", "depth", "audio", "semantic", "pose")

Observation = dict[str, npt.NDArray[Any]]


class Stage:
    """A house in which a case of a scenario is played, and everything that its file can speak of."""

    def __init__(
        self,
        case: Case,
        device: str = "cpu",
        *,
        width: int = 128,
        height: int = 128,
        sample_rate: int = 16000,
        sensors: Sequence[str] = _SENSORS,
        **options: Any,
    ) -> None:
        """Builds the house and bakes all sounds of the timeline where they are at first.

        Args:
            case: what is played.
            device: "cpu" or "cuda".
            width: of pictures [pixels].
            height: of pictures [pixels].
            sample_rate: [Hz].
            sensors: of the environment.
            **options: further options of the environment.

        Raises:
            ScenarioError: names that the house does not have, places where nothing can be, things that cannot be; each
                with its line.
        """
        self.case, self.scenario = case, case.scenario
        name = resolved_path(case.scenario, case.scene)
        given = {"width": width, "height": height, "sample_rate": sample_rate, "sensors": tuple(sensors), **options}
        try:
            self.env = AviEnv(
                scene=name,
                device=device,
                distractors=sound_count(case.scenario),
                noise_level=max(0.0, case.scenario.world.noise_db or 0.0),
                prefetch=False,
                **given,
            )
        except (OSError, ValueError) as error:
            raise self._error("world.scene", str(error)) from error
        try:
            self._furnish(name, sample_rate)
        except PropError as error:
            self.close()
            raise self._error(error.where, error.message) from error
        except ScenarioError:
            self.close()
            raise

    def _furnish(self, name: str, sample_rate: int) -> None:
        """Finds out what everything in the file means in this house."""
        scenario, seed, maker = self.scenario, self.case.seed, self.batch.world.maker
        house = maker.scene(name)
        try:
            self.names = Names(house, scenario.world.sources, declared_ids(house, scenario.world))
        except ValueError as error:
            raise PropError("world", str(error)) from None
        faults = name_problems(scenario, self.names)
        if faults:
            raise ScenarioError(faults)
        self._portals = {self.names.entity(n, ("door",)).id: v for n, v in scenario.world.doors.items()}
        scene = with_doors(house, self._portals)
        effects = {f"timeline[{k}]": event.effect for k, event in enumerate(scenario.timeline)}
        self.props = Props(scene, scenario.world, self.names, effects, seed=seed, sample_rate=sample_rate)
        shown = seen_scene(scene, self.props.first)
        self.whereabouts = Whereabouts(shown, maker.walkable(shown), self.names, seed)
        self.sounds = Sounds(self.batch, scenario, self.names, self.whereabouts, seed)
        self.episode = self._made_episode(name, scene)
        self.truth = SceneTruth(self.batch, self.names, self.props, self.sounds, self.whereabouts)

    @property
    def batch(self) -> EnvBatch:
        """The environment within `env`."""
        return self.env.batch

    def reset(self) -> tuple[Observation, dict[str, Any]]:
        """Begins the case: every time the same, bit for bit."""
        self.props.begin()
        self.batch.world.first_variant = self.props.first
        observation, info = self.env.reset(seed=self.case.seed, options={"episode": self.episode})
        silence(self.batch, 0, 0)  # the task's own source is there for its measures; events sound from any
        self.sounds.begin(self.props.sounds)
        self.truth.begin()
        return observation, info

    def apply(self, effect: Effect, seconds: float) -> Applied:
        """Lets something happen within the next step.

        Args:
            effect: what.
            seconds: when [s], since the first observation; sounds keep to it to the sample.

        Raises:
            ValueError: it cannot be now: the message says why.
        """
        if isinstance(effect, PROP_EFFECTS):
            place = apply_prop(self, effect, seconds)
            self._note_impacts()
            if isinstance(effect, ObjectRemove):
                self.sounds.end(effect.object, seconds)
            about = getattr(effect, "object", "") or getattr(effect, "room", "")
            return Applied(f"{effect.do} {about}", place)
        turn = door_turn(effect)
        if turn is not None:
            turn_door(self.batch, 0, self.names.entity(turn[0], ("door",)).id, turn[1])
            return Applied(f"{effect.do} {turn[0]}", self.truth.place(turn[0]))
        if isinstance(effect, SoundStart | SoundPlay | SpeechSay):
            self._check_present(effect.speaker if isinstance(effect, SpeechSay) else effect.source)
        return self.sounds.apply(effect, seconds)

    def advance(self) -> None:
        """Lets things that fall, or wait for the agent to make way, go on: to be called before each step."""
        self.props.advance(self.batch)
        self._note_impacts()

    def _note_impacts(self) -> None:
        """Lets the sounds of falls count as what sounds from the things that fall."""
        for impact in self.props.taken_impacts():
            entity = self.names.of_id("object", impact.object)
            if entity is not None:
                self.sounds.note(Sounding(entity.name, impact.slot, impact.emitter, impact.begun, impact.end))

    def _check_present(self, name: str) -> None:
        """Raises ValueError if a thing is to sound that is not there."""
        if self.names.entity(name).kind == "object" and not self.truth.present(name):
            raise ValueError(f"{name} is not there: let it appear before it sounds")

    def close(self) -> None:
        """Frees the environment."""
        self.env.close()

    def _error(self, where: str, message: str) -> ScenarioError:
        return ScenarioError((self.scenario.origin.tree.problem(where, message),))

    def _made_episode(self, name: str, scene: Scene) -> Episode:
        """Returns the episode of the task: its goal is silent by itself, events sound."""
        config, scenario, sounds = self.env.config, self.scenario, self.sounds
        goal, body = sounds.goal
        try:
            first = [goal, *sounds.first_places()]
            feet, yaw = self.whereabouts.start(scenario.agent.start, first, config.turn_deg)
        except ValueError as error:
            raise PropError("agent.start", str(error)) from None
        turns = (door_turn(event.effect) for event in scenario.timeline)
        turning = {self.names.entity(turn[0], ("door",)).id for turn in turns if turn is not None}
        stands = {portal.id: portal.openness for portal in scene.portals}
        events = tuple((_NEVER, portal, stands[portal]) for portal in sorted(turning))
        grid = passable_grid(scene, moving_doors(scene, events), config.agent_radius, config.agent_height)
        grid = grid_about(grid, feet) if self._portals else grid
        points = goal_points(scene, grid, goal)
        field = distance_field(grid, points)
        away = float(field_lookup(field, grid, feet[None])[0])
        follower = ShortestPathFollower(grid, points, forward=config.forward, turn_deg=config.turn_deg, field=field)
        target = scenario.task.target
        known = target is not None and class_of_sound(target) in sound_classes()
        return Episode(
            scene=name,
            start_position=(float(feet[0]), float(feet[1]), float(feet[2])),
            start_yaw=yaw,
            source_position=(float(goal[0]), float(goal[1]), float(goal[2])),
            goal_position=(float(points[0, 0]), float(points[0, 1]), float(points[0, 2])),
            goal_object=body,
            sound=target if target is not None and known else first_sound(scenario),
            sound_variant=0,
            geodesic_distance=away,
            oracle_actions=follower.action_count(feet, yaw) if math.isfinite(away) else 0,
            door_events=events,
            schedule=Schedule(start=_NEVER, on=1.0, count=1),
            doors=tuple(sorted(self._portals.items())),
        )
