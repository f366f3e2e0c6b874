"""Clips from and to sound files."""

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.sounds import active_level, clip_from_file, make_clip, write_clip


def test_written_clip_reads_back_bit_for_bit(tmp_path):
    """The WAV holds the clip's pressure exactly."""
    sound = make_clip("doorbell")
    write_clip(tmp_path / "bell.wav", sound)
    samples, rate = soundfile.read(tmp_path / "bell.wav", dtype="float32")
    assert rate == 16000
    assert_array_equal(samples, sound.samples)
    assert [p.name for p in tmp_path.iterdir()] == ["bell.wav"]


def test_writing_into_a_closed_folder_leaves_nothing(tmp_path):
    """A folder that does not exist is an error and leaves no part of a file."""
    with pytest.raises((OSError, RuntimeError)):
        write_clip(tmp_path / "none" / "bell.wav", make_clip("doorbell"))
    assert list(tmp_path.iterdir()) == []


def test_file_becomes_a_seamless_calibrated_loop(tmp_path):
    """A stereo file that starts and ends anywhere becomes a loop at the asked level and rate, without a step."""
    t = np.arange(44100 * 2 + 77) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 441.3 * t + 1.0)
    soundfile.write(tmp_path / "tone.wav", np.stack([tone, 0.5 * tone], axis=1), 44100, subtype="FLOAT")
    sound = clip_from_file(tmp_path / "tone.wav", 66.0, 16000)
    assert sound.name == "tone"
    assert_allclose(active_level(sound.samples, 16000), 66.0, atol=0.1)
    assert abs(sound.samples[0] - sound.samples[-1]) <= 1.05 * np.abs(np.diff(sound.samples)).max()


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.zeros(16000), "silent"), (np.ones(100), "lasts"), (np.full(16000, np.nan), "NaN")],
)
def test_bad_content_is_refused(tmp_path, samples, message):
    """Silent, short and broken files are named with the reason."""
    soundfile.write(tmp_path / "bad.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(ValueError, match=message):
        clip_from_file(tmp_path / "bad.wav", 60.0)


def test_missing_and_unreadable_files_are_named(tmp_path):
    """A missing file and a file of something else are told apart."""
    with pytest.raises(FileNotFoundError, match=r"nothing\.wav"):
        clip_from_file(tmp_path / "nothing.wav", 60.0)
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(ValueError, match="no readable sound file"):
        clip_from_file(tmp_path / "text.wav", 60.0)
