"""Verdicts and margins against rtamt, an independent library of signal temporal logic (discrete time, offline)."""

from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from avi_env.scenario.expression import Expression, parse_expression
from avi_env.scenario.moment import Moment
from avi_env.scenario.registry import Predicate
from avi_env.scenario.temporal import Rule, Signal, Verdict, judge

rtamt = pytest.importorskip("rtamt")

FORMULAS, TRACES = 25, 40
STEP = 0.25

# Predicates of this test: two numbers that a moment carries in fields that nothing else uses here.
NUMBERS = MappingProxyType(
    {
        "x": Predicate("x", lambda moment: moment.path_length, (), "number", "", "A number."),
        "y": Predicate("y", lambda moment: moment.yaw, (), "number", "", "Another."),
    }
)


class Case(NamedTuple):
    a: str
    b: str
    """Two conditions."""
    within: int
    """Ticks."""
    hold: int
    """Ticks."""


def condition(rng: np.random.Generator, depth: int = 2) -> str:
    """Returns a random condition, written so that both languages read it alike."""
    if depth == 0 or rng.random() < 0.3:
        left = rng.choice(["x", "y", "x + y", "x - 2 * y"])
        return f"({left} {rng.choice(['<', '<=', '>', '>='])} {rng.normal(0.0, 0.7):.3f})"
    if rng.random() < 0.25:
        return f"(not {condition(rng, depth - 1)})"
    return f"({condition(rng, depth - 1)} {rng.choice(['and', 'or'])} {condition(rng, depth - 1)})"


