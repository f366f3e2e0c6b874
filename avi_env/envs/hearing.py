"""How the agents' ears are fed: one line a physical stage."""

from __future__ import annotations

from dataclasses import replace

import torch

from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.direct import direct_paths
from avi_env.acoustics.early import early_fir
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.image_sources import image_source_paths
from avi_env.acoustics.paths import join_paths
from avi_env.acoustics.stream import FOREVER, Playback, StreamState, render_step, start_stream
from avi_env.acoustics.transmission import transmitted_paths
from avi_env.acoustics.wavefront_bank import diffracted_paths
from avi_env.envs.world import World
from avi_env.state import State

__all__ = ["RESPONSE_SECONDS", "begin_sound", "hear", "silent_stream"]

RESPONSE_SECONDS = 0.25
"""Length of the early impulse response: 100 ms of reflections after a path of up to 50 m [s]."""


def silent_stream(world: World, rows: torch.Tensor) -> StreamState:
    """Returns the audio stream of some rows before any sound."""
    return start_stream(world.clips.select(rows), round(RESPONSE_SECONDS * world.config.sample_rate))


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
    response, sample = ear_responses(world, rows, state.scene_index, state.source, ears, state.yaw)
    always = torch.zeros(len(rows), 1, dtype=torch.int64, device=rows.device)
    playback = Playback(always, always + FOREVER, torch.ones(len(rows), 1, device=rows.device))
    clips = world.clips.select(rows)
    sound, stream = render_step(
        state.stream, clips, playback, clock, response, sample.late, sample.first_arrival, count
    )
    window = torch.cat([state.audio, sound], dim=2)[:, :, -world.config.window_samples :]
    return replace(state, stream=stream, audio=window)


def ear_responses(
    world: World,
    rows: torch.Tensor,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    ears: torch.Tensor,
    yaw: torch.Tensor,
) -> tuple[torch.Tensor, FieldSample]:
    """Returns the early impulse responses at both ears, shape (R, 2, n), and the field sample with the late energies.

    Args:
        world: scenes and baked fields.
        rows: environments asked for, shape (R,), int64.
        scene_index: their scenes, shape (R,), int32.
        source: their sources [m], shape (R, 3).
        ears: centres of their heads [m], shape (R, 3).
        yaw: their headings [rad], shape (R,).
    """
    bank, rate = world.bank, world.config.sample_rate
    blocked = bank.occluded(scene_index, source, ears)
    paths = join_paths(
        direct_paths(bank, scene_index, source, ears, blocked=blocked),
        transmitted_paths(bank, scene_index, source, ears, blocked=blocked),
        diffracted_paths(world.wavefronts, rows, source, ears, blocked),
        image_source_paths(bank, scene_index, source, ears),
    )
    sample = world.fields.lookup(ears, lambda cells: _seen(world, scene_index, ears, cells), rows)
    length = round(RESPONSE_SECONDS * rate)
    return paths_to_fir(paths, yaw, world.hrtf, length) + early_fir(sample, yaw, world.hrtf, length), sample


def _seen(world: World, scene_index: torch.Tensor, ears: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Returns whether each listener sees the cells around it, so that no sound leaks through thin walls, (R, 4)."""
    return ~world.bank.occluded(scene_index, ears[:, None].expand_as(cells), cells)
