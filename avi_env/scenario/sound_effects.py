"""What sounds in a running scenario: sounds that begin, end and walk, voices, background noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.soundscape import PreparedSource
from avi_env.content import name_error
from avi_env.envs.batch import EnvBatch
from avi_env.envs.interventions import (
    heard_scene_of,
    prepare_sound,
    send_goal,
    send_sound,
    set_noise,
    start_sound,
    stop_sound,
)
from avi_env.scenario.applied import Applied
from avi_env.scenario.document import Scenario
from avi_env.scenario.ear_levels import prepare_levels
from avi_env.scenario.effects import (
    DoorClose,
    DoorOpen,
    DoorSet,
    Effect,
    NoiseSet,
    ObjectFall,
    SoundMove,
    SoundPlay,
    SoundStart,
    SoundStop,
    SpeechSay,
)
from avi_env.scenario.names import Names
from avi_env.scenario.parts import Place
from avi_env.scenario.prop_effects import PropError
from avi_env.scenario.reading import resolved_path
from avi_env.scenario.voice import speech_clip
from avi_env.scenario.whereabouts import Whereabouts, walk_to
from avi_env.scene import Scene, with_doors
from avi_env.sounds import Clip, make_clip
from avi_env.tasks.walks import Walk, place_on_walk

__all__ = ["Sounding", "Sounds", "door_turn", "first_sound", "sound_count"]

_SILENT_TASK = "phone"
"""What the task's source is that never sounds, where the timeline has no sound: environments want one."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sounding:
    """A sound that has begun."""

    name: str
    """Of the entity that it comes from."""
    slot: int
    """The environment's source that plays it."""
    emitter: Emitter
    begun: float
    """[s]"""
    end: float
    """[s], inf = it has not been stopped."""
    speech: bool = False

    def on(self, seconds: float) -> bool:
        """Whether it is emitted at a time [s]."""
        return self.begun <= seconds < self.end


def sound_count(scenario: Scenario) -> int:
    """Returns how many sources the timeline needs at a time: one for each source and clip, voice and fall."""
    kinds: set[tuple[object, ...]] = set()
    for number, event in enumerate(scenario.timeline):
        effect = event.effect
        if isinstance(effect, SoundStart | SoundPlay):
            kinds.add((effect.source, effect.clip, effect.variant))
        elif isinstance(effect, SpeechSay | ObjectFall):
            kinds.add((number,))
    return len(kinds)


def first_sound(scenario: Scenario) -> str:
    """Returns the clip of the timeline's first sound."""
    played = (e.effect for e in scenario.timeline if isinstance(e.effect, SoundStart | SoundPlay))
    first = next(played, None)
    return _SILENT_TASK if first is None else resolved_path(scenario, first.clip)


def door_turn(effect: Effect) -> tuple[str, float] | None:
    """Returns the name of the door that an effect turns and its openness then, None = it turns none."""
    if isinstance(effect, DoorSet):
        return effect.door, effect.openness
    if isinstance(effect, DoorOpen | DoorClose):
        return effect.door, float(isinstance(effect, DoorOpen))
    return None


