"""`avi bench compare`: two evaluations of the same episodes, paired: what differs, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["CompareSettings", "bench_compare"]


@dataclass(frozen=True)
class CompareSettings:
    """Compares two evaluations episode by episode: differences with 95 % intervals, a sign test for rates."""

    a: Annotated[Path, tyro.conf.Positional]
    """Folder that `avi evaluate --output` wrote."""
    b: Annotated[Path, tyro.conf.Positional]
    """Another one, of the same suite, split, episodes and seeds."""
    json: Path | None = None
    """File for the differences."""


def bench_compare(settings: CompareSettings) -> int:
    """Prints the differences B - A; returns 0."""
    from rich.console import Console
    from rich.table import Table

    from avi_env.bench.comparison import compare
    from avi_env.bench.evaluate_log import read_records
    from avi_env.bench.files import write_json
    from avi_env.bench.result_tables import estimate_text, measure_words

    found = compare(read_records(settings.a), read_records(settings.b))
    table = Table(title=f"{found['suite']} {found['split']}: {found['pairs']} pairs in {found['episodes']} episodes")
    for column in ("measure", f"A: {found['a']}", f"B: {found['b']}", "B - A (95 % interval)", "p (sign test)"):
        table.add_column(column)
    for name, row in found["measures"].items():
        p = "-" if row["p"] is None else f"{row['p']:.3g}"
        table.add_row(
            measure_words(name), *(estimate_text(row[side]) for side in ("a", "b")), estimate_text(row["difference"]), p
        )
    console = Console()
    console.print(table)
    if found["left_out"]:
        console.print(f"left out, for an error of either: {', '.join(found['left_out'])}")
    if settings.json is not None:
        write_json(settings.json, found)
    return 0
