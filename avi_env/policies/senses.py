"""What a policy's network is given: what can be had from an observation without learning, small enough to keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from avi_env.content import name_error
from avi_env.policies.ego_map import MAP_CELLS, MapLens, MapMemory, empty_maps, map_view, seen_maps
from avi_env.policies.own_way import own_ways
from avi_env.policies.sound_cues import CUE_SHAPE, sound_cues

__all__ = [
    "BYTES",
    "DEPTH_SIZE",
    "INPUT_SHAPES",
    "MOTIONS",
    "SOUNDS",
    "SPECTROGRAM_SHAPE",
    "Inputs",
    "Memory",
    "SenseSettings",
    "Senses",
]

Inputs = dict[str, torch.Tensor]
"""Arrays by name, shape (B, ...), uint8 or float16."""

Memory = dict[str, torch.Tensor]
"""What is remembered from step to step, shape (B, ...)."""

SOUNDS = ("cues", "spectrogram", "none")
DEPTH_SIZE = 64
"""Width and height of the depth picture [pixels]."""

MOTIONS = ("ahead", "aside", "sine", "cosine", "still")
"""What the last action has come to: metres ahead and to the right, the turn, and whether nothing moved."""

SPECTROGRAM_SHAPE = (2, 65, 26)
"""Ears, bands and frames of SoundSpaces' spectrogram of a second at 16 kHz."""

INPUT_SHAPES: dict[str, tuple[int, ...]] = {
    "depth": (DEPTH_SIZE, DEPTH_SIZE),
    "cues": CUE_SHAPE,
    "spectrogram": SPECTROGRAM_SHAPE,
    "motion": (len(MOTIONS),),
    "map": (2, MAP_CELLS, MAP_CELLS),
    "goal": (4,),
    "way": (5,),
}
"""Shape of every input there is, without the batch."""

BYTES = ("depth", "cues", "map")
"""Inputs that are uint8; the others are float16."""

_DEPTH_MAX = 10.0  # [m] = 255


@dataclass(frozen=True)
class SenseSettings:
    """Which of the senses a network uses."""

    sound: str = "cues"
    """ "cues": levels and delays of both ears (needs "audio"); "spectrogram": that of SoundSpaces; or "none"."""
    depth: bool = True
    """The depth picture, 64 x 64."""
    map: bool = True
    """A map of what has been seen, about the agent (needs "depth" and "pose")."""
    motion: bool = True
    """How far the last action went (needs "pose")."""
    goal: bool = False
    """Distance and azimuth of the goal (needs "goal")."""
    way: bool = False
    """Where the shortest way to the goal leads over the own map (needs "depth", "pose" and "goal", and the map)."""

    def __post_init__(self) -> None:
        if self.way and not (self.map and self.goal):
            raise ValueError("a way leads to a goal over a map: way = true needs map = true and goal = true")
        if self.sound not in SOUNDS:
            raise name_error("sound input", self.sound, SOUNDS)

    @property
    def sensors(self) -> tuple[str, ...]:
        """Keys of the observation that are read."""
        heard = {"cues": "audio", "spectrogram": "spectrogram", "none": ""}[self.sound]
        wanted = {
            "depth": self.depth or self.map,
            heard: bool(heard),
            "pose": self.map or self.motion,
            "goal": self.goal,
        }
        return tuple(name for name, used in wanted.items() if used)


