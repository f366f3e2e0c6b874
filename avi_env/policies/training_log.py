"""The log of a training: a line a record in progress.jsonl, and scalars, sound and pictures for TensorBoard."""

from __future__ import annotations

import errno
import io
import json
import math
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PROGRESS", "TrainingLog", "read_progress", "same_curve"]

PROGRESS = "progress.jsonl"
"""Name of the file, one JSON object a line: "kind" is "iteration" or "validation"."""


class TrainingLog:
    """Writes what happens; opened anew after an interruption, it forgets what came after the checkpoint."""

    def __init__(self, folder: Path, board: Path, *, records: int = 0, steps: int = 0) -> None:
        """Opens the log.

        Args:
            folder: of progress.jsonl.
            board: folder of TensorBoard's files.
            records: bytes of progress.jsonl that stay; those after them are cut off.
            steps: that TensorBoard keeps.
        """
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / PROGRESS
        self._file = self.path.open("ab")
        self._file.truncate(records)
        self._file.seek(0, 2)
        if not records:
            for old in board.glob("events.*"):
                old.unlink()
        self._board: Any = SummaryWriter(str(board), purge_step=steps + 1 if records else None)

    def add(self, record: Mapping[str, Any], steps: int) -> None:
        """Writes a record: as a line, and its "scalars" for TensorBoard.

        Raises:
            OSError: the disk is full.
        """
        line = json.dumps(_finite(record)) + "\n"
        try:
            self._file.write(line.encode("utf-8"))
            self._file.flush()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(
                    error.errno, f"the disk is full, {self.path} cannot grow: make room, then --resume"
                ) from None
            raise
        for tag, value in record["scalars"].items():
            self._board.add_scalar(tag, value, steps)

    @property
    def records(self) -> int:
        """Bytes of progress.jsonl so far."""
        return self._file.tell()

    def add_sound(self, tag: str, sound: npt.NDArray[np.float32], sample_rate: int, steps: int) -> None:
        """Shows binaural sound in TensorBoard, shape (2, n), full scale 1.0."""
        samples = np.round(np.clip(sound.T, -1.0, 1.0) * 32767.0).astype("<i2")
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes(samples.tobytes())
        audio = {"sample_rate": float(sample_rate), "num_channels": 2, "length_frames": len(samples)}
        self._add(
            tag, "audio", {**audio, "encoded_audio_string": content.getvalue(), "content_type": "audio/wav"}, steps
        )

    def add_pictures(self, tag: str, pictures: Sequence[npt.NDArray[np.uint8]], fps: float, steps: int) -> None:
        """Shows moving pictures in TensorBoard, each (H, W, 3): it has no films with sound, but animated images."""
        from PIL import Image

        frames = [Image.fromarray(picture).quantize(64) for picture in pictures]
        content = io.BytesIO()
        rest = {"append_images": frames[1:], "duration": round(1000.0 / fps), "loop": 0}
        frames[0].save(content, format="GIF", save_all=True, **rest)
        height, width = pictures[0].shape[:2]
        image = {"height": height, "width": width, "colorspace": 3, "encoded_image_string": content.getvalue()}
        self._add(tag, "image", image, steps)

    def _add(self, tag: str, kind: str, content: Mapping[str, Any], steps: int) -> None:
        """Adds what TensorBoard's own writer cannot: sound of two channels, images that are files already."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

        value = Summary.Value(tag=tag, **{kind: getattr(Summary, kind.capitalize())(**content)})
        self._board.file_writer.add_summary(Summary(value=[value]), steps)

    def close(self) -> None:
        """Writes what is still to be written."""
        self._file.close()
        self._board.close()


def read_progress(path: Path) -> list[dict[str, Any]]:
    """Returns the records of a progress.jsonl; a last line that was cut off is left out."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def same_curve(one: Sequence[Mapping[str, Any]], two: Sequence[Mapping[str, Any]]) -> bool:
    """Returns whether two trainings were the same in everything but the time they took."""
    return [_timeless(record) for record in one] == [_timeless(record) for record in two]


def _timeless(record: Mapping[str, Any]) -> dict[str, Any]:
    scalars = {tag: value for tag, value in record["scalars"].items() if not tag.startswith("time/")}
    return {**record, "scalars": scalars}


def _finite(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a record that JSON can hold: null for numbers that are none."""
    scalars = {tag: value if math.isfinite(value) else None for tag, value in record["scalars"].items()}
    return {**record, "scalars": scalars}
