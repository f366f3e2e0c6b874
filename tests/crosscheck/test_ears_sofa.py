"""SOFA files written by h5py alone, read back as heads."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.sofa import read_sofa

RATE = 44100.0


def write_sofa(
    path: Path, *, kind: str = "spherical", swap: bool = False, convention: str = "SimpleFreeFieldHRIR"
) -> None:
    """Writes a set with pure delays and levels: the ear on the source's side is 0.4 ms earlier and 6 dB louder."""
    azimuth = np.repeat(np.arange(0.0, 360.0, 30.0), 3)
    elevation = np.tile([-45.0, 0.0, 45.0], 12)
    left = np.sin(np.radians(azimuth)) * np.cos(np.radians(elevation))
    responses = np.zeros((36, 2, 128))
    for row, side in enumerate(left):
        for ear, sign in enumerate((1, -1)):
            responses[row, ear, 40 - round(sign * side * 0.2e-3 * RATE)] = 2 ** (0.5 * sign * side)
    flat = np.cos(np.radians(elevation))
    front, up = flat * np.cos(np.radians(azimuth)), np.sin(np.radians(elevation))
    with h5py.File(path, "w") as file:
        file.attrs["SOFAConventions"] = np.bytes_(convention)
        file.attrs["ListenerShortName"] = "test head"
        position = np.stack([azimuth, elevation, np.full(36, 1.4)], axis=1)
        if kind == "cartesian":
            position = 1.4 * np.stack([front, left, up], axis=1)
        file["SourcePosition"] = position
        file["SourcePosition"].attrs["Type"] = kind
        file["ReceiverPosition"] = np.array([[[0.0], [0.09], [0.0]], [[0.0], [-0.09], [0.0]]])[:: -1 if swap else 1]
        file["Data.IR"] = responses[:, ::-1] if swap else responses
        file["Data.SamplingRate"] = np.array([RATE])
        file["Data.Delay"] = np.zeros((1, 2))


@pytest.mark.parametrize(("kind", "swap"), [("spherical", False), ("cartesian", False), ("spherical", True)])
def test_own_sets_load(tmp_path: Path, kind: str, swap: bool) -> None:
    """Positions of both kinds and receivers in either order give the same head: left is left, ITD and ILD kept."""
    path = tmp_path / "own.sofa"
    write_sofa(path, kind=kind, swap=swap)
    head = load_hrtf(path, 16000)
    assert head.name == "test head"
    left = -head.directions[:, 0]
    assert_allclose(head.itd, 0.4e-3 * left, atol=1.2 / RATE)
    level = 10 * np.log10((head.taps[:, 0] ** 2).sum(-1) / (head.taps[:, 1] ** 2).sum(-1))
    assert_allclose(level, 20 * np.log10(2.0) * left, atol=0.5)


def test_directions_are_in_the_head_frame(tmp_path: Path) -> None:
    """SOFA's azimuth 90 is the left, -X for us; azimuth 0 is ahead, -Z; elevation is +Y."""
    path = tmp_path / "own.sofa"
    write_sofa(path)
    directions = read_sofa(path).directions
    assert_allclose(directions[1], [0, 0, -1], atol=1e-12)
    assert_allclose(directions[10], [-1, 0, 0], atol=1e-12)
    assert_allclose(directions[2], [0, 0.5**0.5, -(0.5**0.5)], atol=1e-12)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """Absent files, files of another kind and incomplete sets each get their own message."""
    with pytest.raises(FileNotFoundError, match=r"none\.sofa"):
        read_sofa(tmp_path / "none.sofa")
    (tmp_path / "text.sofa").write_text("not a container")
    with pytest.raises(ValueError, match="not a SOFA file"):
        load_hrtf(tmp_path / "text.sofa")
    write_sofa(tmp_path / "room.sofa", convention="MultiSpeakerBRIR")
    with pytest.raises(ValueError, match="MultiSpeakerBRIR"):
        load_hrtf(tmp_path / "room.sofa")
    with h5py.File(tmp_path / "empty.sofa", "w"):
        pass
    with pytest.raises(ValueError, match=r"lacks Data\.IR"):
        load_hrtf(tmp_path / "empty.sofa")
