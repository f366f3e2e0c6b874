"""The cache of bakes on disk: found by all inputs, safe for several processes, harmless when it fails."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from avi_env import array_cache, content
from avi_env.acoustics import bake, bake_cache, bake_field
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material

SOURCE = (1.0, 1.0, 1.0)
SMALL = {"path_count": 64}


def room(absorption=0.3):
    """A small room."""
    return shoebox((3.0, 2.6, 3.0), material=Material("wall", absorption=absorption, scattering=0.3))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, and nothing in memory."""
    monkeypatch.setenv("AVI_CACHE", str(tmp_path))
    monkeypatch.setattr(array_cache, "_warned", False)
    bake._fields.clear()
    return tmp_path / "bakes"


def files(folder):
    """Names of the kept bakes."""
    return sorted(p.name for p in folder.glob("*")) if folder.is_dir() else []


def same(one, other):
    """Whether two fields are equal to the bit."""
    pairs = [(getattr(one, n), getattr(other, n)) for n in ("early", "late", "cells", "cell_index", "first_arrival")]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs) and one.origin == other.origin


def test_field_comes_back_from_disk_bit_by_bit(folder, monkeypatch):
    """What was baked is read again, without a new bake, as the same bits and types."""
    first = bake_field(room(), SOURCE, **SMALL)
    bake._fields.clear()
    monkeypatch.setattr(bake, "trace_sources", lambda *_, **__: pytest.fail("baked again"))
    again = bake_field(room(), SOURCE, **SMALL)
    assert again is not first
    assert same(first, again)
    assert (again.source, again.spacing) == (first.source, first.spacing)
    np.testing.assert_array_equal(again.wavefront.length, first.wavefront.length)
    assert bake_field(room(), SOURCE, **SMALL) is again


def test_every_input_is_in_the_key(folder):
    """Scene, place, seed, number of paths, height of the ears, directivity and heading each make another bake."""
    changes = ({}, {"seed": 1}, {"path_count": 65}, {"ear_height": 1.2}, {"directivity": "cardioid"},
               {"directivity": "cardioid", "yaw": 0.5}, {"directivity": "speech"})  # fmt: skip
    for number, change in enumerate(changes, start=1):
        bake_field(room(), SOURCE, **(SMALL | change))
        assert len(files(folder)) == number
    bake_field(room(), (1.0, 1.0, 1.0 + 1e-9), **SMALL)
    bake_field(room(0.31), SOURCE, **SMALL)
    assert len(files(folder)) == len(changes) + 2
    bake_field(room(), SOURCE, **SMALL, yaw=0.5)  # sounds alike in all directions: turning changes nothing
    bake_field(room(), SOURCE, **SMALL, directivity="omni", device="cpu")
    assert len(files(folder)) == len(changes) + 2


def test_code_and_format_are_in_the_key(monkeypatch):
    """Another file format, or a change of the code that bakes, finds no old bake."""
    key = bake_cache.bake_key("scene", 1, 2.0)
    assert key == bake_cache.bake_key("scene", 1, 2.0)
    assert key != bake_cache.bake_key("scene", 12.0)
    monkeypatch.setattr(array_cache, "_FORMAT", array_cache._FORMAT + 1)
    assert key != bake_cache.bake_key("scene", 1, 2.0)
    monkeypatch.undo()
    monkeypatch.setattr(array_cache, "_code_digest", lambda packages: "changed")
    assert key != bake_cache.bake_key("scene", 1, 2.0)


@pytest.mark.parametrize("damage", ["empty", "cut", "foreign", "other key", "flipped"])
def test_damaged_files_are_baked_anew(folder, damage):
    """A damaged or foreign file is neither an error nor an answer: it is replaced."""
    first = bake_field(room(), SOURCE, **SMALL)
    (path,) = folder.glob("*.arrays")
    whole = path.read_bytes()
    if damage == "other key":
        bake_field(room(), SOURCE, **(SMALL | {"seed": 1}))
        (other,) = set(folder.glob("*.arrays")) - {path}
        path.write_bytes(other.read_bytes())
    else:
        half = len(whole) // 2
        flipped = whole[:half] + bytes(b ^ 255 for b in whole[half : half + 64]) + whole[half + 64 :]
        path.write_bytes({"empty": b"", "cut": whole[:half], "foreign": b"not a bake", "flipped": flipped}[damage])
    bake._fields.clear()
    assert same(first, bake_field(room(), SOURCE, **SMALL))
    bake._fields.clear()
    wavefront = first.wavefront
    assert same(first, bake_cache.read_bake(path.stem, wavefront))


