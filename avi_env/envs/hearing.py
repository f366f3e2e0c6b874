"""How the agents' ears are fed."""

from __future__ import annotations

from dataclasses import replace

import torch

from avi_env.envs.world import World
from avi_env.state import State

__all__ = ["begin_sound", "hear"]


def begin_sound(world: World, state: State, rows: torch.Tensor) -> State:
    """Returns the state of some rows after the agent has listened at its start, long enough to fill its window."""
    clock = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    return _listen(world, state, rows, clock, world.config.lead_samples)


def hear(world: World, state: State) -> State:
    """Returns the state after one step of sound at the present poses."""
    config = world.config
    rows = torch.arange(len(state.yaw), device=state.yaw.device)
    clock = config.lead_samples + (state.clock - 1) * config.step_samples
    return _listen(world, state, rows, clock, config.step_samples)


def _listen(world: World, state: State, rows: torch.Tensor, clock: torch.Tensor, count: int) -> State:
    """Plays `count` samples from `clock` on to the agents of some rows; row i of the state is environment rows[i]."""
    if not world.config.listens:
        return state
    ears = state.position + torch.tensor([0.0, world.config.eye_height, 0.0], device=rows.device)
    sound, stream = world.soundscape.listen(
        world.bank, state.stream, rows, state.scene_index, ears, state.yaw, clock, count
    )
    window = torch.cat([state.audio, sound], dim=2)[:, :, -world.config.window_samples :]
    return replace(state, stream=stream, audio=window)
