"""Conditions of scenario files: what they mean, what is refused and where, and what a hostile one costs."""

import pickle
import random
import re
import time
from typing import Any

import numpy as np
import pytest

from avi_env.scenario import registry
from avi_env.scenario.expression import MAX_DEPTH, MAX_LENGTH, ExpressionError, parse_expression, unknown_names
from avi_env.scenario.moment import Moment
from avi_env.scenario.pattern import PatternError, compile_pattern, matches
from avi_env.scenario.predicates import PREDICATES
from avi_env.scenario.registry import Entity, Reading, register_predicate

INF = np.inf


class House:
    """A truth with a kettle 3 m ahead of the agent that whistles at 50 dB, and one room."""

    asked = 0

    def canonical(self, name: str) -> str:
        return {"kitchen": "kitchen_1"}.get(name, name)

    def place(self, name: str) -> np.ndarray:
        return {"kettle": np.array([0.0, 1.0, -3.0]), "vase": np.array([2.0, 0.0, 0.0])}[name]

    def geodesic_distance(self, start: str, end: str) -> float:
        self.asked += 1
        return {"kettle": 3.5, "vase": INF}[end]

    def pixels(self, name: str, observation: Any) -> int:
        return {"kettle": 40, "vase": 0}[name]

    def level_db(self, name: str) -> float:
        return {"kettle": 50.0, "vase": -INF}[name]

    def noise_db(self, name: str) -> float:
        return 30.0

    def room_at(self, position: np.ndarray) -> str:
        return "kitchen_1" if position[2] > -2.0 else ""


def moment(**values: Any) -> Moment:
    """Returns a moment at 10 s with the agent at the origin, looking along -z."""
    given: dict[str, Any] = {"t": 10.0, "step": 40, "position": np.zeros(3), "yaw": 0.0, "truth": House(), **values}
    return Moment(**given)


@pytest.mark.parametrize(
    ("text", "holds", "margin"),
    [
        ("t > 4", True, 6.0),
        ("t < 4", False, -6.0),
        ("not t < 4", True, 6.0),
        ("t >= 10", True, 0.0),
        ("t > 10", False, 0.0),
        ("t == 10", True, 0.0),
        ("t != 8", True, 2.0),
        ("5 < t <= 12", True, 2.0),
        ("5 < t <= 9", False, -1.0),
        ("t > 4 and t < 11", True, 1.0),
        ("t > 12 or t > 20", False, -2.0),
        ("not (t > 4 and t < 11) or step == 40", True, 0.0),
        ("2 + 3 * 4 - -1 < t + step / 4", True, 5.0),
        ("t / 0 < 5", False, -INF),
        ("distance(agent, kettle) < 1.5", False, -2.0),
        ("dist(agent, vase) < 1.5", False, -INF),
        ("near(kettle, 4)", True, 0.5),
        ("straight_distance(agent, vase) <= 2", True, 0.0),
        ("azimuth_error(vase) < 100", True, 10.0),
        ("facing(vase)", False, -60.0),
        ("facing(vase, degrees=95)", True, 5.0),
        ("visible(kettle)", True, 39.0),
        ("visible(vase)", False, -1.0),
        ("audible(kettle, 15)", True, 5.0),
        ("audible(vase)", False, -INF),
        ("in_room(agent, kitchen)", True, INF),
        ("in_room(kettle, kitchen)", False, -INF),
        ("room == kitchen and room != 'hall_1'", True, INF),
        ("skill == ''", True, INF),
        ("said(agent) ~ 'coming|YES'", True, INF),
        ("said(agent) ~ '^no'", False, -INF),
        ("happened(bell) and time_since(bell) < 5", True, 1.0),
        ("happened(knock) or time_since(knock) < 5", False, -INF),
        ("collisions_per_min < 6", True, 3.0),
    ],
)
def test_meaning(text, holds, margin):
    """Whether it holds, and the signed distance to where that would change."""
    now = moment(
        said=((3.0, "Yes, I am"), (5.0, "on my way")), events={"bell": (2.0, 6.0, 11.0), "knock": ()}, collisions=3
    )
    found = parse_expression(text).evaluate(now)
    assert found.holds is holds
    np.testing.assert_allclose(found.margin, margin, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "the expression ends"),
        ("t > ", 5, "the expression ends"),
        ("t = 3", 3, "write =="),
        ("t > 1 && stopped", 7, "write 'and'"),
        ("t > 'a'", 3, "cannot be compared"),
        ("kettle_1", 1, "no predicate"),
        ("skill == ask", 10, "in quotes"),
        ("(skil == 'a')", 2, "Did you mean 'skill'"),
        ("distanc(agent, a) < 1", 1, "Did you mean 'distance'"),
        ("distance(a) < 1", 1, "'b' is missing"),
        ("distance(a, b, c) < 1", 16, "too many"),
        ("near(x, y)", 9, "is a number"),
        ("audible(x, snr=3)", 16, "Did you mean 'snr_db'"),
        ("audible(thing=x, thing=y)", 24, "twice"),
        ("said(visitor) ~ 'a'", 6, "'agent' only"),
        ("said(agent) ~ '(yes'", 16, "has no )"),
        ("said(agent) ~ yes", 15, "in quotes"),
        ("visible(x) == 1", 12, "not compared"),
        ("room < kitchen", 6, "== or !="),
        ("1 + stopped > 2", 5, "a condition stands"),
        ("t", 1, "compare it"),
        ("t > 1e999", 5, "too large"),
        ("stopped or 'abc", 12, "no partner"),
        ("__import__('os').system('ls') == 0", 17, "'.' is not known"),
        ("().__class__", 3, "not known"),
        ("[t for t in t]", 1, "'[' is not known"),
        ("é > 1", 1, "not known"),
        ("not " * (MAX_DEPTH + 1) + "stopped", 4 * MAX_DEPTH + 1, "nested"),
        ("(" * 100 + "t" + ")" * 100, MAX_DEPTH + 1, "nested"),
        ("t>1" + " " * MAX_LENGTH, MAX_LENGTH + 1, "at most"),
    ],
)
def test_refused(text, column, words):
    """What is not understood is told with its column and a remedy."""
    with pytest.raises(ExpressionError, match=re.escape(words)) as fault:
        parse_expression(text)
    assert fault.value.column == column


