"""Temporal expectations: each operator and modifier by example, and all against their definitions."""

from collections.abc import Sequence

import numpy as np
import pytest

from avi_env.scenario.temporal import Rule, Signal, judge, judge_all

TIMES = np.arange(21) * 0.25  # 0 .. 5 s


def on(*spans: tuple[float, float]) -> Signal:
    """Returns a signal that holds from the first to the second time of each span [s], both included."""
    holds = np.any([(a <= TIMES) & (b >= TIMES) for a, b in spans], axis=0) if spans else np.zeros(21, bool)
    return Signal(TIMES, holds, np.where(holds, np.inf, -np.inf))


def outcome(rule: Rule, signals: dict[str, Signal], ended: bool = True, **events: Sequence[float]) -> tuple:
    """Returns outcome and time of a verdict."""
    found = judge(rule, signals, events, ended, TIMES)
    return found.outcome, found.time


E, A, B = {"E": on((2.0, 3.0))}, {"A": on((1.0, 1.25))}, {"B": on((4.0, 5.0))}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("eventually", "E"), ("pass", 2.0)),
        (Rule("eventually", "E", within=2.0), ("pass", 2.0)),
        (Rule("eventually", "E", within=1.9), ("fail", 1.9)),
        (Rule("eventually", "E", after="bell", within=4.0), ("pass", 2.5)),  # the bell rings at 2.3 s
        (Rule("eventually", "E", after="late", within=1.0), ("inconclusive", None)),
        (Rule("eventually", "E", after="never"), ("inconclusive", None)),
        (Rule("eventually", "B", after="E", within=1.0), ("fail", 3.0)),
        (Rule("eventually", "E", until="bell"), ("pass", 2.0)),
        (Rule("eventually", "B", until="bell"), ("fail", 2.3)),
        (Rule("eventually", "B", until="never"), ("pass", 4.0)),
        (Rule("eventually", "E", hold_for=1.0), ("pass", 3.0)),
        (Rule("eventually", "E", hold_for=1.25), ("fail", 5.0)),
        (Rule("eventually", "E", hold_for=1.0, until="B"), ("pass", 3.0)),
        (Rule("eventually", "E", hold_for=0.75, after="bell"), ("fail", 5.0)),
        (Rule("always", "E"), ("fail", 0.0)),
        (Rule("always", "E", after="A", within=0.5), ("fail", 1.25)),
        (Rule("always", "B", after="late"), ("pass", 5.0)),
        (Rule("always", "B", after="late", within=3.0), ("inconclusive", None)),
        (Rule("never", "B", within=3.5), ("pass", 3.5)),
        (Rule("never", "E", until="A"), ("pass", 1.0)),
        (Rule("never", "E", until="bell"), ("fail", 2.0)),
        (Rule("never", "E", after="E"), ("fail", 2.25)),
        (Rule("before", "A", "E"), ("pass", 2.0)),
        (Rule("before", "E", "A"), ("fail", 1.0)),
        (Rule("before", "E", "E"), ("fail", 2.0)),
        (Rule("before", "bell", "B"), ("pass", 4.0)),
        (Rule("before", "A", "never"), ("fail", 5.0)),
        (Rule("before", "A", "never", within=9.0), ("inconclusive", None)),
        (Rule("before", "A", "bell", after="A"), ("pass", 2.3)),
        (Rule("before", "A", "bell", after="E"), ("fail", 2.3)),
        (Rule("count", "E", at_least=1), ("pass", 2.0)),
        (Rule("count", "E", at_least=2), ("fail", 5.0)),
        (Rule("count", "E", at_most=0), ("fail", 2.0)),
        (Rule("count", "E", at_least=1, at_most=1), ("pass", 5.0)),
        (Rule("count", "ring", at_least=2, within=4.0), ("pass", 1.5)),
        (Rule("count", "ring", at_most=2, within=4.0), ("fail", 3.5)),
        (Rule("count", "ring", at_most=2, until="bell"), ("pass", 2.3)),
        (Rule("count", "ring", at_most=3, within=9.0), ("inconclusive", None)),
    ],
)
def test_examples(rule, expected):
    """Outcome and time: A holds 1..1.25 s, E 2..3 s, B 4..5 s; a bell at 2.3 s, something late at 4.1 s."""
    events = {"bell": [2.3], "late": [4.1], "never": [], "ring": [0.5, 1.5, 3.5]}
    assert outcome(rule, {**E, **A, **B}, **events) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("eventually", "A"), "pass"),
        (Rule("eventually", "X"), "inconclusive"),
        (Rule("always", "A"), "fail"),
        (Rule("never", "X"), "inconclusive"),
        (Rule("never", "X", within=5.0), "pass"),
        (Rule("before", "A", "X"), "inconclusive"),
        (Rule("count", "A", at_most=3), "inconclusive"),
    ],
)
def test_a_trace_that_was_cut_off_decides_only_what_was_seen(rule, expected):
    """Where the agent has not finished, what did not come may still come."""
    assert outcome(rule, {**A, "X": on()}, ended=False)[0] == expected


