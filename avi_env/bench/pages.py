"""Markdown pages whose tables come from a committed report: regions between two comments are written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from avi_env.content import content_path, name_error

__all__ = ["Region", "committed_results", "markdown_table", "rendered_regions"]

Region = Callable[[dict[str, Any]], str]
"""Writes one region's Markdown from a report."""


def committed_results(suite: str, file: str, command: str) -> dict[str, Any]:
    """Returns a report that is committed with the code.

    Args:
        suite: folder of benchmarks/.
        file: name in its results/.
        command: what makes it, for the error.

    Raises:
        FileNotFoundError: it is not there; the message says what makes it.
    """
    path: Path = content_path("benchmarks", suite) / "results" / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: `{command}` makes it")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def rendered_regions(page: str, topic: str, regions: Mapping[str, Region], report: dict[str, Any]) -> str:
    """Returns a page with each region `<!-- TOPIC: NAME -->` ... `<!-- end -->` written anew from a report.

    Raises:
        ValueError: a region of another name.
    """

    def region(found: re.Match[str]) -> str:
        name = found.group(2)
        if name not in regions:
            raise name_error(f"region of a page on {topic}", name, regions)
        return f"{found.group(1)}{regions[name](report).strip()}\n{found.group(3)}"

    return re.sub(rf"(<!-- {topic}: (\w+) -->\n).*?(<!-- end -->)", region, page, flags=re.DOTALL)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [" | ".join(header), "|".join("---" for _ in header), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)
