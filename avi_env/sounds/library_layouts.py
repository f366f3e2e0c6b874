"""Which sound files a folder holds, by its layout: ESC-50, FSD50K, SoundSpaces' sounds, or class folders.

Sources: ESC-50 (Piczak 2015): meta/esc50.csv with filename, fold, target, category; audio/. FSD50K (Fonseca et al.,
2022): FSD50K.ground_truth/dev.csv (fname, labels, mids, split) and eval.csv (fname, labels, mids), vocabulary.csv
(number, label, mid; no header), FSD50K.dev_audio/, FSD50K.eval_audio/, FSD50K.metadata/*_clips_info_FSD50K.json.
SoundSpaces: sounds/1s_all/NAME.wav, sounds/semantic_splits/SPLIT/NAME.wav.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NamedTuple

from avi_env.content import name_error

__all__ = ["ListedSound", "listed_sounds"]

_SUFFIXES = (".wav", ".flac", ".ogg")
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_FOLDS = {"1": "train", "2": "train", "3": "train", "4": "val", "5": "test"}
_ESC50_LICENCE = "CC BY-NC 3.0"


class ListedSound(NamedTuple):
    """One file, as its layout lists it."""

    sound_class: str
    file: Path
    split: str
    """"train", "val", "test" or ""."""
    licence: str


def listed_sounds(folder: Path) -> tuple[str, list[ListedSound]]:
    """Returns the layout of a folder ("esc50", "fsd50k", "folders") and its sounds.

    Raises:
        ValueError: it holds no sounds; a table lacks a column or names a file or class that is not there.
    """
    if (folder / "meta" / "esc50.csv").is_file():
        return "esc50", _esc50(folder)
    truth = next((folder / name for name in ("FSD50K.ground_truth", "ground_truth") if (folder / name).is_dir()), None)
    if truth is not None:
        return "fsd50k", _fsd50k(folder, truth)
    return "folders", _folders(folder)


def _rows(table: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a csv file that must have some columns."""
    if not table.is_file():
        raise ValueError(f"{table} is missing: unpack the data set's tables beside its audio folders")
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                found = ", ".join(reader.fieldnames or ()) or "nothing"
                raise ValueError(f"{table} has no column {column!r}, but {found}: take the data set's own file")
        rows = list(reader)
    for number, row in enumerate(rows, 2):
        if not all(row[column] for column in columns):
            raise ValueError(f"{table}, line {number}: an entry of {', '.join(columns)} is empty")
    return rows


def _present(table: Path, folder: Path) -> dict[str, Path]:
    """Sound files of a folder that a table is about, by name."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is missing, which {table} lists the sounds of: unpack the audio there")
    return {file.name: file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES}


def _listed(table: Path, folder: Path, files: dict[str, Path], name: str) -> Path:
    if name not in files:
        raise ValueError(f"{table} lists {name}, which is not in {folder}: unpack it there or delete its row")
    return files[name]


def _esc50(folder: Path) -> list[ListedSound]:
    table, audio = folder / "meta" / "esc50.csv", folder / "audio"
    files, found = _present(table, audio), []
    for row in _rows(table, ("filename", "fold", "target", "category")):
        if row["fold"] not in _FOLDS:
            raise ValueError(f"{table}: {row['filename']} is of fold {row['fold']!r}: folds are 1 to 5")
        file = _listed(table, audio, files, row["filename"])
        found.append(ListedSound(row["category"], file, _FOLDS[row["fold"]], _ESC50_LICENCE))
    return _not_empty(folder, found)


def _fsd50k(folder: Path, truth: Path) -> list[ListedSound]:
    vocabulary = truth / "vocabulary.csv"
    if not vocabulary.is_file():
        raise ValueError(f"{vocabulary} is missing: unpack the data set's ground truth")
    with vocabulary.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        known = {row[1] for row in csv.reader(lines) if len(row) > 1}
    found = []
    for part, columns in (("dev", ("fname", "labels", "split")), ("eval", ("fname", "labels"))):
        table, audio = truth / f"{part}.csv", folder / f"FSD50K.{part}_audio"
        if part == "eval" and not audio.is_dir():
            continue  # the development set alone is usual
        files, licences = _present(table, audio), _licences(folder, part)
        for row in _rows(table, columns):
            label = row["labels"].split(",")[0]  # the most special one comes first
            if label not in known:
                raise ValueError(f"{table}: {row['fname']}: {name_error(f'label of {vocabulary}', label, known)}")
            split = _SPLITS.get(row["split"], "") if part == "dev" else "test"
            file = _listed(table, audio, files, f"{row['fname']}.wav")
            found.append(ListedSound(label, file, split, licences.get(row["fname"], "")))
    return _not_empty(folder, found)


def _licences(folder: Path, part: str) -> dict[str, str]:
    file = folder / "FSD50K.metadata" / f"{part}_clips_info_FSD50K.json"
    if not file.is_file():
        return {}
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        return {name: str(row.get("license", "")) for name, row in table.items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{file} is no table of clips by name: {error}") from error


def _folders(folder: Path) -> list[ListedSound]:
    """Class folders, with split folders around or without; a file that lies in none is a class by itself."""
    base = folder / "sounds" if (folder / "sounds").is_dir() else folder
    base = next((base / name for name in ("semantic_splits", "1s_all") if (base / name).is_dir()), base)
    found = []
    for file in sorted(base.rglob("*")):
        if file.suffix.lower() in _SUFFIXES and file.is_file():
            parts = file.relative_to(base).parts
            split = _SPLITS.get(parts[0], "") if len(parts) > 1 else ""
            within = parts[1:] if split else parts
            found.append(ListedSound(within[0] if len(within) > 1 else file.stem, file, split, ""))
    return _not_empty(folder, found)


def _not_empty(folder: Path, found: list[ListedSound]) -> list[ListedSound]:
    if not found:
        raise ValueError(
            f"{folder} holds no sounds ({', '.join(_SUFFIXES)}): expected class folders, ESC-50 (meta/esc50.csv), "
            f"FSD50K (FSD50K.ground_truth) or SoundSpaces (sounds/)"
        )
    names = set()
    for row in found:
        if ":" in row.sound_class + row.file.name or "/" in row.sound_class:
            raise ValueError(f"{row.file}: class {row.sound_class!r} or the file's name holds ':' or '/': rename it")
        if (row.sound_class, row.split, row.file.name) in names:
            raise ValueError(f"{row.file}: class {row.sound_class!r} has another file of this name: rename one of them")
        names.add((row.sound_class, row.split, row.file.name))
    return found