def test_any_text_is_parsed_or_refused():
    """No text raises anything but an ExpressionError with a column inside it."""
    rng = random.Random(3)
    words = ["t", "stopped", "(", ")", "and", "or", "not", "<", "==", "~", "'a('", "1", "-", "near", "room", ",", "="]
    good, columns = 0, []
    for _ in range(3000):
        text = " ".join(rng.choices(words, k=rng.randint(1, 10)))
        if rng.random() < 0.3:
            text += chr(rng.randint(0, 0x3000))
        try:
            parse_expression(text)
            good += 1
        except ExpressionError as fault:
            columns.append((fault.column, len(text) + 1))
    assert all(1 <= column <= last for column, last in columns)
    assert good >= 10


def test_longest_expression_is_evaluated():
    """Length and depth are bounded so that neither parsing nor evaluating meets Python's limit of recursion."""
    long = "+".join(["t"] * 490) + " > 1"
    assert parse_expression(long).evaluate(moment()).margin == 4899.0
    deep = "not (" * (MAX_DEPTH // 2) + "stopped" + ")" * (MAX_DEPTH // 2)
    assert parse_expression(deep).evaluate(moment()).holds == (MAX_DEPTH // 2 % 2 == 1)


def test_names_atoms_and_values():
    """An expression tells what it mentions, where, and what its parts are at a moment."""
    expression = parse_expression("dist(agent, kettle) < 1.5 and room == kitchen or happened(bell)")
    assert [(use.name, use.kind, use.column) for use in expression.names] == [
        ("agent", "entity", 6),
        ("kettle", "entity", 13),
        ("kitchen", "room", 39),
        ("bell", "event", 59),
    ]
    assert expression.values(moment(events={"bell": ()})) == {
        "distance(agent, kettle)": 3.5,
        "room": "kitchen_1",
        "happened(bell)": False,
    }
    ((column, message),) = unknown_names(expression, "entity", ["agent", "kettle_2"])
    assert column == 13
    assert "Did you mean 'kettle_2'" in message
    assert pickle.loads(pickle.dumps(expression)) == expression


def test_a_predicate_is_asked_once_per_moment():
    """And not at all where it cannot matter."""
    house = House()
    text = "distance(agent, kettle) < 1 or distance(agent, kettle) > 3"
    parse_expression(text).evaluate(moment(truth=house))
    assert house.asked == 1
    parse_expression("stopped and near(kettle, 1)").evaluate(moment(truth=house))
    assert house.asked == 1


def test_own_predicates(monkeypatch):
    """Anybody may add predicates; what cannot be used is refused when it is added."""
    monkeypatch.setattr(registry, "PREDICATES", dict(PREDICATES))

    @register_predicate(unit="m")
    def height(moment: Moment, thing: Entity, above: float = 0.0) -> float:
        """Height of a thing."""
        return float(moment.truth.place(thing)[1]) - above

    known = registry.PREDICATES
    assert known["height"].signature == "height(thing, above=0.0)"
    assert parse_expression("height(kettle, 0.5) > 0.2", known).evaluate(moment()) == Reading(True, 0.3)
    with pytest.raises(ValueError, match="already"):
        register_predicate(name="visible")(height)
    with pytest.raises(ValueError, match="docstring"):
        register_predicate()(lambda moment: True)
    with pytest.raises(ValueError, match="cannot be the name"):
        register_predicate(name="not")(height)

    def odd(moment: Moment, things: list) -> float:  # type: ignore[type-arg]
        """Takes what no expression can give."""
        return 0.0

    with pytest.raises(TypeError, match="things"):
        register_predicate()(odd)


def _random_pattern(rng: random.Random, depth: int) -> str:
    draw = rng.random()
    if depth == 0 or draw < 0.35:
        return rng.choice(["a", "b", "A", ".", "[ab]", "[^a]", "\\d", "\\w", "\\b", "^", "$", " ", "\\W", "[a-c1]"])
    if draw < 0.6:
        return _random_pattern(rng, depth - 1) + _random_pattern(rng, depth - 1)
    if draw < 0.75:
        return f"({_random_pattern(rng, depth - 1)}|{_random_pattern(rng, depth - 1)})"
    return f"({_random_pattern(rng, depth - 1)}){rng.choice(['*', '+', '?', '{2}', '{1,3}', '{0,}'])}"


def test_patterns_agree_with_re():
    """2000 random patterns on four texts each, as Python's own engine without regard to capitals and by lines."""
    rng = random.Random(0)
    for _ in range(2000):
        pattern = _random_pattern(rng, 3)
        own = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
        for _ in range(4):
            text = "".join(rng.choices("ab1 \nA_", k=rng.randint(0, 8)))
            assert matches(pattern, text) == bool(own.search(text)), (pattern, text)


@pytest.mark.parametrize(
    "pattern", ["(a+)+!", "(a|a)*!", "(.*)(.*)(.*)(.*)(.*)!", "(a?){50}a{50}!", "(\\w|a|[ab])*(.|a)*!"]
)
def test_hostile_patterns_are_matched_in_linear_time(pattern):
    """Patterns that hold a backtracking engine for years: ten times the text costs about ten times the time."""
    costs = []
    for length in (3_000, 30_000):
        start = time.process_time()
        assert not compile_pattern(pattern).search("a" * length)
        costs.append(time.process_time() - start)
    assert costs[1] < 40.0 * costs[0] + 0.5  # quadratic time would be 100


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("(yes", 0),
        ("yes)", 3),
        ("[a", 0),
        ("a{2", 1),
        ("a{900}", 1),
        ("*a", 0),
        ("a**", 2),
        ("(?=a)", 0),
        ("(a)\\1", 3),
        ("((a{50}){50}){50}", 0),
        ("(" * 30 + ")" * 30, 20),
        ("[z-a]", 0),
        ("a\\", 2),
    ],
)
def test_patterns_refused(pattern, offset):
    """What is not known, or too large, is refused with its place."""
    with pytest.raises(PatternError) as fault:
        compile_pattern(pattern)
    assert fault.value.offset == offset


def test_nested_repetitions_of_nothing_end():
    """They would take for ever to write out."""
    assert matches("(" * 19 + ")" + "{50})" * 18 + "{50}a", "xa")