def robustness(formula: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns rtamt's robustness of a formula at each tick."""
    spec = _spec(formula)
    data = {"time": list(range(len(x))), "x": x.tolist(), "y": y.tolist()}
    return np.array([value for _, value in spec.evaluate(data)])


@cache
def _spec(formula: str) -> Any:
    spec = rtamt.StlDiscreteTimeSpecification()
    spec.declare_var("x", "float")
    spec.declare_var("y", "float")
    spec.spec = formula
    spec.parse()
    return spec


@cache
def _parsed(text: str) -> Expression:
    return parse_expression(text, NUMBERS)


def signal(text: str, x: np.ndarray, y: np.ndarray) -> Signal:
    """Returns a condition over a trace as this package evaluates it."""
    expression = _parsed(text)
    none: Any = None
    moments = (
        Moment(k * STEP, k, np.zeros(3), b, none, path_length=a) for k, (a, b) in enumerate(zip(x, y, strict=True))
    )
    readings = [expression.evaluate(moment) for moment in moments]
    holds, margins = (np.array(column) for column in zip(*readings, strict=True))
    return Signal(np.arange(len(x)) * STEP, holds, margins)


class Trace(NamedTuple):
    case: Case
    x: np.ndarray
    y: np.ndarray
    own: dict[str, Signal]
    """Signals of the two conditions."""


def traces() -> list[Trace]:
    """Returns 25 formulas' parts with 40 random walks each."""
    rng = np.random.default_rng(8)
    found = []
    for _ in range(FORMULAS):
        within = int(rng.integers(1, 25))
        case = Case(condition(rng), condition(rng), within, int(rng.integers(1, within + 1)))
        for _ in range(TRACES):
            length = int(rng.integers(2, 40))
            x, y = np.cumsum(rng.normal(0.0, 0.5, (2, length)), axis=1) + rng.normal(0.0, 0.5, (2, 1))
            found.append(Trace(case, x, y, {text: signal(text, x, y) for text in (case.a, case.b)}))
    return found


def three_valued(rho: float, operator: str, closed: bool) -> str:
    """Returns the verdict that a robustness over the seen part of a window stands for."""
    if operator == "eventually":
        return "pass" if rho > 0.0 else "fail" if closed else "inconclusive"
    return "fail" if rho < 0.0 else "pass" if closed else "inconclusive"


def judged(rule: Rule, signals: dict[str, Signal], ended: bool = True) -> Verdict:
    """Returns the verdict on a trace without events."""
    return judge(rule, signals, {}, ended, signals[rule.what].times)


ALL = traces()


def test_a_thousand_traces():
    """As many as were promised, and none of them trivial: every outcome is met in good numbers."""
    assert len(ALL) == 1000
    outcomes = [
        judged(Rule(operator, case.a, within=case.within * STEP), own).outcome
        for case, _, _, own in ALL
        for operator in ("eventually", "always")
    ]
    assert min(outcomes.count(name) for name in ("pass", "fail", "inconclusive")) > 150


def test_margins_of_conditions():
    """And, or, not, comparisons and arithmetic have rtamt's robustness at every tick."""
    for case, x, y, own in ALL:
        np.testing.assert_allclose(own[case.a].margins, robustness(case.a, x, y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("operator", ["eventually", "always", "never"])
def test_windows_from_the_start(operator):
    """F[0,w], G[0,w] and G[0,w] not, verdict and margin, windows longer than the trace included."""
    stl = {"eventually": "eventually[0:{}]{}", "always": "always[0:{}]{}", "never": "always[0:{}](not {})"}[operator]
    for case, x, y, own in ALL:
        found = judged(Rule(operator, case.a, within=case.within * STEP), own)
        rho = robustness(stl.format(case.within, case.a), x, y)[0]
        assert found.outcome == three_valued(rho, operator, case.within < len(x))
        np.testing.assert_allclose(found.margin, rho, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("operator", ["eventually", "always"])
def test_without_a_window(operator):
    """F and G over a complete trace; over one that was cut off nothing is concluded from what did not come."""
    for case, x, y, own in ALL:
        rho = robustness(f"{operator}{case.a}", x, y)[0]
        for ended in (True, False):
            found = judged(Rule(operator, case.a), own, ended)
            assert found.outcome == three_valued(rho, operator, ended)
            np.testing.assert_allclose(found.margin, rho, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("operator", ["eventually", "always"])
def test_windows_after_an_anchor(operator):
    """F[1,w] and G[1,w] at the first tick where the anchor holds: its own tick is outside."""
    anchored = 0
    for case, x, y, own in ALL:
        found = judged(Rule(operator, case.a, within=case.within * STEP, after=case.b), own)
        start = next((k for k, rho in enumerate(robustness(case.b, x, y)) if rho > 0.0), None)
        if start is None:
            assert found.outcome == "inconclusive"
            assert found.margin is None
            continue
        rho = robustness(f"{operator}[1:{case.within}]{case.a}", x, y)[start]
        assert found.outcome == three_valued(rho, operator, start + case.within < len(x))
        np.testing.assert_allclose(found.margin, rho, rtol=1e-12, atol=1e-12)
        anchored += start > 0
    assert anchored > 100


def test_hold_for():
    """F[0,w-d] G[0,d], on traces that cover the window."""
    compared = 0
    for case, x, y, own in ALL:
        if case.within >= len(x):
            continue
        rule = Rule("eventually", case.a, within=case.within * STEP, hold_for=case.hold * STEP)
        found = judged(rule, own)
        rho = robustness(f"eventually[0:{case.within - case.hold}](always[0:{case.hold}]{case.a})", x, y)[0]
        assert found.outcome == three_valued(rho, "eventually", True)
        np.testing.assert_allclose(found.margin, rho, rtol=1e-12, atol=1e-12)
        compared += 1
    assert compared > 300


def test_always_until():
    """Weak until: (a U[0,w] b) or G[0,w] a."""
    for case, x, y, own in ALL:
        found = judged(Rule("always", case.a, within=case.within * STEP, until=case.b), own)
        until = robustness(f"({case.a} until[0:{case.within}] {case.b})", x, y)[0]
        kept = robustness(f"always[0:{case.within}]{case.a}", x, y)[0]
        expected = "pass" if until > 0.0 else three_valued(kept, "always", case.within < len(x))
        assert found.outcome == expected


def test_eventually_until():
    """A before b ends the window: (not b) U[0,w] (a and not b)."""
    for case, x, y, own in ALL:
        found = judged(Rule("eventually", case.a, within=case.within * STEP, until=case.b), own)
        free = f"(not {case.b})"
        rho = robustness(f"({free} until[0:{case.within}] ({case.a} and {free}))", x, y)[0]
        ended = robustness(f"eventually[0:{case.within}]{case.b}", x, y)[0] > 0.0
        assert found.outcome == three_valued(rho, "eventually", ended or case.within < len(x))


def test_before():
    """Both come, the first strictly earlier: (not b) U (a and not b and F b)."""
    for case, x, y, own in ALL:
        found = judged(Rule("before", case.a, case.b), own)
        free = f"(not {case.b})"
        rho = robustness(f"({free} until (({case.a} and {free}) and (eventually{case.b})))", x, y)[0]
        assert found.outcome == three_valued(rho, "eventually", True)