def test_margin_and_witness():
    """The margin is the window's robustness; the witness shows the breach, or where it came nearest."""
    distance = np.array([3.0, 2.0, 1.4, 1.8, 0.5])
    times = np.arange(5.0)
    signals = {"d < 1": Signal(times, distance < 1.0, 1.0 - distance)}

    def found(**window: float) -> tuple:
        verdict = judge(Rule("eventually", "d < 1", **window), signals, {}, True, times)
        return verdict.outcome, verdict.tick, verdict.margin, verdict.window

    assert found() == ("pass", 4, 0.5, (0.0, np.inf))
    assert found(within=3.0)[:2] == ("fail", 2)
    np.testing.assert_allclose(found(within=3.0)[2], -0.4, rtol=1e-12)
    never = judge(Rule("never", "d < 1"), signals, {}, True, times)
    assert (never.outcome, never.time, never.tick, never.margin) == ("fail", 4.0, 4, -0.5)
    assert "short by 0.4" in judge(Rule("eventually", "d < 1", within=3.0), signals, {}, True, times).reason


def test_expectations_refer_to_each_other():
    """One that has passed is an event at the time at which it did, whatever the order in the file."""
    rules = {
        "order": Rule("before", "reach", "door"),
        "door": Rule("eventually", "B", after="reach", within=2.0),
        "reach": Rule("eventually", "E"),
        "lost": Rule("eventually", "B", after="failed"),
        "failed": Rule("always", "E"),
    }
    found = judge_all(rules, {**E, **B}, {}, True, TIMES)
    assert list(found) == list(rules)
    assert {name: verdict.outcome for name, verdict in found.items()} == {
        "order": "pass",
        "door": "pass",
        "reach": "pass",
        "lost": "inconclusive",
        "failed": "fail",
    }
    with pytest.raises(ValueError, match="a -> b -> a"):
        judge_all(
            {"a": Rule("eventually", "E", after="b"), "b": Rule("eventually", "E", after="a")}, E, {}, True, TIMES
        )
    with pytest.raises(ValueError, match=r"'bel'.* Did you mean 'bell'"):
        judge(Rule("eventually", "E", after="bel"), E, {"bell": []}, True, TIMES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"operator": "eventualy", "what": "E"}, "Did you mean 'eventually'"),
        ({"operator": "always", "what": "E", "hold_for": 1.0}, "hold_for"),
        ({"operator": "before", "what": "E"}, "second"),
        ({"operator": "count", "what": "E"}, "at_least"),
        ({"operator": "never", "what": "E", "at_most": 1}, "at_least"),
    ],
)
def test_rules_refused(arguments, words):
    """Fields that an operator does not have are no fields to be ignored."""
    with pytest.raises(ValueError, match=words):
        Rule(**arguments)


