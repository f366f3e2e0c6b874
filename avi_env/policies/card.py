"""The part of a policy's card that a training writes; what people write around it stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avi_env.policies.recipe import Recipe
from avi_env.policies.training import Trained
from avi_env.whole_file import write_whole

__all__ = ["CARD", "stage_rows", "update_card"]

CARD = "card.md"
_BEGIN, _END = "<!-- training: written by avi train -->", "<!-- end of training -->"
_PARTS = ("environment", "inference", "learning", "validation", "film", "checkpoint")


def stage_rows(recipe: Recipe, trained: Trained) -> list[dict[str, Any]]:
    """Returns for each stage that has begun: learner, steps, steps a second, and its seconds by what they went into."""
    rows = []
    for number, steps in enumerate(trained.stage_steps):
        seconds = {part: trained.seconds.get(f"{number}/{part}", 0.0) for part in ("iterations", *_PARTS)}
        rate = steps / seconds["iterations"] if seconds["iterations"] > 0.0 else 0.0
        row = {"learner": recipe.stages[number].learner, "steps": steps, "steps_per_second": rate}
        rows.append({**row, "seconds": seconds})
    return rows


def update_card(
    folder: Path,
    recipe: Recipe,
    trained: Trained,
    spec: Mapping[str, Any],
    command: str,
    curve: str = "",
    before: Path | None = None,
) -> None:
    """Writes card.md: a new one, or the one that is there with its part about the training renewed.

    Args:
        folder: of the policy.
        recipe: that was trained.
        trained: what it came to.
        spec: as `run_spec` gives it, with "machine".
        command: that makes the same policy again.
        curve: file name of the picture of the curve; "" = none was drawn.
        before: a card that the new one goes on from where the folder has none.
    """
    sources = [path for path in (folder / CARD, before) if path is not None and path.is_file()]
    text = sources[0].read_text(encoding="utf-8") if sources else f"# {recipe.name}\n\n**What.** {recipe.summary}\n"
    part = "\n".join([_BEGIN, *_lines(recipe, trained, spec, command, curve), _END])
    if _BEGIN in text and _END in text:
        pattern = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
        text = pattern.sub(lambda _: part, text)
    else:
        text = f"{text.rstrip()}\n\n{part}\n"
    write_whole(folder / CARD, text)


def _lines(recipe: Recipe, trained: Trained, spec: Mapping[str, Any], command: str, curve: str) -> list[str]:
    changed = " and uncommitted changes" if spec["dirty"] else ""
    versions, machine = spec["versions"], spec["machine"]
    lines = [
        "**Training.** As `avi train` measured it:",
        "",
        f"* Command: `{command}`",
        f"* Commit {spec['commit'] or 'unknown'}{changed}; Python {versions['python']}, torch {versions['torch']}; "
        f"{spec['device']}, {machine['processor']}, {machine['cores']} cores.",
        f"* {trained.steps} environment steps in {_duration(trained.seconds['wall'])}"
        f"{'' if trained.complete else ', not complete'}, seed {recipe.seed}.",
    ]
    if trained.best is not None:
        told = ", ".join(f"{name} {value:.4g}" for name, value in trained.best.measures.items())
        where = recipe.validation.keywords.get("scenes", recipe.environment.keywords.get("scenes", ""))
        lines.append(
            f"* Best of the validations by {recipe.validation.measure}, after {trained.best.steps} steps "
            f"({recipe.validation.episodes} episodes{f' in `{where}`' if where else ''}): {told}."
        )
    if curve:
        lines += ["", f"![Curve of the training]({curve})"]
    return [*lines, "", *_table(stage_rows(recipe, trained))]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the times of the stages as a table."""
    head = ("stage", "steps", "steps/s", *(f"{part} [s]" for part in _PARTS))
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        seconds = (f"{row['seconds'][part]:.1f}" for part in _PARTS)
        cells = (row["learner"], str(row["steps"]), f"{row['steps_per_second']:.1f}", *seconds)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _duration(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"