def test_arrays_of_any_shape_come_back(folder):
    """Arrays keep their type, shape and bits, may be written to, and begin where a vector unit likes them to."""
    rng = np.random.default_rng(5)
    arrays = {
        "none": np.zeros((2, 0, 3), np.int16),
        "one": np.array(2.5),
        "flags": rng.random(13) < 0.5,
        "table": rng.standard_normal((7, 5)).astype(np.float32)[:, ::2],
        "text": np.array("späť"),
    }
    array_cache.write_arrays("clips", "k", arrays)
    again = array_cache.read_arrays("clips", "k")
    assert list(again) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array, strict=True)
        assert again[name].flags.writeable
        assert again[name].flags.aligned
    assert array_cache.read_arrays("clips", "other") is None


@pytest.mark.parametrize("place", [0, 8, 16, 30, 200, -70, -1])
def test_one_flipped_byte_is_found(folder, place):
    """Wherever a byte has changed - magic, checksum, contents, arrays - the file is no answer."""
    array_cache.write_arrays("clips", "k", {"table": np.arange(1000.0)})
    path = folder.parent / "clips" / "k.arrays"
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    assert array_cache.read_arrays("clips", "k") is None


def test_files_of_older_formats_go_first(folder):
    """What an older version of this package has left there counts, and makes room as the rest does."""
    array_cache.write_arrays("bakes", "a", {"table": np.zeros(100)})
    old = folder / "old.npz"
    old.write_bytes(b"x" * 2000)
    os.utime(old, (1e9, 1e9))
    array_cache.write_arrays("bakes", "b", {"table": np.zeros(100)}, limit=3000)
    assert files(folder) == ["a.arrays", "b.arrays"]


def test_oldest_used_files_make_room(folder):
    """Above the limit the files that were not used for longest go; reading counts as using."""
    fields = [bake_field(room(), SOURCE, **SMALL, seed=seed) for seed in range(4)]
    paths = sorted(folder.glob("*.arrays"))
    for age, path in enumerate(paths):
        os.utime(path, (1e9 + age, 1e9 + age))
    assert bake_cache.read_bake(paths[0].stem, fields[0].wavefront) is not None
    left_behind = folder / ".killed.1.part.arrays"
    left_behind.write_bytes(b"half")
    os.utime(left_behind, (1e9, 1e9))
    size = paths[0].stat().st_size
    bake_cache.write_bake("new", fields[0], limit=4 * size + 100)
    assert files(folder) == sorted([paths[0].name, paths[3].name, "new.arrays"])


def test_closed_folder_warns_once(folder, tmp_path, monkeypatch):
    """A cache that cannot be written costs one warning that names it and the remedy; sound is baked all the same."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("AVI_CACHE", str(blocked))
    with pytest.warns(RuntimeWarning, match="AVI_CACHE"):
        field = bake_field(room(), SOURCE, **SMALL)
    assert np.all(np.isfinite(field.early))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bake_field(room(), SOURCE, **SMALL, seed=1)


def test_cache_can_be_off_and_has_a_usual_place(folder, tmp_path, monkeypatch):
    """AVI_CACHE=off keeps nothing; without the variable it is the user's cache folder."""
    monkeypatch.setenv("AVI_CACHE", "off")
    bake_field(room(), SOURCE, **SMALL)
    assert files(folder) == []
    assert content.cache_folder() is None
    monkeypatch.delenv("AVI_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert content.cache_folder() == tmp_path / "xdg" / "avi-env"


def test_uncached_bake_keeps_nothing(folder):
    """A bake that is measured is neither read nor kept."""
    one, two = (bake_field(room(), SOURCE, **SMALL, cached=False) for _ in range(2))
    assert one is not two
    assert same(one, two)
    assert files(folder) == []
    assert not bake._fields


def test_processes_may_write_the_same_at_once(folder):
    """Three processes that write one bake at a time leave one whole file, readable all the while."""
    field = bake_field(room(), SOURCE, **SMALL)
    (path,) = folder.glob("*.arrays")
    code = (
        "from avi_env.acoustics.bake_cache import read_bake, write_bake; "
        f"field = read_bake('{path.stem}', None); [write_bake('{path.stem}', field) for _ in range(100)]"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    while any(run.poll() is None for run in runs):
        assert same(field, bake_cache.read_bake(path.stem, field.wavefront))
    for run in runs:
        _, error = run.communicate()
        assert run.returncode == 0, error.decode()
    assert files(folder) == [path.name]


def test_the_limit_can_be_set(monkeypatch) -> None:
    """In GiB, by a variable; what is no positive number is an error that names it."""
    monkeypatch.delenv("AVI_CACHE_GIB", raising=False)
    assert content.cache_limit() == 2 * 2**30
    monkeypatch.setenv("AVI_CACHE_GIB", "6.5")
    assert content.cache_limit() == 6.5 * 2**30
    for wrong in ("much", "-1", "0", "inf"):
        monkeypatch.setenv("AVI_CACHE_GIB", wrong)
        with pytest.raises(ValueError, match="AVI_CACHE_GIB"):
            content.cache_limit()