def _of_an_expression(rule: Rule, holds: np.ndarray, seen: list[int], closed: bool) -> str:
    if rule.operator == "eventually":
        pairs = [(i, j) for i in seen for j in seen if j >= i and TIMES[j] - TIMES[i] >= rule.hold_for]
        came = any(holds[i : j + 1].all() for i, j in pairs)
        return "pass" if came else "fail" if closed else "inconclusive"
    broken = any(holds[k] != (rule.operator == "always") for k in seen)
    return "fail" if broken else "pass" if closed else "inconclusive"


def _counted(rule: Rule, number: int, closed: bool) -> str:
    if rule.at_most is not None and number > rule.at_most:
        return "fail"
    if rule.at_most is None and number >= rule.at_least:
        return "pass"
    return "inconclusive" if not closed else "fail" if number < (rule.at_least or 0) else "pass"


def plainly(rule: Rule, holds: dict[str, np.ndarray], events: dict[str, list[float]], ended: bool) -> str:
    """Returns the outcome by the definitions alone, on times that are multiples of 1/8 s."""
    last = TIMES[-1]

    def fires(name: str) -> list[float]:
        return events[name] if name in events else [t for t, true in zip(TIMES, holds[name], strict=True) if true]

    anchors = fires(rule.after) if rule.after else [-1.0]
    if not anchors:
        return "inconclusive"
    begin = 0.0 if not rule.after else anchors[0]
    end = begin + rule.within if rule.within is not None else np.inf
    stops = [t for t in fires(rule.until) if anchors[0] < t <= end] if rule.until else []

    def inside(t: float) -> bool:
        return anchors[0] < t <= end and (not stops or t < stops[0])

    closed = bool(stops) or (last >= end if np.isfinite(end) else ended)
    later = "fail" if closed else "inconclusive"
    seen = [k for k, t in enumerate(TIMES) if inside(t)]
    if rule.operator in ("eventually", "always", "never"):
        return _of_an_expression(rule, holds[rule.what], seen, closed)
    if rule.operator == "before":
        first, second = ([t for t in fires(name) if inside(t)] for name in (rule.what, rule.second))
        if second:
            return "pass" if first and first[0] < second[0] else "fail"
        return later
    number = sum(inside(t) for t in events[rule.what]) if rule.what in events else 0
    if rule.what not in events:
        number = sum(holds[rule.what][k] and (k == seen[0] or not holds[rule.what][k - 1]) for k in seen)
    return _counted(rule, number, closed)


def test_random_rules_against_the_definitions():
    """4000 random rules over expressions and events between the ticks, complete traces and cut ones."""
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(4000):
        holds = {name: np.repeat(rng.random(7) < rng.random(), 3) for name in "ABC"}
        holds["C"] = rng.random(21) < 0.15
        events = {name: sorted(set(rng.integers(0, 41, rng.integers(0, 4)) / 8.0)) for name in "xyz"}
        operator = str(rng.choice(["eventually", "always", "never", "before", "count"]))
        anything = ("A", "B", "C", "x", "y", "z")
        counted = operator in ("before", "count")
        bounds = [(int(rng.integers(1, 4)), None), (None, int(rng.integers(0, 3))), (1, 2)][rng.integers(3)]
        rule = Rule(
            operator,  # type: ignore[arg-type]
            str(rng.choice(anything if counted else anything[:3])),
            str(rng.choice(anything)) if operator == "before" else "",
            within=float(rng.integers(1, 50)) / 8.0 if rng.random() < 0.5 else None,
            after=str(rng.choice(anything)) if rng.random() < 0.5 else "",
            until=str(rng.choice(anything)) if rng.random() < 0.4 else "",
            hold_for=float(rng.integers(0, 8)) / 8.0 if operator == "eventually" else 0.0,
            at_least=bounds[0] if operator == "count" else None,
            at_most=bounds[1] if operator == "count" else None,
        )
        ended = bool(rng.random() < 0.5)
        signals = {name: Signal(TIMES, v, np.where(v, 1.0, -1.0)) for name, v in holds.items()}
        expected = plainly(rule, holds, events, ended)
        assert judge(rule, signals, events, ended, TIMES).outcome == expected, (rule, holds, events, ended)
        seen.add((operator, expected))
    assert len(seen) == 15
