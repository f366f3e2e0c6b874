"""The configuration of an environment: frozen dataclasses, unknown keys are errors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from avi_env.content import name_error

__all__ = ["SENSORS", "EnvConfig"]

SENSORS = ("rgb", "depth", "audio", "spectrogram", "semantic", "pose", "goal")
"""Observation keys, in order; the first four are on by default."""

OUTPUTS = ("numpy", "torch")
AUTORESET_MODES = ("next_step", "same_step", "disabled")


@dataclass(frozen=True)
class EnvConfig:
    """Everything an environment can be told. Each field is a keyword of `gym.make` and `gym.make_vec`."""

    scenes: str = "house:0"
    """Scene name or path, or "houses:K" for houses 0..K-1 (one is drawn at each reset). `scene` is the same keyword."""
    sounds: tuple[str, ...] = ()
    """Sound classes to hide; empty = all that the scene's objects can make."""
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
    """Head-related transfer functions: "kemar", "spherical" or a SOFA file."""
    bake_paths: int = 2048
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
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: str = "numpy"
    """Arrays of the vector environment: "numpy" or "torch"."""
    autoreset: str = "next_step"
    """Vector environment: "next_step", "same_step" or "disabled"."""

    @classmethod
    def from_keywords(cls, keywords: dict[str, Any]) -> EnvConfig:
        """Returns the configuration of `gym.make` keywords.

        Raises:
            ValueError: an unknown keyword, with the nearest known one, or a value out of range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        given = dict(keywords)
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
        for name in self.sensors:
            if name not in SENSORS:
                raise name_error("sensor", name, SENSORS)
        if not self.sensors:
            raise ValueError(f"sensors is empty: name at least one of {', '.join(SENSORS)}")
        for option, choices in (("output", OUTPUTS), ("autoreset", AUTORESET_MODES)):
            if getattr(self, option) not in choices:
                raise name_error(option, str(getattr(self, option)), choices)
        for option in (
            "width",
            "height",
            "hfov",
            "sample_rate",
            "step_seconds",
            "audio_seconds",
            "forward",
            "turn_deg",
        ):
            if not getattr(self, option) > 0:
                raise ValueError(f"{option} must be positive, got {getattr(self, option)}")
        if self.hfov >= 180:
            raise ValueError(f"hfov must be below 180 degrees, got {self.hfov:g}")
        if self.step_samples != self.sample_rate * self.step_seconds:
            samples = self.step_seconds * self.sample_rate
            raise ValueError(f"step_seconds * sample_rate must be a whole number of samples, got {samples:g}")

    @property
    def sensors_in_order(self) -> tuple[str, ...]:
        """The sensors that are on, in their fixed order."""
        return tuple(name for name in SENSORS if name in self.sensors)

    @property
    def listens(self) -> bool:
        """Whether any sensor needs sound; without one, none is baked or synthesised."""
        return "audio" in self.sensors or "spectrogram" in self.sensors

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
