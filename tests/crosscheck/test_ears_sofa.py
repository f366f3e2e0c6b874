"""SOFA files written by h5py alone, read back as heads."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.hrtf_grid import hrtf_grid
from avi_env.acoustics.late_noise import late_noise
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


def rewrite(path: Path, **changes: object) -> None:
    """Replaces variables of a file; a pair is a variable and its Units, None removes it."""
    with h5py.File(path, "a") as file:
        for name, value in changes.items():
            variable = {"IR": "Data.IR", "Rate": "Data.SamplingRate", "Delay": "Data.Delay"}.get(name, name)
            attributes = dict(file[variable].attrs) if variable in file else {}
            if variable in file:
                del file[variable]
            if value is not None:
                array, units = value if isinstance(value, tuple) else (value, None)
                file[variable] = array
                for key, text in attributes.items():
                    file[variable].attrs[key] = text
                if units is not None:
                    file[variable].attrs["Units"] = np.bytes_(units)


def written(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of the file that `write_sofa` writes."""
    write_sofa(path)
    with h5py.File(path, "r") as file:
        return {name: np.asarray(file[name]) for name in ("Data.IR", "SourcePosition", "ReceiverPosition")}


def test_axes_units_and_delays_of_all_kinds(tmp_path: Path) -> None:
    """Axes in another order, radians, kilohertz, delays per measurement, in seconds or transposed: the same set."""
    path = tmp_path / "own.sofa"
    raw = written(path)
    expected = read_sofa(path)
    radians = np.concatenate([np.radians(raw["SourcePosition"][:, :2]), raw["SourcePosition"][:, 2:]], axis=1)
    samples = np.tile([3.0, 5.0], (36, 1))
    cases: list[tuple[dict[str, object], float]] = [
        ({"IR": raw["Data.IR"].transpose(0, 2, 1)}, 0.0),
        ({"IR": raw["Data.IR"].transpose(1, 2, 0)}, 0.0),
        ({"IR": raw["Data.IR"][:, :, None]}, 0.0),
        ({"SourcePosition": raw["SourcePosition"].T}, 0.0),
        ({"SourcePosition": (radians, "radian, radian, metre")}, 0.0),
        ({"Rate": (np.array(RATE / 1e3), "kilohertz")}, 0.0),
        ({"Rate": (np.full((36, 1), RATE), "Hertz")}, 0.0),
        ({"ReceiverPosition": raw["ReceiverPosition"][..., 0]}, 0.0),
        ({"ReceiverPosition": raw["ReceiverPosition"][..., 0].T}, 0.0),
        ({"ReceiverPosition": None, "Delay": None}, 0.0),
        ({"Delay": samples}, 2.0 / RATE),
        ({"Delay": samples.T}, 2.0 / RATE),
        ({"Delay": (samples / RATE, "second")}, 2.0 / RATE),
        ({"Delay": np.array([3.0, 5.0])}, 2.0 / RATE),
    ]
    for changes, later in cases:
        write_sofa(path)
        rewrite(path, **changes)
        found = read_sofa(path)
        assert_allclose(found.directions, expected.directions, atol=1e-12, err_msg=str(changes.keys()))
        assert_allclose(found.impulse_responses, expected.impulse_responses)
        assert found.sample_rate == RATE
        assert_allclose(found.delay[:, 1] - found.delay[:, 0], later, atol=1e-12)


