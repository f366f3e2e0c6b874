"""Lamps and things of a running scenario: switched on and off, there or not, fallen.

All that is planned before the first step is planned here, too: what the things are, where they stand and land, and how
their falls sound. What would come to be where the agent stands waits until it has left, as doors do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.emitter import Emitter
from avi_env.envs.batch import EnvBatch
from avi_env.envs.interventions import start_sound
from avi_env.envs.prepare import DOOR_GAP
from avi_env.envs.variants import Pose, Variant, objects_of, seen_scene, standing, with_pose
from avi_env.scenario.effects import Effect, LightOff, LightOn, ObjectAppear, ObjectFall, ObjectRemove
from avi_env.scenario.falls import Fall, fall_of, resting_on
from avi_env.scenario.moment import EntityKind
from avi_env.scenario.names import Names
from avi_env.scenario.parts import Place
from avi_env.scenario.props import FIXED, make_prop, place_at, place_in_room, place_on
from avi_env.scenario.surroundings import Prop as DeclaredProp
from avi_env.scenario.surroundings import World
from avi_env.scene import Scene
from avi_env.scene.house_stream import Stream
from avi_env.scene.model import SceneObject
from avi_env.vision.lamps import rooms_with_lamps

__all__ = ["PROP_EFFECTS", "Impact", "PropError", "PropStage", "Props", "apply_prop", "declared_ids"]

PROP_EFFECTS = (LightOn, LightOff, ObjectAppear, ObjectRemove, ObjectFall)
"""The effects that `apply_prop` takes."""


class PropError(ValueError):
    """Something about a lamp or a thing that cannot be so."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where, self.message = where, message


@dataclass
class _Falling:
    """A thing that falls, or waits for its landing place to be free."""

    fall: Fall
    due: float
    """When it is to begin [s]."""
    began: float | None = None


class Impact(NamedTuple):
    """The sound of a fall that has begun: its thing will hit the floor."""

    object: int
    """Id of the thing."""
    slot: int
    """The environment's source that plays it."""
    emitter: Emitter
    begun: float
    """When it is heard first where it is emitted [s]."""
    end: float
    """[s]"""


def declared_ids(scene: Scene, world: World) -> dict[str, int]:
    """Returns the object id of each thing that a scenario declares, by its name: they follow the scene's own."""
    return {name: len(scene.objects) + k for k, name in enumerate(world.objects)}


