"""Sound in rooms: exact paths, traced and baked reverberation, ears, impulse responses and room metrics.

Names load when first used: formulas and bands need neither torch nor Warp.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avi_env.acoustics.air import air_absorption_db
    from avi_env.acoustics.bake import bake_field
    from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND, pressure_from_spl, spl_from_pressure
    from avi_env.acoustics.direct import direct_paths
    from avi_env.acoustics.directivity import Directivity, load_directivity
    from avi_env.acoustics.discrete import discrete_paths
    from avi_env.acoustics.emitter import Emitter
    from avi_env.acoustics.field import SourceField, WavefrontField
    from avi_env.acoustics.formulas import critical_distance, eyring_rt60, kuttruff_rt60, sabine_rt60
    from avi_env.acoustics.hrtf import Hrtf, load_hrtf, microphone_array
    from avi_env.acoustics.image_sources import image_source_paths
    from avi_env.acoustics.metrics import RoomMetrics, room_metrics
    from avi_env.acoustics.path_tracer import Echogram, trace_echogram
    from avi_env.acoustics.path_walk import PathBudget
    from avi_env.acoustics.paths import Paths, join_paths
    from avi_env.acoustics.rir import render_rir, render_rirs
    from avi_env.acoustics.room import room_estimate
    from avi_env.acoustics.scene_emitters import scene_emitters
    from avi_env.acoustics.soundscape import Soundscape
    from avi_env.acoustics.soundscape_render import render_soundscape
    from avi_env.acoustics.transmission import transmitted_paths
    from avi_env.acoustics.wavefront import wavefront_field
    from avi_env.acoustics.wavefront_bank import diffracted_paths

_HOMES = {
    "BANDS_HZ": "bands",
    "Directivity": "directivity",
    "Echogram": "path_tracer",
    "Emitter": "emitter",
    "Hrtf": "hrtf",
    "PathBudget": "path_walk",
    "Paths": "paths",
    "RoomMetrics": "metrics",
    "SPEED_OF_SOUND": "bands",
    "SourceField": "field",
    "Soundscape": "soundscape",
    "WavefrontField": "field",
    "air_absorption_db": "air",
    "bake_field": "bake",
    "critical_distance": "formulas",
    "diffracted_paths": "wavefront_bank",
    "direct_paths": "direct",
    "discrete_paths": "discrete",
    "eyring_rt60": "formulas",
    "image_source_paths": "image_sources",
    "join_paths": "paths",
    "kuttruff_rt60": "formulas",
    "load_directivity": "directivity",
    "load_hrtf": "hrtf",
    "microphone_array": "hrtf",
    "pressure_from_spl": "bands",
    "render_rir": "rir",
    "render_rirs": "rir",
    "render_soundscape": "soundscape_render",
    "room_estimate": "room",
    "room_metrics": "metrics",
    "sabine_rt60": "formulas",
    "scene_emitters": "scene_emitters",
    "spl_from_pressure": "bands",
    "trace_echogram": "path_tracer",
    "transmitted_paths": "transmission",
    "wavefront_field": "wavefront",
}

__all__ = [
    "BANDS_HZ",
    "SPEED_OF_SOUND",
    "Directivity",
    "Echogram",
    "Emitter",
    "Hrtf",
    "PathBudget",
    "Paths",
    "RoomMetrics",
    "Soundscape",
    "SourceField",
    "WavefrontField",
    "air_absorption_db",
    "bake_field",
    "critical_distance",
    "diffracted_paths",
    "direct_paths",
    "discrete_paths",
    "eyring_rt60",
    "image_source_paths",
    "join_paths",
    "kuttruff_rt60",
    "load_directivity",
    "load_hrtf",
    "microphone_array",
    "pressure_from_spl",
    "render_rir",
    "render_rirs",
    "render_soundscape",
    "room_estimate",
    "room_metrics",
    "sabine_rt60",
    "scene_emitters",
    "spl_from_pressure",
    "trace_echogram",
    "transmitted_paths",
    "wavefront_field",
]


def __getattr__(name: str) -> object:
    """Loads a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'avi_env.acoustics' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"avi_env.acoustics.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
