"""The scenarios of benchmarks/scenarios are read, mean something, can be passed and are not trivial."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from avi_env.content import content_path
from avi_env.scenario import load_scenario
from avi_env.scenario.cases import cases
from avi_env.scenario.document import METRICS, OPERATORS, TRIGGERS
from avi_env.scenario.effects import EFFECTS
from avi_env.scenario.predicates import PREDICATES
from avi_env.scenario.reference_page import rendered_scenarios_page
from avi_env.scenario.run import run_case
from avi_env.scenario.solution_steps import SOLUTION_STEPS

FOLDER = content_path("benchmarks", "scenarios")
FILES = sorted(FOLDER.glob("*.scenario.yaml"))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"
PLAYED = ("false_premise", "distractor")  # the others: `avi scenario check benchmarks/scenarios`


def test_there_are_twelve() -> None:
    """Twelve ship, and the card has a row for each."""
    rows = re.findall(r"^\| `(\w+)` \|", (FOLDER / "card.md").read_text(), flags=re.MULTILINE)
    assert len(FILES) == 12
    assert {path.name.removesuffix(".scenario.yaml") for path in FILES} <= set(rows)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_proves_itself(path: Path) -> None:
    """Each is named as its file, says what it is about, and brings a solution and a baseline that must fail."""
    scenario = load_scenario(path)
    assert f"{scenario.name}.scenario.yaml" == path.name
    assert scenario.summary
    assert scenario.tags
    assert scenario.solution
    assert "random" in scenario.expect_fail
    assert all(expectation.because or expectation.id for expectation in scenario.expect)
    assert 1 <= len(cases(scenario)) <= 2


@pytest.mark.parametrize("name", PLAYED)
def test_solvable_and_not_trivial(name: str) -> None:
    """The solution passes, an agent that moves at random does not."""
    case = cases(load_scenario(FOLDER / f"{name}.scenario.yaml"))[0]
    solved = run_case(case, "solution")
    assert solved.outcome == "pass", solved.verdicts
    assert run_case(case, "random").outcome == "fail"


def test_page_leaves_out_what_was_typed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A predicate of somebody's own, from a module or from none, is not of the page: it once broke it."""
    page = PAGE.read_text(encoding="utf-8")
    for module in ("mine", None):
        own = replace(PREDICATES["t"], name="own", function=lambda moment: moment.t)
        own.function.__module__ = module
        monkeypatch.setitem(PREDICATES, "own", own)
        assert rendered_scenarios_page(page) == page


def test_page_knows_every_word() -> None:
    """docs/scenarios.md tells every effect, trigger, operator, solution step and metric, and all predicates."""
    page = PAGE.read_text(encoding="utf-8")
    words = (*EFFECTS, *TRIGGERS, *OPERATORS, *SOLUTION_STEPS, *METRICS)
    assert [word for word in words if f"`{word}" not in page] == []
    assert rendered_scenarios_page(page) == page, "run .ci/generate_docs.py, or its scenarios_page()"
