"""Checks the ceilings that keep the code readable, and that the content folders hold no code.

Files <= 400 lines, functions <= 50, Warp kernels <= 60 lines and <= 12 arguments, inheritance depth <= 2 inside the
package, no `__init__.py` and no imported `.py` in the content folders. Prints every breach; exit status 1 if any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES, KERNEL_LINES, KERNEL_ARGUMENTS, DEPTH = 400, 50, 60, 12, 2
CONTENT_FOLDERS = ("agents", "policies", "scenes", "benchmarks")


def is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Says whether a function is decorated as a Warp kernel or a Warp function."""
    return any(ast.unparse(d).split("(")[0] in {"wp.kernel", "wp.func"} for d in node.decorator_list)


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Counts the lines of a function without its docstring and decorators."""
    body = node.body
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        lines -= (body[0].end_lineno or body[0].lineno) - body[0].lineno + 1
    return lines


def function_breaches(path: Path, tree: ast.AST) -> Iterator[str]:
    """Yields each function over its ceiling."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        limit = KERNEL_LINES if is_kernel(node) else FUNCTION_LINES
        if (lines := code_lines(node)) > limit:
            yield f"{path}:{node.lineno}: {node.name} has {lines} lines, the ceiling is {limit}"
        if is_kernel(node) and len(node.args.args) > KERNEL_ARGUMENTS:
            count = len(node.args.args)
            yield f"{path}:{node.lineno}: {node.name} takes {count} arguments, a kernel's ceiling is {KERNEL_ARGUMENTS}"


def class_bases(trees: dict[Path, ast.AST]) -> dict[str, list[str]]:
    """Maps each class of the package to the names of its bases."""
    return {
        node.name: [ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def depth(name: str, bases: dict[str, list[str]]) -> int:
    """Returns the length of the longest chain of classes of this package that ends at `name`."""
    return 1 + max((depth(base, bases) for base in bases[name] if base in bases and base != name), default=0)


def breaches() -> Iterator[str]:
    """Yields every breach in the package and the content folders."""
    trees = {p: ast.parse(p.read_text()) for p in sorted((ROOT / "avi_env").rglob("*.py")) if "_content" not in p.parts}
    for path, tree in trees.items():
        name = path.relative_to(ROOT)
        if (lines := len(path.read_text().splitlines())) > FILE_LINES:
            yield f"{name}:1: {lines} lines, the ceiling is {FILE_LINES}"
        yield from function_breaches(name, tree)
    bases = class_bases(trees)
    for name in bases:
        if depth(name, bases) > DEPTH:
            yield f"class {name}: inheritance deeper than {DEPTH}"
    for folder in CONTENT_FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            yield f"{path.relative_to(ROOT)}: content folders hold no code (design: layout)"


if __name__ == "__main__":
    found = list(breaches())
    sys.stderr.write("".join(f"{line}\n" for line in found))
    sys.exit(1 if found else 0)