class Props:
    """The lamps and things of one scenario in one house."""

    def __init__(
        self,
        scene: Scene,
        world: World,
        names: Names,
        effects: Mapping[str, Effect],
        *,
        seed: int = 0,
        sample_rate: int = 16000,
    ) -> None:
        """Plans everything.

        Args:
            scene: the house without the scenario's things.
            world: what the scenario declares.
            names: of the house; the declared things' ids are those of `declared_ids`.
            effects: all that may happen, by where the file says so ("timeline[2]").
            seed: of the things' shapes, and of their places on floors.
            sample_rate: of the sounds of falls [Hz].

        Raises:
            PropError: a thing of no known kind, without room where it is to be, that cannot fall or be taken away; a
                room without lamps.
        """
        self._scene, self._names = scene, names
        props = []
        for name, declared in world.objects.items():
            try:
                props.append(make_prop(name, declared.category, seed))
            except ValueError as error:
                raise PropError(f"world.objects.{name}.category", str(error)) from None
        self._homes = {item.id: standing(item) for item in scene.objects}
        shown = Variant(props=tuple(props))
        for name, number in declared_ids(scene, world).items():
            pose = self._declared_pose(shown, name, world.objects[name], seed)
            self._homes[number] = pose
            shown = with_pose(shown, number, pose)
        hidden = {number for name, number in declared_ids(scene, world).items() if world.objects[name].hidden}
        dark = frozenset(
            self._lamp_room(f"world.lights.{name}", name) for name, word in world.lights.items() if word == "off"
        )
        poses = tuple((number, pose) for number, pose in shown.poses if number not in hidden)
        self.first = Variant(dark, shown.props, poses)
        """How the house is when an episode begins: for `World.first_variant`."""
        self._posed = self.first, objects_of(scene, self.first)
        self._falls = self._plan(shown, effects, seed, sample_rate)
        self.begin()

    def begin(self) -> None:
        """Puts everything back to where it is when an episode begins."""
        self._variant = self.first
        self._waiting: dict[int, Pose] = {}
        self._falling: dict[int, _Falling] = {}
        self._impacts: list[Impact] = []

    @property
    def sounds(self) -> tuple[Emitter, ...]:
        """The sounds of all falls, each at most once in an episode: to be prepared, and given a source each."""
        return tuple(fall.sound for fall in self._falls.values())

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """All objects where they are now, by id; what is not there, where the scene has it."""
        if self._posed[0] is not self._variant:
            self._posed = self._variant, objects_of(self._scene, self._variant)
        return self._posed[1]

    def taken_impacts(self) -> list[Impact]:
        """Returns the falls' sounds that have begun, or are about to, since it was last asked."""
        taken, self._impacts = self._impacts, []
        return taken

    def present(self, number: int) -> bool:
        """Returns whether an object is there."""
        poses = dict(self._variant.poses)
        return poses[number] is not None if number in poses else number < len(self._scene.objects)

    def lit(self, room: int) -> bool:
        """Returns whether the lamps of a room are on; False where there is none."""
        return room in rooms_with_lamps(self._scene) and room not in self._variant.dark

    def apply(self, batch: EnvBatch, effect: Effect, seconds: float) -> npt.NDArray[np.float64] | None:
        """Lets something happen within the next step of environment 0, or as soon as the agent is out of its way.

        Args:
            batch: the environment.
            effect: one of `PROP_EFFECTS`.
            seconds: when [s], within the next step.

        Returns:
            Where [m], shape (3,), world frame; None for lamps.

        Raises:
            ValueError: it cannot be: a thing falls that has fallen or is not there.
        """
        if isinstance(effect, LightOn | LightOff):
            room = {self._id(effect.room, "room")}
            dark = self._variant.dark - room if isinstance(effect, LightOn) else self._variant.dark | room
            self._try(batch, replace(self._variant, dark=dark))
            return None
        assert isinstance(effect, ObjectAppear | ObjectRemove | ObjectFall), "others are not about things"
        number = self._id(effect.object, "object")
        if isinstance(effect, ObjectAppear):
            if not self.present(number):
                self._waiting[number] = self._homes[number]
            place = self._homes[number].center
        else:
            place = self.objects[number].center
            self._waiting.pop(number, None)
        if isinstance(effect, ObjectRemove):
            self._falling.pop(number, None)
            self._try(batch, with_pose(self._variant, number, None))
        if isinstance(effect, ObjectFall):
            self._let_fall(number, effect.object, seconds)
            place = self._falls[number].landed.center
        self.advance(batch)
        return np.array(place)

    def advance(self, batch: EnvBatch) -> None:
        """Lets things that fall or wait go on: to be called before each step."""
        now = batch.seconds(0)
        end = now + batch.config.step_seconds
        for number, pose in list(self._waiting.items()):
            if self._try(batch, with_pose(self._variant, number, pose)):
                del self._waiting[number]
        for number, falling in list(self._falling.items()):
            if falling.began is None and self._is_clear(batch, self._falls[number].landed, number):
                falling.began = max(falling.due, now)
                start = max(falling.began + falling.fall.seconds + falling.fall.lead, now)
                sound = falling.fall.sound
                slot = start_sound(batch, 0, sound, start, sound.clip.seconds)
                self._impacts.append(Impact(number, slot, sound, start, start + sound.clip.seconds))
            if falling.began is not None and falling.began < end:
                pose = falling.fall.pose_at(end - falling.began)
                if self._try(batch, with_pose(self._variant, number, pose)) and pose == falling.fall.landed:
                    del self._falling[number]

    def _let_fall(self, number: int, name: str, seconds: float) -> None:
        if not self.present(number):
            raise ValueError(f"{name} is not there: it cannot fall")
        at = dict(self._variant.poses).get(number) or self._homes[number]
        if number in self._falling or at == self._falls[number].landed:
            raise ValueError(f"{name} has fallen already")
        self._falling[number] = _Falling(self._falls[number], seconds)

    def _try(self, batch: EnvBatch, variant: Variant) -> bool:
        done = batch.vary(0, variant)
        if done:
            self._variant = variant
        return done

    def _is_clear(self, batch: EnvBatch, pose: Pose, number: int) -> bool:
        """Whether the agent stands apart from where a thing will be."""
        feet = batch.state.position[0].cpu().numpy().astype(np.float64)
        size = self.objects[number].size
        reach = math.hypot(size[0], size[2]) / 2 + batch.config.agent_radius + DOOR_GAP
        away = math.hypot(feet[0] - pose.center[0], feet[2] - pose.center[2])
        return away > reach

    def _declared_pose(self, shown: Variant, name: str, declared: DeclaredProp, seed: int) -> Pose:
        """Returns where a declared thing stands; those before it are there."""
        scene, where = seen_scene(self._scene, shown), f"world.objects.{name}.place"
        size = next(prop.size for prop in shown.props if prop.name == name)
        yaw, place = math.radians(declared.yaw_deg), declared.place
        try:
            return self._raised(scene, self._stand(scene, size, place, yaw, (seed, name)), size, place)
        except ValueError as error:
            raise PropError(where, str(error)) from None

    def _stand(
        self, scene: Scene, size: tuple[float, float, float], place: Place, yaw: float, drawn: tuple[int, str]
    ) -> Pose:
        if place.position is not None:
            return place_at(scene, size, place.position, yaw)
        if place.room is not None:
            number = self._id(place.room, "room")
            room = next(room for room in scene.rooms if room.id == number)
            return place_in_room(scene, size, room, Stream(drawn[0] % 2**64, f"prop place/{drawn[1]}"), yaw)
        assert place.object is not None, "a place has one of the three"
        number = self._id(place.object, "object")
        return place_on(scene, size, scene.objects[number], yaw)

    def _raised(self, scene: Scene, pose: Pose, size: tuple[float, float, float], place: Place) -> Pose:
        """Returns a pose at the height above the floor that a place names."""
        if place.height is None:
            return pose
        x, _, z = pose.center
        floor = next((room.floor_y for room in scene.rooms if room.id == pose.room), 0.0)
        base = floor if place.position is None else place.position[1]
        return place_at(scene, size, (x, base + place.height, z), pose.yaw)

    def _id(self, name: str, kind: EntityKind) -> int:
        return self._names.entity(name, (kind,)).id

    def _lamp_room(self, where: str, name: str) -> int:
        try:
            number = self._id(name, "room")
        except ValueError as error:
            raise PropError(where, str(error)) from None
        if number not in rooms_with_lamps(self._scene):
            raise PropError(where, f"there is no lamp in {name}")
        return number

    def _plan(self, shown: Variant, effects: Mapping[str, Effect], seed: int, sample_rate: int) -> dict[int, Fall]:
        """Checks all that may happen, and returns the falls by object."""
        falls: dict[int, Fall] = {}
        for where, effect in effects.items():
            if isinstance(effect, LightOn | LightOff):
                self._lamp_room(f"{where}.room", effect.room)
            if not isinstance(effect, ObjectAppear | ObjectRemove | ObjectFall):
                continue
            try:
                number = self._id(effect.object, "object")
                if isinstance(effect, ObjectFall) and number not in falls:
                    falls[number] = fall_of(self._scene, shown, number, seed=seed, sample_rate=sample_rate)
                if isinstance(effect, ObjectRemove):
                    self._check_movable(shown, number)
            except ValueError as error:
                raise PropError(f"{where}.object", str(error)) from None
        return falls

    def _check_movable(self, shown: Variant, number: int) -> None:
        scene = seen_scene(self._scene, shown)
        item, carried = scene.objects[number], resting_on(scene, number)
        if item.category in FIXED:
            raise ValueError(f"{item.name} is part of the house: it stays")
        if carried:
            raise ValueError(f"{item.name} carries {', '.join(carried)}: take those away first")


class PropStage(Protocol):
    """What `apply_prop` needs of a stage."""

    @property
    def batch(self) -> EnvBatch:
        """The environment."""

    @property
    def props(self) -> Props:
        """Its lamps and things."""


def apply_prop(stage: PropStage, effect: Effect, seconds: float) -> npt.NDArray[np.float64] | None:
    """Lets something happen to a lamp or a thing of a stage; arguments and errors as for `Props.apply`."""
    return stage.props.apply(stage.batch, effect, seconds)
