"""Video with the binaural sound track: H.264 and AAC in MP4, both streams of equal length and in step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.whole_file import whole_file

__all__ = ["Video", "VideoFacts", "read_video", "sound_gain", "write_video"]

_ENCODERS = ("libx264", "libopenh264")
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)  # that AAC can carry
_PEAK = 0.89  # -1 dB of full scale: the codec may overshoot a little
_SPL_OF_ONE = 94.0
# Intensity stereo and noise substitution replace one ear's waveform by a guess: they would destroy the interaural cues.
_AAC_OPTIONS = {"aac_is": "0", "aac_pns": "0"}


class VideoFacts(NamedTuple):
    """What was written."""

    frames: int
    seconds: float
    """Length of both streams [s]."""
    gain: float
    """Digital full scale per unit of pressure, the same for the whole file."""
    full_scale_spl: float
    """Level of a square wave at digital full scale [dB SPL]."""
    codecs: tuple[str, str]


class Video(NamedTuple):
    """A decoded file."""

    frames: npt.NDArray[np.uint8]
    """Shape (n, H, W, 3)."""
    fps: float
    audio: npt.NDArray[np.float32]
    """Digital samples in [-1, 1], row 0 = left ear, shape (2, m); the first sounds with the first frame."""
    sample_rate: int
    codecs: tuple[str, str]
    stream_seconds: tuple[float, float]
    """Lengths of the video and the audio stream as the file states them [s]."""
    comment: str


def sound_gain(audio: npt.NDArray[np.floating[Any]]) -> float:
    """Returns the one gain of a file that brings its highest peak 1 dB below full scale; 1 for silence."""
    peak = float(np.max(np.abs(audio), initial=0.0))
    return _PEAK / peak if peak > 0.0 else 1.0


def write_video(
    path: str | Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    fps: float,
    audio: npt.NDArray[np.float32],
    sample_rate: int,
    gain: float | None = None,
) -> VideoFacts:
    """Writes an MP4, completely or not at all.

    Args:
        path: the file; its folder must exist.
        frames: pictures, each (H, W, 3) uint8, all of one size; odd sizes grow by a row or column.
        fps: frames a second.
        audio: linear pressure, row 0 = left ear, shape (2, n); n / sample_rate must be the frames' length to one frame.
        sample_rate: [Hz], one that AAC knows.
        gain: digital full scale per unit of pressure; None brings the highest peak of the file 1 dB below full scale.

    Raises:
        ValueError: no frames, unequal sizes, NaN, or sound and pictures of different length.
        RuntimeError: the installed PyAV has no H.264 encoder.
        OSError: the folder is closed or the disk is full.
    """
    sound = np.asarray(audio, dtype=np.float32)
    if sound.ndim != 2 or sound.shape[0] != 2:
        raise ValueError(f"audio must have shape (2, n), left ear first, not {sound.shape}")
    if not np.all(np.isfinite(sound)):
        raise ValueError("audio contains NaN or infinity")
    if sample_rate not in _RATES:
        raise ValueError(f"AAC cannot carry {sample_rate} Hz: take one of {', '.join(map(str, _RATES))}")
    if not fps > 0:
        raise ValueError(f"fps must be > 0, not {fps}")
    level = sound_gain(sound) if gain is None else float(gain)
    with whole_file(path) as part:
        facts = _encode(part, frames, Fraction(fps).limit_denominator(1001), sound * level, sample_rate, level)
        _check(part, facts)
    return facts


def _encode(
    part: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    rate: Fraction,
    sound: npt.NDArray[np.float32],
    sample_rate: int,
    gain: float,
) -> VideoFacts:
    import av

    full_scale = _SPL_OF_ONE - 20.0 * float(np.log10(gain))
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    count, fed = 0, 0
    with av.open(str(part), "w", format="mp4", options=options) as container:
        container.metadata["comment"] = f"binaural; fixed gain; digital full scale = {full_scale:.2f} dB SPL"
        picture: Any = container.add_stream(_encoder(), rate=rate)
        track: Any = container.add_stream("aac", rate=sample_rate, layout="stereo", options=_AAC_OPTIONS)
        track.bit_rate = 192_000
        for frame in frames:
            pixels = _even(frame, count)
            if count == 0:
                _configure(picture, pixels, rate)
            elif pixels.shape[:2] != (picture.height, picture.width):
                raise ValueError(f"frame {count} has another size than the first: {np.shape(frame)}")
            container.mux(picture.encode(_picture(pixels, count, rate)))
            count += 1
            due = round(count / rate * sample_rate)
            container.mux(track.encode(_samples(sound, fed, due, sample_rate)))
            fed = due
        if not count:
            raise ValueError("a video needs at least one frame")
        if abs(sound.shape[1] - fed) > sample_rate / rate + 1:
            raise ValueError(
                f"sound and pictures do not fit: {sound.shape[1] / sample_rate:.3f} s of sound "
                f"for {count} frames of {float(1 / rate):.3f} s"
            )
        container.mux(picture.encode(None))
        container.mux(track.encode(None))
    return VideoFacts(count, float(count / rate), gain, full_scale, ("h264", "aac"))


def _encoder() -> str:
    import av

    for name in _ENCODERS:
        if name in av.codecs_available:
            return name
    raise RuntimeError("the installed PyAV has no H.264 encoder: install its wheel with `pip install --upgrade av`")


def _even(frame: npt.NDArray[np.uint8], number: int) -> npt.NDArray[np.uint8]:
    pixels = np.asarray(frame)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"frame {number} must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}")
    odd = [(0, size % 2) for size in pixels.shape[:2]]
    return np.ascontiguousarray(np.pad(pixels, [*odd, (0, 0)], mode="edge") if any(o[1] for o in odd) else pixels)


def _configure(stream: Any, pixels: npt.NDArray[np.uint8], rate: Fraction) -> None:
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.gop_size = max(1, round(2 * rate))  # seek to any two seconds
    context.thread_count = 2  # fixed: the bits do not depend on the machine's cores
    context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1  # BT.709
    context.options = {"preset": "veryfast", "crf": "21"}


def _picture(pixels: npt.NDArray[np.uint8], number: int, rate: Fraction) -> Any:
    import av

    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    frame.pts, frame.time_base = number, 1 / rate
    return frame


def _samples(sound: npt.NDArray[np.float32], start: int, end: int, sample_rate: int) -> Any:
    """The piece of sound that belongs to one picture; silence where the sound is too short."""
    import av

    piece = sound[:, start:end]
    piece = np.pad(piece, ((0, 0), (0, end - start - piece.shape[1])))
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
    return frame


def _check(part: Path, facts: VideoFacts) -> None:
    """Reads back what the file says of itself: a write error that the muxer swallowed shows here."""
    import av

    with av.open(str(part)) as container:
        lengths = [_stream_seconds(container.streams.video[0]), _stream_seconds(container.streams.audio[0])]
    frame = facts.seconds / facts.frames
    if any(abs(length - facts.seconds) > frame for length in lengths):
        raise OSError(f"the video was not written completely: {lengths} s instead of {facts.seconds} s")


def _stream_seconds(stream: Any) -> float:
    return float(stream.duration * stream.time_base)


def read_video(path: str | Path) -> Video:
    """Decodes a video file: its pictures, and its sound from the first picture on."""
    import av

    with av.open(str(path)) as container:
        picture: Any = container.streams.video[0]
        track: Any = container.streams.audio[0]
        decoded: Iterator[Any] = container.decode(picture, track)
        frames, pieces = [], []
        for frame in decoded:
            if isinstance(frame, av.VideoFrame):
                frames.append(frame.to_ndarray(format="rgb24", src_colorspace="ITU709"))
            else:
                early = max(0, -round(float(frame.pts * frame.time_base) * frame.sample_rate))
                pieces.append(frame.to_ndarray()[:, early:])
        sample_rate = track.codec_context.sample_rate
        length = round(_stream_seconds(track) * sample_rate)  # the last AAC packet is longer than what it carries
        return Video(
            np.stack(frames),
            float(picture.average_rate),
            np.concatenate(pieces, axis=1)[:, :length].astype(np.float32),
            sample_rate,
            (picture.codec_context.name, track.codec_context.name),
            (_stream_seconds(picture), _stream_seconds(track)),
            container.metadata.get("comment", ""),
        )