class Senses:
    """Turns observations into inputs; keeps maps and the last pose in a memory that the caller holds.

    Args:
        settings: what is used.
        sample_rate: of the audio [Hz].
        hfov: of the depth picture [degrees].
        eye_height: of the camera above the floor [m].
    """

    def __init__(self, settings: SenseSettings, *, sample_rate: int, hfov: float, eye_height: float) -> None:
        self.settings, self._rate = settings, sample_rate
        self._lens = MapLens(hfov, eye_height)

    def begin(self, batch: int, device: torch.device | str = "cpu") -> Memory:
        """Returns the memory of agents that have seen nothing."""
        memory: Memory = {}
        if "pose" in self.settings.sensors:
            memory["pose"] = torch.zeros(batch, 4, device=device)
        if self.settings.map:
            memory |= empty_maps(batch, device)._asdict()
        return memory

    def observe(
        self, observation: Mapping[str, torch.Tensor], memory: Memory, first: torch.Tensor
    ) -> tuple[Inputs, Memory]:
        """Returns the inputs of a network, and the memory with this observation in it; the one given is used up.

        Args:
            observation: the sensors, shape (B, ...), as a vector environment gives them.
            memory: of the step before.
            first: rows in which an episode begins, shape (B,), bool.

        Raises:
            ValueError: a sensor is missing, or of another size.
        """
        for name in self.settings.sensors:
            if name not in observation:
                raise ValueError(f"the policy needs the sensor {name!r}: make the environment with it")
        inputs: Inputs = {}
        depth = self._depth(observation)
        if self.settings.depth:
            inputs["depth"] = (depth * (255.0 / _DEPTH_MAX)).round().clamp(0.0, 255.0).to(torch.uint8)
        if self.settings.sound == "cues":
            inputs["cues"] = sound_cues(observation["audio"], self._rate)
        elif self.settings.sound == "spectrogram":
            inputs["spectrogram"] = observation["spectrogram"].permute(0, 3, 1, 2).half()
        if "pose" in memory:
            pose = observation["pose"].float()
            if self.settings.motion:
                inputs["motion"] = _motion(torch.where(first[:, None], pose, memory["pose"]), pose, first)
            memory = {**memory, "pose": pose}
        if self.settings.map:
            maps = MapMemory(memory["near"], memory["far"])
            for cells in maps:
                cells.masked_fill_(first[:, None], 0)
            maps = seen_maps(maps, depth, memory["pose"], self._lens)
            inputs["map"] = map_view(maps, memory["pose"])
        if self.settings.goal:
            inputs["goal"] = _goal(observation["goal"].float())
        if self.settings.way:
            inputs["way"] = own_ways(memory["near"], memory["pose"], observation["goal"].float()).half()
        return inputs, memory

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input, without the batch."""
        s = self.settings
        used = {"depth": s.depth, s.sound: True, "motion": s.motion, "map": s.map, "goal": s.goal, "way": s.way}
        return {name: shape for name, shape in INPUT_SHAPES.items() if used.get(name, False)}

    def _depth(self, observation: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Returns the depth picture at its size [m], shape (B, 64, 64), 0 = no hit."""
        if "depth" not in self.settings.sensors:
            return torch.empty(0)
        depth = observation["depth"][..., 0].float()
        if depth.shape[1] != depth.shape[2]:
            raise ValueError(f"the policy sees square pictures, not {depth.shape[2]} x {depth.shape[1]}")
        if depth.shape[1] == DEPTH_SIZE:
            return depth
        return functional.interpolate(depth[:, None], size=(DEPTH_SIZE, DEPTH_SIZE), mode="nearest-exact")[:, 0]


def _motion(before: torch.Tensor, now: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """Returns `MOTIONS` between two poses in the start frame, shape (B, 5), float16."""
    shift, turn = now[:, [0, 2]] - before[:, [0, 2]], now[:, 3] - before[:, 3]
    sine, cosine = torch.sin(before[:, 3]), torch.cos(before[:, 3])
    ahead = -sine * shift[:, 0] - cosine * shift[:, 1]
    aside = cosine * shift[:, 0] - sine * shift[:, 1]
    still = (shift.abs().amax(dim=1) < 1e-3) & (torch.sin(turn).abs() < math.radians(1.0)) & ~first
    return torch.stack([ahead, aside, torch.sin(turn), torch.cos(turn), still.float()], dim=1).half()


def _goal(goal: torch.Tensor) -> torch.Tensor:
    """Returns what is told of a goal at (metres, azimuth), shape (B, 4), float16."""
    metres, azimuth = goal.unbind(dim=1)
    told = [metres / 10.0, torch.log2(1.0 + metres), torch.sin(azimuth), torch.cos(azimuth)]
    return torch.stack(told, dim=1).half()
