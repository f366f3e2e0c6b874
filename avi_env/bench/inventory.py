"""What there is: the sound classes, with wav files."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from avi_env.bench.files import write_json
from avi_env.sounds import SOUND_CLASSES, make_clip, sound_classes, write_clip

__all__ = ["show_sounds"]


def show_sounds(names: tuple[str, ...], seed: int, sample_rate: int, output: Path | None, json: Path | None) -> int:
    """Prints the sound classes with level and length; writes wav files."""
    table = Table(title="sound classes")
    for column in ("class", "level at 1 m", "loop", "what it is"):
        table.add_column(column)
    rows = []
    for name in names or sound_classes():
        clip = make_clip(name, seed=seed, sample_rate=sample_rate)
        phrase = SOUND_CLASSES[name].phrase
        rows.append({"name": name, "spl_db": clip.spl_db, "seconds": clip.seconds, "phrase": phrase})
        table.add_row(name, f"{clip.spl_db:.0f} dB SPL", f"{clip.seconds:.2f} s", phrase)
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            write_clip(output / f"{name}.wav", clip)
    Console().print(table)
    if json is not None:
        write_json(json, rows)
    return 0