def test_a_listener_that_is_turned_and_not_at_the_origin(tmp_path: Path) -> None:
    """The head at (1, 2, 0.5), looking to SOFA's +Y, with the same sources about it: the same directions."""
    path = tmp_path / "own.sofa"
    write_sofa(path, kind="cartesian")
    expected = read_sofa(path)
    with h5py.File(path, "r") as file:
        front, left, up = np.asarray(file["SourcePosition"]).T
    place = np.array([1.0, 2.0, 0.5])
    turned = np.stack([-left, front, up], axis=1) + place
    rewrite(path, SourcePosition=turned, ListenerPosition=place[None], ListenerView=np.array([[0.0, 1.0, 0.0]]))
    assert_allclose(read_sofa(path).directions, expected.directions, atol=1e-12)
    rewrite(path, ListenerUp=np.array([[0.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match="parallel"):
        read_sofa(path)


def test_sparse_sets(tmp_path: Path) -> None:
    """One ring, a few directions, the frontal half: finite everywhere, left stays left; a ring is linear in azimuth."""
    path = tmp_path / "own.sofa"
    raw = written(path)
    azimuth, elevation = raw["SourcePosition"][:, 0], raw["SourcePosition"][:, 1]
    for kept in (elevation == 0.0, (elevation == 0.0) & (azimuth % 90 == 0), np.cos(np.radians(azimuth)) > -0.1):
        write_sofa(path)
        rewrite(path, SourcePosition=raw["SourcePosition"][kept], IR=raw["Data.IR"][kept])
        grid = hrtf_grid(load_hrtf(path, 16000), "cpu")
        assert np.isfinite(grid.log_spectrum.numpy()).all()
        delay = (grid.delay[:, 1] - grid.delay[:, 0]).numpy().reshape(37, 145)
        assert delay[18, 36] > 0.3e-3  # 90 degrees to the left
        assert delay[18, 108] < -0.3e-3
        assert_allclose(delay[18, 18], 0.2e-3, atol=0.1e-3)  # between ahead and left


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"IR": np.ones((36, 1, 128))}, "needs two ears"),
        ({"IR": np.ones((36, 3, 128))}, r"two ears need \(measurements, 2, samples\)"),
        ({"IR": np.ones((30, 2, 128))}, "36 source positions"),
        ({"IR": np.stack([np.ones((36, 128)), np.zeros((36, 128))], axis=1)}, "receiver 1 is silent"),
        ({"IR": np.full((36, 2, 128), np.nan)}, "NaN"),
        ({"SourcePosition": np.zeros((36, 2))}, "three coordinates"),
        ({"SourcePosition": np.full((36, 3), np.nan)}, "NaN"),
        ({"Rate": np.array([0.0])}, "one positive number"),
        ({"Rate": np.array([44100.0, 48000.0])}, "one positive number"),
        ({"Rate": (np.array([44.1]), "parsec")}, "parsec"),
        ({"Delay": np.zeros((5, 2))}, "Data.Delay has shape"),
        ({"ReceiverPosition": np.array([[0, 0.1, 0], [0, 0.2, 0]])}, "both receivers lie on the left"),
        ({"ReceiverPosition": np.zeros((3, 3))}, "ReceiverPosition has shape"),
    ],
)
def test_contradictory_files_say_what_is_wrong(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    """Each fault is named with the file and what was expected."""
    path = tmp_path / "own.sofa"
    write_sofa(path)
    rewrite(path, **changes)
    with pytest.raises(ValueError, match=message) as error:
        read_sofa(path)
    assert "own.sofa" in str(error.value)


def test_an_ear_that_hears_nothing_of_one_direction_is_named(tmp_path: Path) -> None:
    """A measurement with a silent ear has no delay: an error, not a wrong one."""
    path = tmp_path / "own.sofa"
    raw = written(path)["Data.IR"]
    raw[7, 1] = 0.0
    rewrite(path, IR=raw)
    with pytest.raises(ValueError, match="measurement 7 has an ear without any sound"):
        read_sofa(path)


def test_equalisation_is_an_option(tmp_path: Path) -> None:
    """Off, a file's own level stays: 12 dB more in the file are 12 dB more at the ears; on, both are equal."""
    paths = [tmp_path / name for name in ("one.sofa", "loud.sofa")]
    raw = written(paths[0])["Data.IR"]
    write_sofa(paths[1])
    rewrite(paths[1], IR=4.0 * raw)
    for equalise, gain in ((True, 1.0), (False, 4.0)):
        one, loud = (load_hrtf(path, 16000, equalise=equalise) for path in paths)
        assert_allclose(loud.taps, gain * one.taps, rtol=1e-4, atol=1e-6)
        assert one.equalised == equalise
    late = [np.sum(late_noise(2, 16000, 0, load_hrtf(path, 16000, equalise=False)) ** 2) for path in paths]
    assert_allclose(late[1] / late[0], 16.0, rtol=1e-3)
    assert_array_equal(late_noise(2, 16000, 0, load_hrtf(paths[1], 16000)), late_noise(2, 16000))
    energy = np.sum(load_hrtf(paths[0], 44100, equalise=False).taps.astype(np.float64) ** 2, axis=-1)
    assert_allclose(energy, np.sum(raw**2, axis=-1), rtol=0.05)
