"""The 32 tests of the acoustics sheet (section 2.4) are all there: each is named in the docstring of a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
COUNT = 32


def test_every_test_of_the_sheet_is_named() -> None:
    """Docstrings of tests, or of their modules, say "sheet test N" for N = 1 .. 32."""
    named: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in (tree, *tree.body):
            text = ast.get_docstring(node) if isinstance(node, ast.Module | ast.FunctionDef) else None
            named |= {int(number) for number in re.findall(r"[Ss]heet test (\d+)", text or "")}
    assert named >= set(range(1, COUNT + 1)), sorted(set(range(1, COUNT + 1)) - named)
