"""`avi sounds`: what sounds there are, as a table, as wav files, played, and as a sheet of spectrograms."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from avi_env.bench.files import output_folder, write_json
from avi_env.sounds import (
    SOUND_CLASSES,
    Clip,
    class_of_sound,
    emitters_of_sound,
    expand_sounds,
    make_clip,
    sound_classes,
    sound_library,
    sound_variants,
    write_clip,
)

__all__ = ["all_variants", "list_sounds", "play_sound", "render_sounds", "sound_rows"]

_PLAYERS = (
    ("afplay", ()),
    ("paplay", ()),
    ("pw-play", ()),
    ("aplay", ("-q",)),
    ("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error")),
)
"""Programs that play a wav file: macOS, PulseAudio, PipeWire, ALSA, FFmpeg."""

_PLAY_PEAK = 0.5  # of full scale: what is played is as loud as the player is turned up, not calibrated


def all_variants(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the sounds that names mean, each class as all of its variants; no names = all classes.

    Raises:
        ValueError: an unknown name.
    """
    found: list[str] = []
    for name in expand_sounds(tuple(names) or sound_classes()):
        if ":" in name:
            folder, _, within = name.rpartition(":")
            found += [name] if "/" in within else [sound.name for sound in sound_library(folder).select(within)]
        else:
            found += [name] if "/" in name else [f"{name}/{variant}" for variant in sound_variants(name)]
    return tuple(dict.fromkeys(found))


def sound_rows(names: Sequence[str], seed: int = 0, sample_rate: int = 16000) -> list[dict[str, Any]]:
    """Returns what there is to say of sounds: class, variant, family, level, length, emitters, splits, licence."""
    return [_row(name, seed, sample_rate) for name in track(names, "sounds", transient=True)]


def _row(name: str, seed: int, sample_rate: int) -> dict[str, Any]:
    clip = make_clip(name, seed, sample_rate)
    row: dict[str, Any] = {
        "name": name,
        "class": class_of_sound(name),
        "spl_db": clip.spl_db,
        "seconds": round(clip.seconds, 2),
        "emitters": list(emitters_of_sound(name)),
    }
    if ":" in name:
        folder, _, within = name.rpartition(":")
        sound = sound_library(folder).pick(within, seed)
        variant = within.partition("/")[2]
        return row | {"variant": variant, "family": "", "split": sound.split, "licence": sound.licence}
    kind, _, variant = name.partition("/")
    entry = SOUND_CLASSES[kind]
    made = {"variant": variant, "family": entry.family, "split": entry.variants[variant].split}
    return row | made | {"class_split": entry.split, "level_origin": entry.level_origin}


def list_sounds(names: tuple[str, ...] = (), seed: int = 0, json: Path | None = None) -> int:
    """Prints a table of sounds: class, variant, family, level, length, emitters, split by variant and by class."""
    rows = sound_rows(all_variants(names), seed)
    title = (
        f"{len(rows)} sounds of {len({row['class'] for row in rows})} classes; dB SPL at 1 m, length of the loop [s]"
    )
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("class", "variant"):
        table.add_column(column, no_wrap=True)
    for column in ("family", "dB", "s", "emitted by", "split", "by class"):
        table.add_column(column, overflow="fold")
    last = ""
    for row in rows:
        again = row["class"] == last
        first = (row["class"], row["variant"], "" if again else row["family"], f"{row['spl_db']:.0f}")
        by_class = "" if again else row.get("class_split", "")
        shared = ("" if again else ", ".join(row["emitters"]), row["split"], by_class)
        table.add_row("" if again else first[0], *first[1:], f"{row['seconds']:.1f}", *shared)
        last = row["class"]
    Console().print(table)
    if json is not None:
        write_json(json, rows)
    return 0


def render_sounds(
    names: tuple[str, ...], output: Path, seed: int = 0, sample_rate: int = 48000, json: Path | None = None
) -> int:
    """Writes sounds as wav files in linear pressure (1.0 RMS = 94 dB SPL): OUTPUT/class/variant.wav."""
    rows = []
    for name in track(all_variants(names), "writing sounds", transient=True):
        row = _row(name, seed, sample_rate)
        file = output / row["class"] / f"{Path(row['variant']).stem}.wav"
        output_folder(file.parent)
        write_clip(file, make_clip(name, seed, sample_rate))
        rows.append(row | {"file": str(file.relative_to(output))})
    Console().print(f"wrote {len(rows)} sounds to {output}")
    if json is not None:
        write_json(json, rows)
    return 0


def play_sound(name: str, seed: int = 0, output: Path | None = None, seconds: float = 6.0) -> int:
    """Plays a sound with a program of this system, at half of full scale; writes the file instead with `output`.

    Raises:
        ValueError: unknown name; no player is installed.
        OSError: the player failed.
    """
    from dataclasses import replace

    import numpy as np

    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"--seconds must be above 0, not {seconds:g}")
    (wanted,) = expand_sounds((name,))[:1]
    clip = make_clip(wanted, seed, 48000)
    times = max(1, round(seconds / clip.seconds))
    samples = np.tile(clip.samples, times) * (_PLAY_PEAK / float(np.abs(clip.samples).max()))
    loud: Clip = replace(clip, samples=samples)
    if output is not None:
        write_clip(output, loud)
        Console().print(f"wrote {output}: {loud.seconds:.1f} s of {wanted}")
        return 0
    player = next(((program, words) for program, words in _PLAYERS if shutil.which(program)), None)
    if player is None:
        programs = ", ".join(program for program, _ in _PLAYERS)
        raise ValueError(f"none of {programs} is installed to play sounds: give --output FILE.wav")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sound.wav"
        write_clip(file, loud)
        done = subprocess.run([player[0], *player[1], str(file)], check=False)
    if done.returncode:
        raise OSError(f"{player[0]} could not play the sound: give --output FILE.wav")
    return 0
