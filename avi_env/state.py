"""State: all that changes, batched, on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from avi_env.acoustics.soundscape import ShiftedStream
from avi_env.acoustics.stream import StreamState

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """B agents, their goals, their sounds and what they have heard. Changed only by `dataclasses.replace`."""

    scene_index: torch.Tensor
    """Scene of each environment in the world's bank, doors as they stand, shape (B,), int32."""
    home_index: torch.Tensor
    """The same without any door turned, shape (B,), int32: goal distances are on its grid."""
    position: torch.Tensor
    """Feet [m], world frame, shape (B, 3), float32."""
    yaw: torch.Tensor
    """Heading [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,), float32."""
    start_position: torch.Tensor
    """Feet at the start of the episode [m], shape (B, 3)."""
    start_yaw: torch.Tensor
    """Heading at the start [rad], shape (B,)."""
    source: torch.Tensor
    """Sound sources [m], world frame, shape (B, S, 3): the goal, then the distractors."""
    target: torch.Tensor
    """1 at the sound class that is sought, else 0, shape (B, classes), float32."""
    goal: torch.Tensor
    """Walkable point to reach [m], world frame, shape (B, 3)."""
    distance: torch.Tensor
    """Geodesic distance to the goal [m], shape (B,)."""
    start_distance: torch.Tensor
    """The same at the start [m], shape (B,)."""
    path_length: torch.Tensor
    """Length walked so far [m], shape (B,)."""
    oracle_actions: torch.Tensor
    """Actions of the shortest-path follower, stop included, shape (B,), int64."""
    step_count: torch.Tensor
    """Actions taken, shape (B,), int64."""
    clock: torch.Tensor
    """Steps of time since the first observation, shape (B,), int64."""
    collided: torch.Tensor
    """Whether something was in the way of the last move, shape (B,), bool."""
    success: torch.Tensor
    """Whether the agent stopped within reach of the goal, shape (B,), bool."""
    stream: StreamState | ShiftedStream
    """What the audio synthesis remembers from step to step."""
    audio: torch.Tensor
    """The most recent sound at the ears [linear pressure], shape (B, C, n), channel 0 = left."""
