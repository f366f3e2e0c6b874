"""The results of an evaluation on disk: one line an episode, whole or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from avi_env.bench.files import output_folder
from avi_env.whole_file import write_whole

__all__ = ["RESULTS", "ResultsFile", "read_records"]

RESULTS = "results.jsonl"
"""Name of the file in an evaluation's folder."""


class ResultsFile:
    """The records of an evaluation that may be cut off and go on: each is written when its episode is over."""

    def __init__(self, folder: Path | None, arguments: dict[str, Any], *, resume: bool) -> None:
        """Opens the results of a folder.

        Args:
            folder: where they are kept; None keeps them in memory alone.
            arguments: what decides the records.
            resume: whether to go on with what is there.

        Raises:
            ValueError: the folder holds results and `resume` is not said, or they were made with other arguments.
        """
        self._path = None if folder is None else output_folder(folder) / RESULTS
        self.records: list[dict[str, Any]] = []
        if self._path is None or not self._path.exists():
            return
        if not resume:
            raise ValueError(f"{self._path} holds an evaluation: go on with it by --resume, or choose another --output")
        kept = read_records(self._path)
        for record in kept:
            different = _different(record["arguments"], arguments)
            if different:
                raise ValueError(
                    f"{self._path} holds an evaluation with other arguments ({different}): choose another --output"
                )
        # An episode that took its worker along is tried again: memory may have been short.
        self.records = [record for record in kept if (record["error"] or {}).get("whose") != "worker"]
        write_whole(self._path, "".join(_line(record) for record in self.records))

    def add(self, record: dict[str, Any]) -> None:
        """Adds a record, on disk before this returns."""
        self.records.append(record)
        if self._path is not None:
            with self._path.open("ab", buffering=0) as file:
                file.write(_line(record).encode())
                os.fsync(file.fileno())


def read_records(path: Path) -> list[dict[str, Any]]:
    """Returns the records of a file or folder; a last line that was cut while being written is left out.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: a line that is no record.
    """
    file = path / RESULTS if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"{path} holds no evaluation: no {RESULTS} there, as `avi evaluate --output` writes it")
    lines = file.read_text(encoding="utf-8").split("\n")
    records = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):  # no line end after it: it was cut
                continue
            raise ValueError(f"line {number} of {file} is no record: {error}") from error
        if not isinstance(record, dict) or not {"episode_id", "seed", "measures", "arguments"} <= set(record):
            raise ValueError(f"line {number} of {file} is no record of an episode")
        records.append(record)
    return records


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, allow_nan=False) + "\n"


def _different(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Names the arguments that differ, with both values."""
    now = json.loads(json.dumps(now))  # as a file gives it back
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return "; ".join(f"{name}: {before.get(name)!r} there, {now.get(name)!r} here" for name in names)
