"""The video file: two streams of equal length, in step, complete or absent."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.bench.video import read_video, sound_gain, write_video
from avi_env.whole_file import whole_file, write_whole

RATE = 16000


def flashes(count: int, every: int, size: tuple[int, int] = (120, 160)) -> list[np.ndarray]:
    """Dark pictures, every n-th one white."""
    frames = [np.full((*size, 3), 16, np.uint8) for _ in range(count)]
    for frame in frames[::every]:
        frame[:] = 240
    return frames


def clicks(seconds: float, rate: int = RATE) -> np.ndarray:
    """Short tones at each full second: even seconds in the left ear, odd ones in the right."""
    audio = np.zeros((2, round(seconds * rate)), np.float32)
    tone = np.sin(2 * np.pi * 1000.0 * np.arange(rate // 40) / rate)
    for second in range(int(seconds)):
        audio[second % 2, second * rate : second * rate + len(tone)] = 2.0 * tone
    return audio


@pytest.mark.parametrize(("fps", "rate"), [(4, 16000), (10, 44100), (30, 16000)])
def test_streams_are_equally_long_and_in_step(tmp_path, fps, rate):
    """H.264 and stereo AAC of the same length to one frame; a flash and its click fall on the same instant."""
    frames = flashes(4 * fps, fps)
    facts = write_video(tmp_path / "v.mp4", iter(frames), fps, clicks(4.0, rate), rate)
    video = read_video(tmp_path / "v.mp4")
    assert video.codecs == ("h264", "aac")
    assert video.frames.shape == (4 * fps, 120, 160, 3)
    assert video.audio.shape[0] == 2
    assert (video.fps, video.sample_rate) == (fps, rate)
    assert facts.seconds == pytest.approx(4.0)
    assert_allclose(video.stream_seconds, 4.0, atol=1.0 / fps)
    assert_allclose(video.audio.shape[1] / rate, 4.0, atol=1.0 / fps)
    bright = np.flatnonzero(video.frames.mean(axis=(1, 2, 3)) > 128) / fps
    loud = [np.flatnonzero(np.abs(video.audio[k % 2, k * rate - k // 4 :]) > 0.4)[0] / rate + k for k in range(4)]
    assert_allclose(bright, [0, 1, 2, 3], atol=1e-9)
    assert_allclose(loud, bright, atol=0.002)


def test_ears_stay_apart(tmp_path):
    """What sounds in one ear is at least 50 dB weaker in the other, and the waveform comes back to 10 %."""
    audio = clicks(2.0)
    write_video(tmp_path / "v.mp4", flashes(8, 4), 4, audio, RATE)
    video = read_video(tmp_path / "v.mp4")
    left, right = video.audio[:, 20:380]
    assert np.abs(right).max() < 0.003 * np.abs(left).max()
    wanted = sound_gain(audio) * audio[0, 20:380]
    assert np.std(left - wanted) < 0.1 * np.std(wanted)


def test_interaural_differences_survive_the_codec(tmp_path):
    """Noise that reaches the right ear 8 samples later and 6 dB weaker still does so after decoding."""
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    audio = np.stack([noise, 0.5 * np.roll(noise, 8)])
    write_video(tmp_path / "v.mp4", flashes(8, 4), 4, audio, RATE)
    left, right = read_video(tmp_path / "v.mp4").audio[:, 2000:30000]
    lags = np.arange(-20, 21)
    match = [np.dot(left[50:-50], np.roll(right, -lag)[50:-50]) for lag in lags]
    assert lags[np.argmax(match)] == 8
    assert_allclose(20 * np.log10(np.std(right) / np.std(left)), -6.0, atol=0.3)


def test_one_gain_for_the_whole_file_and_it_is_stated(tmp_path):
    """A sound ten times weaker later stays ten times weaker; facts and file say what full scale means."""
    t = np.arange(2 * RATE) / RATE
    tone = (0.05 * np.sin(2 * np.pi * 500 * t) * np.where(t < 1, 1.0, 0.1)).astype(np.float32)
    facts = write_video(tmp_path / "v.mp4", flashes(8, 4), 4, np.stack([tone, tone]), RATE)
    audio = read_video(tmp_path / "v.mp4").audio
    assert_allclose(np.std(audio[0, 2000:14000]) / np.std(audio[0, 18000:30000]), 10.0, rtol=0.03)
    assert_allclose(np.abs(audio).max(), 0.89, atol=0.03)
    assert_allclose(facts.full_scale_spl, 94 + 20 * np.log10(0.05 / 0.89), atol=0.01)
    assert f"{facts.full_scale_spl:.2f} dB SPL" in read_video(tmp_path / "v.mp4").comment


def test_silence_and_odd_sizes(tmp_path):
    """A silent run makes a video with a silent track; odd sizes grow to even ones; colours survive."""
    frames = [np.full((75, 101, 3), (200, 60, 30), np.uint8)] * 3
    facts = write_video(tmp_path / "v.mp4", frames, 4, np.zeros((2, 12000), np.float32), RATE)
    video = read_video(tmp_path / "v.mp4")
    assert video.frames.shape == (3, 76, 102, 3)
    assert np.abs(video.audio).max() < 1e-4
    assert facts.gain == 1.0
    assert_allclose(video.frames.mean(axis=(0, 1, 2)), [200, 60, 30], atol=4)


def test_same_input_same_bytes(tmp_path):
    """The file is a function of its input: no timestamps, no dependence on the number of cores."""
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, flashes(8, 4), 4, clicks(2.0), RATE)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("frames", "audio", "rate", "message"),
    [
        ([], np.zeros((2, 16000)), 16000, "at least one frame"),
        (flashes(4, 2), np.zeros((1, 16000)), 16000, r"shape \(2, n\)"),
        (flashes(4, 2), np.full((2, 16000), np.nan), 16000, "NaN"),
        (flashes(4, 2), np.zeros((2, 40000)), 16000, "do not fit"),
        (flashes(4, 2), np.zeros((2, 16100)), 16100, "AAC cannot carry 16100"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 16, 3), np.uint8)], np.zeros((2, 8000)), 16000, "another size"),
        ([np.zeros((8, 8, 3), np.float32)], np.zeros((2, 4000)), 16000, "uint8"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(tmp_path, frames, audio, rate, message):
    """Every wrong argument gets a message that names it, and no file."""
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "v.mp4", frames, 4, audio.astype(np.float32), rate)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_the_old_file(tmp_path):
    """Ctrl-C while frames are made leaves the earlier file as it was and no part of a new one."""
    (tmp_path / "v.mp4").write_bytes(b"old")

    def frames():
        yield from flashes(3, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "v.mp4", frames(), 4, np.zeros((2, 16000), np.float32), RATE)
    assert [p.name for p in tmp_path.iterdir()] == ["v.mp4"]
    assert (tmp_path / "v.mp4").read_bytes() == b"old"


def test_missing_and_closed_folders_are_named(tmp_path):
    """A folder that does not exist, a file in place of one and a folder in place of the file are told apart."""
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_whole(tmp_path / "none" / "x.json", "{}")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_whole(tmp_path / "file" / "x.json", "{}")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_whole(tmp_path / "folder", "{}")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes to stand for a full disk")
@pytest.mark.parametrize("limit", [2_000, 200_000])
def test_a_full_disk_leaves_nothing(tmp_path, limit):
    """When no more can be written, at the start or at the end, the error says so and no part stays."""
    program = f"""
import resource, signal, sys
import numpy as np
from avi_env.bench.video import write_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
rng = np.random.default_rng(0)
frames = (rng.integers(0, 255, (240, 320, 3), dtype=np.uint8) for _ in range(12))
try:
    write_video({str(tmp_path / "v.mp4")!r}, frames, 4, np.zeros((2, 48000), np.float32), 16000)
except OSError as error:
    sys.exit(7 if "disk is full" in str(error) else 1)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 7
    assert list(tmp_path.iterdir()) == []


def test_whole_file_renames_only_what_is_complete(tmp_path):
    """While it is written the file is not there; afterwards it is alone."""
    with whole_file(tmp_path / "x.txt") as part:
        part.write_text("done")
        assert not (tmp_path / "x.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
    assert (tmp_path / "x.txt").read_text() == "done"