class Sounds:
    """All that sounds in environment 0 of a batch by a scenario's doing."""

    def __init__(self, batch: EnvBatch, scenario: Scenario, names: Names, whereabouts: Whereabouts, seed: int) -> None:
        """Finds every source's first place, and makes all clips.

        Raises:
            PropError: a place where nothing can be, or a clip that does not exist.
        """
        self._batch, self._scenario, self._names, self._whereabouts = batch, scenario, names, whereabouts
        self._seed = seed
        self._places: dict[str, FloatArray] = {}
        for name, place in scenario.world.sources.items():
            try:
                self._places[name] = whereabouts.point(place)
            except ValueError as error:
                raise PropError(f"world.sources.{name}", str(error)) from None
        self._clips: dict[Effect, Clip] = {}
        for number, event in enumerate(scenario.timeline):
            if isinstance(event.effect, SoundStart | SoundPlay | SpeechSay):
                self._make_clip(f"timeline[{number}]", event.effect)
        self._ready: list[PreparedSource | None] = []
        self._walks: dict[str, Walk] = {}
        self.goal = self._goal()
        """Where the task's goal is at first [m], shape (3,), and the object that it is, -1 = none."""
        self.playing: list[Sounding] = []
        """What has begun, oldest first."""

    def begin(self, further: tuple[Emitter, ...] = ()) -> None:
        """Begins an episode: nothing has sounded yet. What will sound, and `further`, is baked where it is at first."""
        self._walks, self.playing = {}, []
        if self._ready or not self._batch.config.listens:
            return
        emitters = [*(self._emitter(effect, 0.0) for effect in self._clips), *further]
        prepare_levels(self._batch, [emitter.clip for emitter in emitters])
        for scene in self._scenes():
            self._ready += [prepare_sound(self._batch, scene, emitter) for emitter in emitters]

    def first_places(self) -> list[FloatArray]:
        """Returns where the sounds of the timeline are at first [m], in its order."""
        events = (event.effect for event in self._scenario.timeline)
        return [self.place(effect.source, 0.0) for effect in events if isinstance(effect, SoundStart | SoundPlay)]

    def place(self, name: str, seconds: float) -> FloatArray:
        """Returns where an entity's sounds come from at a time [m], shape (3,)."""
        full = self._names.entity(name).name
        if full in self._walks:
            return place_on_walk(self._walks[full], seconds)
        return self._places[full] if full in self._places else self._whereabouts.body(full)

    def declared(self, name: str) -> Place | None:
        """Returns what the file says of a source's place, None = it is none of its sources."""
        return self._scenario.world.sources.get(name)

    def end(self, name: str, seconds: float) -> None:
        """Ends all that comes from an entity."""
        self._stop(self._names.entity(name).name, seconds)

    def note(self, sounding: Sounding) -> None:
        """Takes in that a sound begins; what its source played before ends with that."""
        begun = sounding.begun
        self.playing = [replace(o, end=min(o.end, begun)) if o.slot == sounding.slot else o for o in self.playing]
        self.playing.append(sounding)

    def sounding(self, name: str, seconds: float) -> bool:
        """Whether an entity emits sound at a time up to now [s]."""
        full = self._names.entity(name).name
        return any(one.on(seconds) for one in self.playing if one.name == full)

    def walks(self, name: str) -> bool:
        """Whether an entity was sent somewhere else."""
        return name in self._walks

    def apply(self, effect: Effect, seconds: float) -> Applied:
        """Lets a sound or the noise change within the next step.

        Raises:
            ValueError: it cannot be now.
        """
        if isinstance(effect, NoiseSet):
            set_noise(self._batch, 0, effect.level_db, seconds)
            return Applied(f"noise of {effect.level_db:g} dB", None)
        if isinstance(effect, SoundStart | SoundPlay | SpeechSay):
            return self._start(effect, seconds)
        if isinstance(effect, SoundStop):
            name = self._names.entity(effect.source).name
            stopped = self._stop(name, seconds)
            return Applied(f"{name} falls silent" if stopped else f"{name} is silent", self.place(name, seconds))
        if isinstance(effect, SoundMove):
            return self._move(effect, seconds)
        raise TypeError(f"{type(effect).__name__} is no effect of sound")

    def _scenes(self) -> list[Scene]:
        """Returns the house as it sounds at first, and as its doors will stand if they turn in the file's order."""
        scene = heard_scene_of(self._batch, 0)
        scenes = [scene]
        for event in self._scenario.timeline:
            turn = door_turn(event.effect)
            if turn is not None:
                scene = with_doors(scene, {self._names.entity(turn[0], ("door",)).id: turn[1]})
                scenes.append(scene)
        return list({id(scene): scene for scene in scenes}.values())

    def _start(self, effect: SoundStart | SoundPlay | SpeechSay, seconds: float) -> Applied:
        name = self._names.entity(_source(effect)).name
        if effect not in self._clips:  # it is not in the file
            self._make_clip("timeline", effect)
        clip, speech = self._clips[effect], isinstance(effect, SpeechSay)
        if not speech:
            self._stop(name, seconds, clip)
        length = np.inf if isinstance(effect, SoundStart) else clip.seconds
        emitter = self._emitter(effect, seconds)
        slot = start_sound(self._batch, 0, emitter, seconds, length)
        self.note(Sounding(name, slot, emitter, seconds, seconds + length, speech))
        if name in self._walks and self._walks[name][-1][0] > seconds:
            send_sound(self._batch, 0, slot, self._walks[name])
        what = f"{name} says {effect.text!r}" if isinstance(effect, SpeechSay) else f"{name}: {effect.clip}"
        return Applied(what, self.place(name, seconds))

    def _stop(self, name: str, seconds: float, clip: Clip | None = None) -> bool:
        """Ends what comes from an entity, or only one clip of it, and returns whether there was any."""
        stopped = False
        for number, one in enumerate(self.playing):
            if one.name == name and one.end > seconds and clip in (None, one.emitter.clip):
                end = stop_sound(self._batch, 0, one.slot, seconds)
                self.playing[number] = replace(one, end=end)
                stopped = True
        return stopped

    def _move(self, effect: SoundMove, seconds: float) -> Applied:
        entity = self._names.entity(effect.source)
        end, start = self._whereabouts.point(effect.to), self.place(entity.name, seconds)
        scene = self._batch.world.scene(int(self._batch.state.scene_index[0]))
        grid = self._batch.world.maker.walkable(scene)
        try:
            walk = walk_to(grid, start, end, seconds, effect.speed)
        except ValueError as error:
            raise ValueError(f"{entity.name} cannot be moved: {error}") from None
        self._walks[entity.name] = walk
        for one in self.playing:
            if one.name == entity.name and one.end > seconds:
                send_sound(self._batch, 0, one.slot, walk)
        if entity.name == self._goal_name():
            send_goal(self._batch, 0, walk)
        return Applied(f"{entity.name} goes to {_words(effect)}", start)

    def _emitter(self, effect: Effect, seconds: float) -> Emitter:
        assert isinstance(effect, SoundStart | SoundPlay | SpeechSay), "others do not sound"
        place = self.place(_source(effect), seconds).astype(np.float32)
        gain = effect.gain_db + self._batch.config.sound_level
        return Emitter(self._clips[effect], place, directivity=self._batch.config.directivity, gain_db=gain)

    def _make_clip(self, where: str, effect: SoundStart | SoundPlay | SpeechSay) -> None:
        rate = self._batch.config.sample_rate
        try:
            if isinstance(effect, SpeechSay):
                speaker = self._names.entity(effect.speaker).name
                self._clips[effect] = speech_clip(effect.text, effect.voice, speaker, self._seed, rate)
            else:
                name = resolved_path(self._scenario, effect.clip)
                self._clips[effect] = make_clip(name, seed=effect.variant, sample_rate=rate)
        except (ValueError, ImportError) as error:
            field = "voice" if isinstance(effect, SpeechSay) else "clip"
            raise PropError(f"{where}.{field}", str(error)) from None

    def _goal_name(self) -> str:
        """Returns the name of the task's goal, "" = none is told and nothing sounds."""
        told = self._scenario.task.goal
        events = (event.effect for event in self._scenario.timeline)
        sources = [_source(effect) for effect in events if isinstance(effect, SoundStart | SoundPlay | SpeechSay)]
        name = told if told is not None else next(iter(sources), None)
        return "" if name is None else self._names.entity(name).name

    def _goal(self) -> tuple[FloatArray, int]:
        name = self._goal_name()
        if not name:
            rooms = self._whereabouts.scene.rooms
            spot = self._whereabouts.spot(rooms[0]) if rooms else self._whereabouts.scene.bounds.mean(axis=0)
            return np.asarray(spot, dtype=np.float64) + np.array([0.0, 1.0, 0.0]) * bool(rooms), -1
        entity = self._names.entity(name)
        if entity.kind == "room":
            return self._whereabouts.spot(self._whereabouts.room(name)) + np.array([0.0, 1.0, 0.0]), -1
        if entity.kind == "agent":
            raise PropError("task.goal", str(name_error("goal", name, [e.name for e in self._names.of_kind("object")])))
        here = entity.kind == "object" and entity.id < len(self._batch.world.scene(0).objects)
        return self.place(name, 0.0), entity.id if here else -1


def _source(effect: SoundStart | SoundPlay | SpeechSay) -> str:
    return effect.speaker if isinstance(effect, SpeechSay) else effect.source


def _words(effect: SoundMove) -> str:
    return effect.to.object or effect.to.room or str(effect.to.position)
