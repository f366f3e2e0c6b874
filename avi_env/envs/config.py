"""The configuration of an environment: frozen dataclasses, unknown keys are errors."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from avi_env.acoustics.bake import BAKE_PATHS
from avi_env.content import name_error
from avi_env.sounds import class_of_sound, expand_sounds, sound_classes
from avi_env.sounds.schedule import ALWAYS, Schedule
from avi_env.tasks import GOAL_CATEGORIES, Task, load_task
from avi_env.tasks.episodes import SCHEDULES
from avi_env.tasks.shut_doors import check_doors
from avi_env.tasks.sources import SOUND_VARIANTS

__all__ = ["IMAGES", "SENSORS", "EnvConfig"]

SENSORS = ("rgb", "depth", "audio", "spectrogram", "semantic", "pose", "goal", "target", "question", "options")
"""Observation keys, in order; the first four are on by default."""

TEXTS = ("question", "options")
"""Those that only tasks with questions have."""

IMAGES = ("rgb", "depth", "semantic")
"""Those that the camera takes."""

OUTPUTS = ("numpy", "torch")
AUTORESET_MODES = ("next_step", "same_step", "disabled")

_POSITIVE = (
    "width",
    "height",
    "hfov",
    "sample_rate",
    "step_seconds",
    "audio_seconds",
    "forward",
    "turn_deg",
    "reverberation",
)
_NOT_NEGATIVE = (
    "distractors",
    "source_speed",
    "distractor_speed",
    "sound_seconds",
    "pause_seconds",
    "sound_count",
    "door_seconds",
    "rooms",
    "noise_level",
    "actuation_noise",
    "depth_noise",
    "image_noise",
)


@dataclass(frozen=True)
class EnvConfig:
    """Everything an environment can be told. Each field is a keyword of `gym.make` and `gym.make_vec`.

    The defaults are those of AudioNav; `from_keywords` puts those of the task in their place.
    """

    task: str = "AudioNav"
    """Name of a task (`avi_env.tasks.TASKS`). An id sets it: "avi_env/PointNav-v0" has task "PointNav"."""
    scenes: str = "house:0"
    """Scene name or path, or "houses:K" for houses 0..K-1 (one is drawn at each reset). `scene` is the same keyword."""
    sounds: tuple[str, ...] = ()
    """Sounds to hide: classes ("phone"), variants ("phone/marimba"), a split ("split:unheard"), a folder of your own
    sounds ("my/sounds"), or several; empty = all that the scene's objects can make."""
    sound_clips: int = SOUND_VARIANTS
    """Clips of each sound that episodes are drawn from, 1 to 8. The reverberation of fewer is sooner all on disk: a
    training with all sounds and one clip of each keeps 3 GB there (`AVI_CACHE_GIB`) instead of making it anew."""
    sensors: tuple[str, ...] = ("rgb", "depth", "audio", "spectrogram")
    """Observation keys; what is not named is not computed."""
    width: int = 128
    """Image width [pixels]."""
    height: int = 128
    """Image height [pixels]."""
    hfov: float = 90.0
    """Horizontal field of view [degrees]."""
    eye_height: float = 1.25
    """Height of camera and ears above the floor [m]."""
    depth_max: float = 10.0
    """Depth readings are clipped here [m]."""
    quality: str = "fast"
    """Rendering quality: "fast" or "shadows"."""
    sample_rate: int = 16000
    """Audio sample rate [Hz]."""
    step_seconds: float = 0.25
    """Simulated time of one action [s]."""
    audio_seconds: float = 1.0
    """Length of the audio observation: the most recent sound [s]."""
    hrtf: str = "kemar"
    """What hears: a head ("kemar", "spherical" or a SOFA file) or microphones ("tetrahedral": four of them)."""
    bake_paths: int = BAKE_PATHS
    """Sound paths traced per source."""
    forward: float = 0.25
    """Length of a forward action [m]."""
    turn_deg: float = 15.0
    """Angle of a turn action [degrees]."""
    agent_radius: float = 0.2
    """[m]"""
    agent_height: float = 1.5
    """[m]"""
    distance_min: float = 3.0
    """Least geodesic distance from start to goal [m], where the scene is large enough."""
    success_distance: float = 1.0
    """Stopping nearer to the goal than this succeeds [m]."""
    distractors: int = 0
    """Further sounds at the same time, of other classes than the goal's; the sensor "target" tells which is sought."""
    source_speed: float = 0.0
    """The goal is a person's sound that walks from room to room at this speed [m/s]; 0 = an object that stays."""
    distractor_speed: float = 0.0
    """So do the distractors, at this speed [m/s]; 0 = they stay."""
    directivity: str = "omni"
    """How loud sources are to each side: "omni", "cardioid" or "speech"; they face as their objects do, or ahead."""
    sound_seconds: float = 0.0
    """Length of each emission [s], the first from a window before the first observation on; 0 = without end."""
    pause_seconds: float = 0.0
    """Silence between two emissions [s]."""
    sound_count: int = 0
    """Number of emissions in an episode; 0 = no end."""
    sound_schedule: str = "given"
    """When the goal sounds: "given" by the options above; or drawn for each episode: "once" for about 15 s from some
    moment on, or on and off as befits its "family"."""
    door_events: tuple[tuple[float, int, float], ...] = ()
    """Doors that turn in every episode: (seconds since the first observation, portal id, openness 0 shut .. 1 open)."""
    door_seconds: float = 0.0
    """Mean time between random movements of doors [s]; 0 = doors stay as the house has them."""
    doors: str | float = "given"
    """Doors as an episode begins: "given" by the scene, all "open", or "closed" wherever nobody's way is cut off; or a
    number: the share of the latter that is shut, drawn for each episode."""
    rooms: int = 0
    """Rooms of generated houses that do not name their own; 0 = as the house's seed draws them."""
    sound_level: float = 0.0
    """Added to the level of everything that sounds in the scene [dB]."""
    noise_level: float = 0.0
    """Steady pink noise from all sides at the ears [dB SPL]; 0 = none."""
    reverberation: float = 1.0
    """Factor on the reverberation times of the scenes, whose surfaces absorb less or more for it."""
    actuation_noise: float = 0.0
    """Standard deviation of how far a forward or turn action goes, as a share of what it should."""
    depth_noise: float = 0.0
    """Noise of depth readings: a standard deviation of this times the squared depth [1/m]; Kinect 0.0014."""
    image_noise: float = 0.0
    """Standard deviation of rgb readings [levels of 255]."""
    echolocation: bool = False
    """Whether the agent emits a chirp with every step."""
    doppler: bool = False
    """Whether motion shifts the pitch of the direct sound."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: str = "numpy"
    """Arrays of the vector environment: "numpy" or "torch"."""
    autoreset: str = "next_step"
    """Vector environment: "next_step", "same_step" or "disabled"."""
    copy: bool = True
    """Vector environment: False overwrites what a call returned at the call after the next one."""
    prefetch: bool = True
    """Whether the next episodes are made ready in the background: from a reset on, of one environment from the first
    step after it on."""
    bank_scenes: int = 64
    """Scenes drawn from at a time. If `scenes` names more, episode i is in one of so many from number i on, and scenes
    that nobody is in any more leave the device."""

    @classmethod
    def from_keywords(cls, keywords: dict[str, Any]) -> EnvConfig:
        """Returns the configuration of `gym.make` keywords.

        Raises:
            ValueError: an unknown keyword, with the nearest known one, or a value out of range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        task = load_task(str(keywords.get("task", cls.task)))
        given = {**task.defaults, **keywords}
        if "scene" in given:
            if "scenes" in given:
                raise ValueError("give either scene or scenes, not both")
            given["scenes"] = given.pop("scene")
        for name in given:
            if name not in known:
                raise name_error("option of the environment", name, [*known, "scene"])
        for name in ("sounds", "sensors"):
            if isinstance(given.get(name), str):
                given[name] = (given[name],)
            elif name in given:
                given[name] = tuple(given[name])
        return cls(**given)

    def __post_init__(self) -> None:
        load_task(self.task)
        events = tuple((float(time), int(portal), float(share)) for time, portal, share in self.door_events)
        object.__setattr__(self, "door_events", events)
        for name in self.sensors:
            if name not in SENSORS:
                raise name_error("sensor", name, SENSORS)
        if self.played.goal != "sound" and (self.source_speed > 0 or self.sounds):
            raise ValueError(f"no goal of {self.task} sounds: leave out sounds and source_speed; distractors may sound")
        if self.played.answers != "options" and set(TEXTS) & set(self.sensors):
            raise ValueError(f"{self.task} asks no question: leave {' and '.join(TEXTS)} out of sensors")
        if self.played.answers == "options" and self.doors != "given":
            raise ValueError("questions are about doors, too: leave doors='given'")
        if not self.sensors:
            raise ValueError(f"sensors is empty: name at least one of {', '.join(SENSORS)}")
        for option, choices in (("output", OUTPUTS), ("autoreset", AUTORESET_MODES), ("sound_schedule", SCHEDULES)):
            if getattr(self, option) not in choices:
                raise name_error(option, str(getattr(self, option)), choices)
        self._check_numbers()

    def _check_numbers(self) -> None:
        for option in _POSITIVE:
            if not 0 < getattr(self, option) < math.inf:
                raise ValueError(f"{option} must be positive and finite, got {getattr(self, option)}")
        if self.bank_scenes < 1:
            raise ValueError(f"bank_scenes must be at least 1, got {self.bank_scenes}")
        if not 1 <= self.sound_clips <= SOUND_VARIANTS:
            raise ValueError(f"sound_clips must be from 1 to {SOUND_VARIANTS}, got {self.sound_clips}")
        for option in _NOT_NEGATIVE:
            if not 0 <= getattr(self, option) < math.inf:
                raise ValueError(f"{option} must be finite and not negative, got {getattr(self, option)}")
        if self.sound_seconds == 0 and (self.pause_seconds > 0 or self.sound_count > 0):
            raise ValueError("pauses and a number of emissions need sound_seconds, the length of an emission")
        if not math.isfinite(self.sound_level):
            raise ValueError(f"sound_level must be finite, got {self.sound_level}")
        check_doors(self.doors)
        if self.hfov >= 180:
            raise ValueError(f"hfov must be below 180 degrees, got {self.hfov:g}")
        if self.step_samples != self.sample_rate * self.step_seconds:
            samples = self.step_seconds * self.sample_rate
            raise ValueError(f"step_seconds * sample_rate must be a whole number of samples, got {samples:g}")

    @property
    def played(self) -> Task:
        """The task."""
        return load_task(self.task)

    @cached_property
    def target_classes(self) -> tuple[str, ...]:
        """What "target" tells apart: categories where objects are sought, else our classes, then the user's own."""
        if self.played.goal == "category":
            return GOAL_CATEGORIES
        own = sound_classes()
        return own + tuple(sorted({class_of_sound(name) for name in expand_sounds(self.sounds)} - set(own)))

    @property
    def sensors_in_order(self) -> tuple[str, ...]:
        """The sensors that are on, in their fixed order."""
        return tuple(name for name in SENSORS if name in self.sensors)

    @property
    def listens(self) -> bool:
        """Whether any sensor needs sound; without one, none is baked or synthesised."""
        return "audio" in self.sensors or "spectrogram" in self.sensors

    @property
    def channels(self) -> int:
        """Channels of sound: 2 ears, or the microphones of an array."""
        from avi_env.acoustics.hrtf import load_hrtf

        return load_hrtf(self.hrtf, self.sample_rate).channel_count if self.listens else 2

    @property
    def schedule(self) -> Schedule:
        """When sources sound for which no other schedule was drawn."""
        if self.sound_seconds == 0:
            return ALWAYS
        return Schedule(on=self.sound_seconds, off=self.pause_seconds, count=self.sound_count or None)

    @property
    def lead_seconds(self) -> float:
        """Time that the agent has listened before its first action [s]."""
        return self.lead_samples / self.sample_rate

    @property
    def step_samples(self) -> int:
        """Audio samples of one step."""
        return round(self.sample_rate * self.step_seconds)

    @property
    def lead_samples(self) -> int:
        """Samples the agent has heard before its first action: whole steps that fill the observation's window."""
        return -(-self.window_samples // self.step_samples) * self.step_samples

    @property
    def window_samples(self) -> int:
        """Audio samples of the observation."""
        return round(self.sample_rate * self.audio_seconds)
