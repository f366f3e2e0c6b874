"""The user's own sounds: a folder of sound files with their classes, splits, licences and levels."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from avi_env.content import name_error
from avi_env.sounds.clip import Clip
from avi_env.sounds.files import clip_from_file
from avi_env.sounds.library_layouts import listed_sounds
from avi_env.sounds.table import SOUND_CLASSES

__all__ = ["LibraryClass", "LibrarySound", "SoundLibrary", "sound_library"]

SETTINGS_FILE = "sounds.toml"
_DEFAULT_DB = 65.0  # [dB SPL] at 1 m: raised speech (ISO 9921), where neither the folder nor our table says more
_LONGEST_SECONDS = 60.0
_SETTINGS = {"spl_db": float, "licence": str, "longest_seconds": float, "classes": dict}
_CLASS_SETTINGS = {"spl_db": float, "emitters": list, "phrase": str, "licence": str, "sounds_like": str}


@dataclass(frozen=True)
class LibraryClass:
    """One class of a library."""

    name: str
    spl_db: float
    """Level at 1 m over the active frames [dB SPL]."""
    emitters: tuple[str, ...]
    """Categories of objects that may emit it; empty = it sounds without a body."""
    phrase: str
    """What a person calls the thing that sounds."""
    sounds_like: str
    """The class of our own table that this is, "" = none."""


@dataclass(frozen=True)
class LibrarySound:
    """One file of a library."""

    name: str
    """Full name, which `make_clip` and environments take: "folder:class/file" ("folder:class/split/file" where splits
    have files of one name)."""
    sound_class: str
    file: Path
    split: str
    """"train", "val", "test", or "" where the layout has no splits."""
    licence: str
    """As far as the folder says."""


@dataclass(frozen=True)
class SoundLibrary:
    """A folder of sound files. Files are read when their clips are made."""

    folder: Path
    layout: str
    """How the folder is laid out: "esc50", "fsd50k" or "folders"."""
    classes: Mapping[str, LibraryClass]
    sounds: tuple[LibrarySound, ...]
    """All files, by class and file name."""
    longest_seconds: float
    """Of a longer file the beginning is taken [s]."""

    def select(self, sound_class: str | None = None, split: str | None = None) -> tuple[LibrarySound, ...]:
        """Returns the sounds of a class, of a split ("heard" = train, "unheard" = val and test), or of both.

        Files without a split belong to "train".

        Raises:
            ValueError: the library has no such class, or there is no such split.
        """
        if sound_class is not None and sound_class not in self.classes:
            raise name_error(f"sound class of {self.folder}", sound_class, self.classes)
        parts = {"train": ("train", ""), "val": ("val",), "test": ("test",)}
        parts |= {"heard": parts["train"], "unheard": ("val", "test")}
        if split is not None and split not in parts:
            raise name_error("split of sounds", split, parts)
        return tuple(
            sound
            for sound in self.sounds
            if sound_class in (None, sound.sound_class) and (split is None or sound.split in parts[split])
        )

    def pick(self, name: str, seed: int = 0) -> LibrarySound:
        """Returns the file that a name and a seed mean.

        Args:
            name: "class/file" for one file; "class" for number seed mod n of the n files for training, of all files
                where none is for training.
            seed: which file of a class, >= 0.

        Raises:
            ValueError: no such class or file; the message names the nearest one.
        """
        kind, slash, file = name.partition("/")
        if slash:
            found = self._by_name.get(f"{self.folder}:{name}")
            if found is None:
                files = [sound.name.removeprefix(f"{self.folder}:{kind}/") for sound in self.select(kind)]
                raise name_error(f"sound of class {kind!r} in {self.folder}", file, files)
            return found
        if seed < 0:
            raise ValueError(f"the seed of a sound must be >= 0, not {seed}")
        heard = self.select(kind, "train") or self.select(kind)
        return heard[seed % len(heard)]

    @cached_property
    def _by_name(self) -> dict[str, LibrarySound]:
        return {sound.name: sound for sound in self.sounds}

    def clip(self, name: str, seed: int = 0, sample_rate: int = 16000) -> Clip:
        """Returns a sound as a calibrated loop; `name` and `seed` are those of `pick`.

        Args:
            name: "class" or "class/file".
            seed: which file of a class.
            sample_rate: [Hz], a multiple of 50.

        Raises:
            ValueError: no such class or file; an unreadable, silent or too short file.
        """
        sound = self.pick(name, seed)
        level = self.classes[sound.sound_class].spl_db
        return clip_from_file(sound.file, level, sample_rate, sound.name, longest_seconds=self.longest_seconds)


def sound_library(path: str | Path) -> SoundLibrary:
    """Reads which sounds a folder holds: ESC-50, FSD50K, SoundSpaces' sounds, or folders named as their classes.

    A file `sounds.toml` in the folder may state `spl_db`, `licence`, `longest_seconds` for all, and under
    `[classes.NAME]` `spl_db`, `emitters`, `phrase`, `licence`, and `sounds_like`, which class of our own table it is.
    A folder is read anew when it or this file has changed. Where nothing is stated, classes that our table knows (by
    its name or another data set's) take level, emitters and phrase from it; others are 65 dB SPL at 1 m and sound
    without a body.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: it holds no sounds; a table lacks a column or names a file or class that is not there; unknown keys
            in sounds.toml. The message names the file and the remedy.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of sounds at {folder}: give the path of ESC-50, FSD50K or class folders")
    stamps = tuple(file.stat().st_mtime_ns for file in (folder, folder / SETTINGS_FILE) if file.exists())
    return _library(str(folder), stamps)


@lru_cache(maxsize=8)
def _library(path: str, stamps: tuple[int, ...]) -> SoundLibrary:
    """The library of a folder; `stamps` say when it and its settings were changed."""
    folder = Path(path)
    layout, listed = listed_sounds(folder)
    settings = _settings(folder / SETTINGS_FILE, {row.sound_class for row in listed})
    stated: dict[str, dict[str, Any]] = settings.get("classes", {})
    default = float(settings.get("spl_db", _DEFAULT_DB))
    kinds = sorted({row.sound_class for row in listed})
    classes = {name: _class(name, stated.get(name, {}), settings.get("spl_db"), default) for name in kinds}
    common = Counter((row.sound_class, row.file.name) for row in listed)
    sounds: list[LibrarySound] = []
    for row in sorted(listed):
        key = row.file.name if common[row.sound_class, row.file.name] == 1 else f"{row.split or 'all'}/{row.file.name}"
        licence = stated.get(row.sound_class, {}).get("licence") or row.licence or settings.get("licence", "")
        name = f"{path}:{row.sound_class}/{key}"
        sounds.append(LibrarySound(name, row.sound_class, row.file, row.split, str(licence)))
    return SoundLibrary(
        folder, layout, classes, tuple(sounds), float(settings.get("longest_seconds", _LONGEST_SECONDS))
    )


def _class(name: str, stated: dict[str, Any], spl_db: float | None, default: float) -> LibraryClass:
    like = stated.get("sounds_like") or _own_class(name)
    row = SOUND_CLASSES[like] if like else None
    level = stated.get("spl_db", row.spl_db if row and spl_db is None else default)
    emitters = stated.get("emitters", row.emitters if row else ())
    phrase = stated.get("phrase", row.phrase if row else name.replace("_", " ").lower())
    return LibraryClass(name, float(level), tuple(emitters), str(phrase), like)


def _own_class(name: str) -> str:
    """Returns the class of our own table that a class of another data set is, "" = none."""
    plain = name.lower().replace(" ", "_").replace("-", "_")
    return (
        plain if plain in SOUND_CLASSES else next((own for own, row in SOUND_CLASSES.items() if plain in row.also), "")
    )


def _settings(file: Path, classes: set[str]) -> dict[str, Any]:
    """The folder's sounds.toml, checked; empty where there is none."""
    if not file.is_file():
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no TOML: {error}") from error
    _check(file, "", table, _SETTINGS)
    if table.get("longest_seconds", 1.0) < 0.2:
        raise ValueError(f"{file}: longest_seconds must be at least 0.2 s, not {table['longest_seconds']}")
    for name, entry in table.get("classes", {}).items():
        if name not in classes:
            raise ValueError(f"{file}: {name_error('sound class', name, classes)}")
        _check(file, f"classes.{name}.", entry, _CLASS_SETTINGS)
        like = entry.get("sounds_like", "")
        if like and like not in SOUND_CLASSES:
            raise ValueError(f"{file}: classes.{name}.sounds_like: {name_error('sound class', like, SOUND_CLASSES)}")
    return table


def _check(file: Path, where: str, table: dict[str, Any], known: dict[str, type]) -> None:
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{file}: {name_error('key', where + key, [where + name for name in known])}")
        wanted = (int, float) if known[key] is float else (known[key],)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ValueError(f"{file}: {where}{key} must be a {known[key].__name__}, not {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{file}: {where}{key} must be finite, not {value!r}")
