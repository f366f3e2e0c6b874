"""Tables for docs/sounds.md: the sound classes as the table has them, and how well they are told apart."""

from __future__ import annotations

from typing import Any

from avi_env.bench.pages import Region, committed_results, markdown_table, rendered_regions
from avi_env.sounds import SOUND_CLASSES, SoundClass, sound_split
from avi_env.sounds.table import FAMILIES, SPLITS

__all__ = ["SOUND_REGIONS", "committed_sound_report", "rendered_sound_page"]


def committed_sound_report() -> dict[str, Any]:
    """Returns the report that is committed with the code.

    Raises:
        FileNotFoundError: it is not there; the message says what makes it.
    """
    return committed_results("sounds", "cpu.json", "avi sounds check --json")


def rendered_sound_page(page: str, report: dict[str, Any]) -> str:
    """Returns a page with each region `<!-- sounds: NAME -->` ... `<!-- end -->` written anew."""
    return rendered_regions(page, "sounds", SOUND_REGIONS, report)


def _classes(report: dict[str, Any]) -> str:
    header = ("class", "family", "dB SPL at 1 m", "emitted by", "how it is made", "variants: train; val; test")
    rows = [
        (f"`{name}`", row.family, _level(row), ", ".join(row.emitters), row.made, _variants(row))
        for name, row in SOUND_CLASSES.items()
    ]
    return markdown_table(header, rows)


def _level(row: SoundClass) -> str:
    return f"{row.spl_db:g}" if row.level_origin == "typical" else f"{row.spl_db:g} ({row.level_origin})"


def _variants(row: SoundClass) -> str:
    parts = [", ".join(name for name, entry in row.variants.items() if entry.split == split) for split in SPLITS]
    return "; ".join(parts)


def _splits(report: dict[str, Any]) -> str:
    rows = []
    for by in ("variant", "class"):
        for split in SPLITS:
            sounds = sound_split(split, by)
            kinds = list(dict.fromkeys(name for name, _ in sounds))
            listed = "all" if len(kinds) == len(SOUND_CLASSES) else f"{len(kinds)}"
            if len(kinds) < 10:
                listed += ": " + ", ".join(kinds)
            rows.append((by, split, str(len(sounds)), listed))
    return markdown_table(("by", "split", "sounds", "classes"), rows)


def _families(report: dict[str, Any]) -> str:
    shares = report["results"]["by_family"]
    rows = []
    for family in FAMILIES:
        kinds = [name for name, row in SOUND_CLASSES.items() if row.family == family]
        rows.append((family, str(len(kinds)), f"{shares[family]:.1%}", ", ".join(kinds)))
    return markdown_table(("family", "classes", "unheard clips named rightly", ""), rows)


def _accuracy(report: dict[str, Any]) -> str:
    found = report["results"]
    spec = report["spec"]["arguments"]
    wrong = "; ".join(f"{c['class']}/{c['variant']} as {c['named']} ({c['count']})" for c in found["confusions"])
    return (
        f"Learned from {spec['learned_seeds']} clips of each of {found['heard_sounds']} heard sounds, it names "
        f"**{found['accuracy']:.1%}** of {found['clips']} clips of the {found['unheard_sounds']} unheard sounds "
        f"rightly (goal: {found['goal']:.0%}; chance: {1 / found['classes']:.0%}). Confused: {wrong or 'none'}."
    )


SOUND_REGIONS: dict[str, Region] = {
    "classes": _classes,
    "splits": _splits,
    "families": _families,
    "accuracy": _accuracy,
}
"""What writes each region of the page."""
