"""What is true in the house of a case at the present tick, asked by name: places, ways, levels at the ears, lamps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.emitter import Emitter
from avi_env.envs.batch import EnvBatch
from avi_env.envs.columns import Tables
from avi_env.navigation import WalkableGrid, distance_field, field_lookup, on_floor, snap_place
from avi_env.navigation.fields import lookup_fields
from avi_env.scenario.ear_levels import ear_level
from avi_env.scenario.moment import AGENT, EntityKind
from avi_env.scenario.names import Names
from avi_env.scenario.prop_effects import Props
from avi_env.scenario.sound_effects import Sounding, Sounds
from avi_env.scenario.whereabouts import Whereabouts, room_columns
from avi_env.scene import Scene, emission_point
from avi_env.scene.doors import scene_doors
from avi_env.tasks import goal_points
from avi_env.tasks.questions.places import room_at
from avi_env.tasks.shut_episode import grid_about
from avi_env.tasks.transition import NUMBERS, PLACES, SLOTS

__all__ = ["SceneTruth"]

_POSITION, _YAW = PLACES.index("position"), NUMBERS.index("yaw")
_SCENE = SLOTS.index("scene_index")
_KEPT_FIELDS = 32  # distance fields that are kept: of things that stay, with the doors as they have stood

FloatArray = npt.NDArray[np.float64]


class _Field(NamedTuple):
    """Ways to one place."""

    grid: WalkableGrid
    """What they lead over; kept, for its id is used."""
    values: torch.Tensor
    """Their lengths [m]: as `lookup_fields` reads them, or on several storeys as `field_lookup` does."""
    row: torch.Tensor
    origin: torch.Tensor


class _Tick(NamedTuple):
    """What every question needs."""

    tables: Tables
    """By which one tick is told from another, and from itself after a change."""
    seconds: float
    feet: list[float]
    """Where the agent stands [m]."""
    yaw: float
    grid: WalkableGrid


class SceneTruth:
    """The `Truth` of environment 0 of a batch. What is asked is found out then, and kept for the tick."""

    def __init__(self, batch: EnvBatch, names: Names, props: Props, sounds: Sounds, whereabouts: Whereabouts) -> None:
        self._batch, self._names, self._props, self._sounds = batch, names, props, sounds
        self._whereabouts = whereabouts
        self._fields: dict[tuple[object, ...], _Field] = {}
        self._last: dict[str, tuple[WalkableGrid, object, _Field]] = {}
        self._levels: dict[int, tuple[Tables, Emitter, float]] = {}
        self._walked: tuple[Scene, WalkableGrid] | None = None
        self._ticked: _Tick | None = None
        self._ways: dict[str, tuple[_Field, list[float], float]] = {}
        self._room: tuple[tuple[float, float, float], str] | None = None

    def begin(self) -> None:
        """Forgets what was true in an episode before."""
        self._fields.clear()
        self._last.clear()
        self._ways.clear()
        self._walked = self._ticked = None
        self._levels.clear()

    @property
    def yaw(self) -> float:
        """Where the agent looks [rad], world frame."""
        return self._tick.yaw

    def kind(self, name: str) -> EntityKind:
        """Returns what a name stands for."""
        return self._names.entity(name).kind

    def canonical(self, name: str) -> str:
        """Returns the full name of an entity."""
        return self._names.entity(name).name

    def place(self, name: str) -> FloatArray:
        """Returns where an entity is now [m], shape (3,): of an object, where it sounds from; of a room, free floor."""
        if name == AGENT:
            return np.array(self._tick.feet)
        entity = self._names.entity(name)
        if entity.kind == "room":
            return self._whereabouts.spot(self._whereabouts.room(name))
        if entity.kind == "object" and not self._sounds.walks(entity.name):
            return emission_point(self._props.objects[entity.id])
        if entity.kind == "door":
            portal = next(portal for portal in self._whereabouts.scene.portals if portal.id == entity.id)
            return np.array(portal.center, dtype=np.float64)
        return self._sounds.place(entity.name, self._tick.seconds)

    def geodesic_distance(self, start: str, end: str) -> float:
        """Returns the length of the shortest walk between two entities [m], inf if there is none.

        Doors and things are as they stand now. A room is reached at its nearest floor, anything else where one can
        stand beside it.
        """
        grid, ends = self._tick.grid, (end, start)
        if self.kind(end) == "agent":  # fields of what stays are kept
            ends = start, end
        field, other = self._field(grid, ends[0]), self._names.entity(ends[1])
        if other.kind == "agent" and not grid.above:  # the commonest question by far
            known, at = self._ways.get(ends[0]), self._tick.feet
            if known is None or known[0] is not field or known[1] != at:  # it is not, where the agent only turns
                here = self._batch.tables.columns.places[_POSITION, :1]
                known = field, at, float(lookup_fields(field.values, field.row, field.origin, grid.cell, here))
                self._ways[ends[0]] = known
            return known[2]
        values = field.values if grid.above else field.values[0]
        return float(field_lookup(values, grid, self._points(grid, ends[1])).min())

    def pixels(self, name: str, observation: Mapping[str, npt.NDArray[Any]]) -> int:
        """Returns how many pixels of the observation's picture show an entity: of a room, its shell and things.

        Raises:
            ValueError: the observation has no "semantic".
        """
        if "semantic" not in observation:
            raise ValueError('what is visible is counted in the sensor "semantic", which is off')
        return sum(int(np.count_nonzero(observation["semantic"] == body)) for body in self._bodies(name))

    def level_db(self, name: str) -> float:
        """Returns the level of an entity's sound at the agent's ears now [dB SPL], -inf if it is silent.

        It is the level that the sound has there on average while it sounds: the active level of its clip and what
        direct sound, reflections and reverberation make of the clip's spectrum, as energies, mean of the ears. Pauses
        within a clip do not count, nor does what rings on after it has ended.
        """
        return _decibels(sum(_power(self._level_of(one)) for one in self._on(self.canonical(name))))

    def noise_db(self, name: str) -> float:
        """Returns the level at the ears of everything but an entity's sound [dB SPL], -inf = nothing."""
        own = self.canonical(name)
        others = sum(_power(self._level_of(one)) for one in self._on() if one.name != own)
        return _decibels(others + _power(self._batch.world.noise.level_of(self._seat)))

    def sounding(self, name: str) -> bool:
        """Whether an entity emits sound now."""
        return self._sounds.sounding(name, self._tick.seconds)

    def speaking(self, name: str) -> bool:
        """Whether an entity speaks now."""
        return any(one.speech for one in self._on(self.canonical(name)))

    def room_at(self, position: npt.NDArray[np.floating[Any]]) -> str:
        """Returns the full name of the room at a position [m], shape (3,), "" = none."""
        x, y, z = (float(value) for value in position)
        if self._room is None or self._room[0] != (x, y, z):  # several expressions ask for the same place
            number = room_at(self._whereabouts.scene, (x, y, z))
            entity = self._names.of_id("room", number) if number >= 0 else None
            self._room = (x, y, z), "" if entity is None else entity.name
        return self._room[1]

    def openness(self, door: str) -> float:
        """Returns how far a door is open, 0 (shut) to 1."""
        number = self._names.entity(door, ("door",)).id
        turned = self._batch.world.doors.openness(self._seat)
        standing = next(p.openness for p in self._batch.scene(0).portals if p.id == number)
        return turned.get(number, standing)

    def lit(self, room: str) -> bool:
        """Whether a room's lamps are on."""
        return self._props.lit(self._names.entity(room, ("room",)).id)

    def present(self, name: str) -> bool:
        """Whether an object is in the house now."""
        return self._props.present(self._names.entity(name, ("object",)).id)

    @property
    def _tick(self) -> _Tick:
        """What every question needs, found out once a tick."""
        tables, kept = self._batch.tables, self._ticked
        if kept is None or kept.tables is not tables:
            feet, yaw = tables.columns.places[_POSITION, 0].tolist(), float(tables.columns.numbers[_YAW, 0])
            grid = self._grid(self._batch.world.scene(int(tables.columns.slots[_SCENE, 0])))
            kept = self._ticked = _Tick(tables, self._batch.seconds(0), feet, yaw, grid)
        return kept

    @property
    def _seat(self) -> int:
        return int(self._batch.seats.seats[0])

    def _grid(self, scene: Scene) -> WalkableGrid:
        if self._walked is None or self._walked[0] is not scene:
            self._walked = scene, self._batch.world.maker.walkable(scene)
        return self._walked[1]

    def _points(self, grid: WalkableGrid, name: str) -> npt.NDArray[np.float32]:
        """Returns where one has arrived at an entity [m], shape (n, 3)."""
        entity, at = self._names.entity(name), self.place(name)
        if entity.kind == "agent":
            return at[None].astype(np.float32)
        if entity.kind == "room":
            found = room_columns(grid, self._whereabouts.room(name))[0]
            return (found if len(found) else at[None]).astype(np.float32)
        place = snap_place(grid, at)
        floor = on_floor(grid.layers[place.layer], place.xz)
        if entity.kind == "door":
            return floor
        return goal_points(self._whereabouts.scene, grid_about(grid, floor[0]), at)

    def _field(self, grid: WalkableGrid, name: str) -> _Field:
        last, things = self._last.get(name), self._props.objects
        if last is not None and last[0] is grid and last[1] is things and not self._sounds.walks(self.canonical(name)):
            return last[2]
        key = id(grid), self.canonical(name), tuple(self.place(name).round(3).tolist())
        if key not in self._fields:
            if len(self._fields) >= _KEPT_FIELDS:
                del self._fields[next(iter(self._fields))]
            values = torch.as_tensor(
                distance_field(grid, self._points(grid, name)), device=self._batch.world.bank.device
            )
            row = torch.zeros(1, dtype=torch.int32, device=values.device)
            origin = torch.tensor([grid.origin], dtype=torch.float32, device=values.device)
            self._fields[key] = _Field(grid, values if grid.above else values[None], row, origin)
        if self.kind(name) != "agent":
            self._last[name] = grid, things, self._fields[key]
        return self._fields[key]

    def _bodies(self, name: str) -> list[int]:
        entity, scene = self._names.entity(name), self._batch.scene(0)
        if entity.kind == "object":
            return [entity.id]
        if entity.kind == "room":
            return [item.id for item in self._props.objects if item.room == entity.id]
        if entity.kind == "door":
            return [leaf.object for door in scene_doors(scene) if door.portal == entity.id for leaf in door.leaves]
        told = self._sounds.declared(entity.name)
        is_body = told is not None and told.object is not None and not self._sounds.walks(entity.name)
        return self._bodies(told.object) if is_body and told is not None and told.object is not None else []

    def _on(self, name: str = "") -> list[Sounding]:
        """Returns what sounds now, of one entity if it is named in full."""
        now = self._tick.seconds
        return [one for one in self._sounds.playing if name in ("", one.name) and one.on(now)]

    def _level_of(self, one: Sounding) -> float:
        """Returns the level at the ears of what one of the sources plays [dB SPL], kept until the next step."""
        if not self._batch.config.listens:
            return -np.inf
        tables, kept = self._batch.tables, self._levels.get(one.slot)
        if kept is None or kept[0] is not tables or kept[1] is not one.emitter:
            kept = tables, one.emitter, ear_level(self._batch, 0, one.slot, one.emitter)
            self._levels[one.slot] = kept
        return kept[2]


def _power(level: float) -> float:
    return float(10.0 ** (level / 10.0))


def _decibels(power: float) -> float:
    return float(10.0 * np.log10(power)) if power > 0.0 else -np.inf
