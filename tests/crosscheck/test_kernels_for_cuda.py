"""Kernels compile for a GPU too; Warp brings NVIDIA's compiler along, no GPU is needed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import warp as wp

MODULES = (
    "acoustics.binaural",
    "acoustics.cell_tracer",
    "acoustics.convolution",
    "acoustics.doppler",
    "acoustics.dry_sound",
    "acoustics.ear_filters",
    "acoustics.early",
    "acoustics.early_signals",
    "acoustics.field_bank",
    "acoustics.lane_transforms",
    "acoustics.late_bus",
    "acoustics.spectrogram",
    "navigation.device_fields",
    "navigation.sight",
    "policies.own_way",
)


@pytest.mark.parametrize("name", MODULES)
def test_kernels_compile_for_cuda(name: str, tmp_path: Path) -> None:
    """What clang accepts for the CPU, NVIDIA's compiler accepts for compute capability 8.0."""
    module = importlib.import_module(f"avi_env.{name}")
    wp.compile_aot_module(module, arch=80, module_dir=tmp_path, use_ptx=True)
    code = next(tmp_path.glob("*.ptx")).read_text()
    assert all(kernel in code for kernel, value in vars(module).items() if isinstance(value, wp.Kernel))
