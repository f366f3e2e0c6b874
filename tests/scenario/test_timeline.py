"""When events happen: at times, at rising edges, after others; in the same order always."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from avi_env.scenario.timeline import Due, Events, Timeline, Trigger

STEP = 0.25


def played(timeline: Timeline, ticks: int, step: float = STEP) -> list[Due]:
    """All that happens in a number of ticks."""
    return [due for n in range(ticks) for due in timeline.due(n * step, (n + 1) * step)]


def at_ticks(*ticks: int) -> Callable[[Events], bool]:
    """A condition that holds at some of the times it is asked."""
    asked = iter(range(10_000))
    return lambda events: next(asked) in ticks


def test_times_are_exact_within_their_tick() -> None:
    """An event at 2.1 s happens in the tick that begins at 2.0 s, at 2.1 s; at 2.0 s in the same tick, before it."""
    timeline = Timeline([Trigger("late", at=2.1), Trigger("early", at=2.0), Trigger("delayed", at=1.0, delay=0.5)])
    assert played(timeline, 12) == [Due(2, "delayed", 1.5), Due(1, "early", 2.0), Due(0, "late", 2.1)]


def test_a_condition_triggers_when_it_comes_true_and_only_once() -> None:
    """True at ticks 3, 4, 6: one event at the first rising edge, two of an event that repeats."""
    once = Timeline([Trigger("e", when=at_ticks(3, 4))])
    assert played(once, 8) == [Due(0, "e", 3 * STEP)]
    often = Timeline([Trigger("e", when=at_ticks(3, 4, 6), repeat=True, delay=0.1)])
    assert [due.seconds for due in played(often, 8)] == pytest.approx([0.85, 1.6], abs=1e-12)


def test_a_condition_that_holds_at_first_triggers_at_once() -> None:
    """Before the first tick every condition counts as false."""
    assert played(Timeline([Trigger("e", when=lambda events: True)]), 3) == [Due(0, "e", 0.0)]


def test_an_event_follows_another_in_the_same_tick_only_further_down_the_file() -> None:
    """Down the file it is sample-exact; up the file it comes with the next tick."""
    down = Timeline([Trigger("a", at=1.0), Trigger("b", after="a", delay=0.1)])
    assert played(down, 8) == [Due(0, "a", 1.0), Due(1, "b", 1.1)]
    up = Timeline([Trigger("b", after="a", delay=0.1), Trigger("a", at=1.0)])
    assert played(up, 8) == [Due(1, "a", 1.0), Due(0, "b", 1.25)]


def test_after_counts_the_first_time_or_every_time() -> None:
    """An event after one that repeats happens once, unless it repeats, too."""
    twice = Trigger("a", when=at_ticks(1, 3), repeat=True)
    once = Timeline([twice, Trigger("b", after="a")])
    assert [due.id for due in played(once, 6)] == ["a", "b", "a"]
    twice = Trigger("a", when=at_ticks(1, 3), repeat=True)
    often = Timeline([twice, Trigger("b", after="a", repeat=True)])
    assert [due.id for due in played(often, 6)] == ["a", "b", "a", "b"]


def test_conditions_are_told_what_has_happened() -> None:
    """A condition may ask for an event that stands before it in the file and happens at this tick."""
    later = Trigger("b", when=lambda events: bool(events["a"]))
    assert played(Timeline([Trigger("a", at=0.5), later]), 6) == [Due(0, "a", 0.5), Due(1, "b", 0.5)]
    later = Trigger("b", when=lambda events: bool(events["a"]))
    assert played(Timeline([Trigger("a", at=0.6), later]), 6) == [Due(0, "a", 0.6), Due(1, "b", 0.75)]


def test_what_was_due_between_ticks_is_not_lost() -> None:
    """With a step of 0.1 s, whose multiples are not exact, each event happens once."""
    times = [0.1 * n for n in range(30)]
    timeline = Timeline([Trigger(f"e{n}", at=time) for n, time in enumerate(times)])
    assert [due.number for due in played(timeline, 31, 0.1)] == list(range(30))


def test_a_trigger_has_one_cause() -> None:
    """None or two are refused."""
    with pytest.raises(ValueError, match="event 'e' needs exactly one of at, when and after"):
        Trigger("e")
    with pytest.raises(ValueError, match="exactly one"):
        Trigger("e", at=1.0, after="d")
