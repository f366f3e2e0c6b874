"""From signals to verdicts: what "eventually", "always", "before"... mean on a trace that ends.

A trace has ticks t_0 < t_1 < ... < t_n; an expression gives a signal (true or false, and a margin, at each tick), an
event gives the exact times at which it happened, and an expectation that has passed gives the time at which it did.
Each of these three can be an *anchor* and *fires* at those times; an expression fires at every tick where it holds.

**Window.** Without `after`: from the first tick on, that tick included. With `after: A`: from the first firing of A
on, that instant excluded. It ends `within` seconds later, that instant included, or at the first firing of `until`
inside it, that instant excluded, whichever is earlier; without either, with the trace. It has *closed* once a tick at
or after its end has been seen; one without an end closes when the trace is complete (the agent stopped or answered, the
environment ended), not when the trace was cut off (a budget, an error, still running).

**Three values.** Nothing is decided before it has to be and nothing is guessed: *inconclusive* = the anchor never
fired, or the trace ended before the window closed and what was seen decides nothing.

================  ==========================================  =========================================  ==============
operator          pass                                        fail                                       margin
================  ==========================================  =========================================  ==============
eventually E      at the first tick where E holds; with       when the window closes without             largest of E
                  `hold_for: d`, when E has held at all
                  ticks of d seconds in the window
always E          when the window closes                      at the first tick where E does not hold    smallest of E
never E           when the window closes                      at the first tick where E holds            smallest of
                                                                                                         -E
before A, B       when B fires, A having fired earlier        when B fires and A has not (both at        t_B - t_A [s]
                  (first firings in the window)               once is not before), or the window closes
                                                              without A or without B
count E           when the window closes and the number of    when there are more than `at_most`, or     number to spare
                  times is in bounds; `at_least` alone, as    the window closes with fewer than
                  soon as it is reached                       `at_least`
================  ==========================================  =========================================  ==============

`always E, until: B` is a weak until: B need not come. "Not B before A" is `never: B, until: A`. `count` counts an
event's times, and of an expression the times it becomes true in the window (true at its first tick is one). A window
without a tick has nothing to hold in: eventually fails, always and never pass.

Margins are signed distances to the threshold over the whole window as far as it was seen (the robustness of signal
temporal logic, Donze and Maler 2010); +-inf where there is no threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error

__all__ = ["Operator", "Outcome", "Rule", "Signal", "Verdict", "judge", "judge_all"]

FloatArray = npt.NDArray[np.float64]
Operator = Literal["eventually", "always", "never", "before", "count"]
Outcome = Literal["pass", "fail", "inconclusive"]

_INSTANT = 1e-6  # [s]; times nearer than this are one


class Signal(NamedTuple):
    """An expression over a trace."""

    times: FloatArray
    """Of the ticks [s], shape (n,), rising."""
    holds: npt.NDArray[np.bool_]
    """Shape (n,)."""
    margins: FloatArray
    """Distance to the threshold, shape (n,)."""


@dataclass(frozen=True)
class Rule:
    """An expectation as it is judged. A name is an event's id, an expectation's id or an expression's text."""

    operator: Operator
    what: str
    """The expression; of `before` what comes first; of `count` an event's id will do."""
    second: str = ""
    """What comes second; `before` alone has it."""
    within: float | None = None
    """Length of the window [s]."""
    after: str = ""
    """Where the window begins, "" = with the trace."""
    until: str = ""
    """Where it ends."""
    hold_for: float = 0.0
    """How long E has to hold without a break [s]; `eventually` alone has it."""
    at_least: int | None = None
    at_most: int | None = None
    """Bounds of `count`."""

    def __post_init__(self) -> None:
        if self.operator not in get_args(Operator):
            raise name_error("operator", self.operator, get_args(Operator))
        if bool(self.second) != (self.operator == "before"):
            raise ValueError("`second` belongs to `before`, and to it alone")
        if self.hold_for and self.operator != "eventually":
            raise ValueError("`hold_for` belongs to `eventually`: always and never hold all the time by themselves")
        if (self.at_least is None and self.at_most is None) == (self.operator == "count"):
            raise ValueError("`at_least` and `at_most` belong to `count`, which needs one of them")

    @property
    def references(self) -> tuple[str, ...]:
        """The names it depends on."""
        return tuple(filter(None, (self.what, self.second, self.after, self.until)))


class Verdict(NamedTuple):
    """What came of an expectation."""

    outcome: Outcome
    time: float | None
    """When it was decided [s]; None while it is not."""
    tick: int | None
    """Tick that shows it best: where it came true, where it was violated, else where it came nearest."""
    margin: float | None
    """Distance to the threshold, positive where it passes; None where nothing can be said."""
    reason: str
    """Why, in a sentence."""
    window: tuple[float, float] | None
    """From when to when it was expected [s], inf = open; None = it has not begun."""


class _Window(NamedTuple):
    start: float
    after: bool
    """Whether the start itself is excluded."""
    end: float
    before: bool
    """Whether the end itself is excluded."""
    closed: bool
    ticks: npt.NDArray[np.intp]
    """Indices of the ticks inside."""
    last: float
    """Time of the trace's last tick [s]."""

    def holds(self, time: float) -> bool:
        """Whether a time lies inside."""
        late = time > self.start + _INSTANT if self.after else time >= self.start - _INSTANT
        return late and (time < self.end - _INSTANT if self.before else time <= self.end + _INSTANT)

    @property
    def close(self) -> float:
        """When it closed [s]: at its end, or with the trace."""
        return self.end if math.isfinite(self.end) else self.last

    @property
    def text(self) -> str:
        return f"from {self.start:.2f} s to " + (f"{self.end:.2f} s" if math.isfinite(self.end) else "the end")


class _Trace(NamedTuple):
    times: FloatArray
    signals: Mapping[str, Signal]
    fired: Mapping[str, Sequence[float]]
    """Times of events and of expectations that have passed."""
    ended: bool

    def signal(self, name: str) -> Signal:
        if name not in self.signals:
            raise name_error("signal", name, self.signals)
        return self.signals[name]

    def firings(self, name: str) -> Sequence[float]:
        """Returns all times at which a name fires [s], rising."""
        if name in self.fired:
            return self.fired[name]
        if name not in self.signals:
            raise name_error("event, expectation or signal", name, {*self.fired, *self.signals})
        signal = self.signals[name]
        found: list[float] = signal.times[signal.holds].tolist()
        return found


def judge_all(
    rules: Mapping[str, Rule],
    signals: Mapping[str, Signal],
    events: Mapping[str, Sequence[float]],
    ended: bool,
    times: FloatArray,
) -> dict[str, Verdict]:
    """Judges expectations that may refer to each other.

    Args:
        rules: by id.
        signals: of every expression that the rules name, by its text.
        events: times at which each event happened [s], rising, by id; empty for one that has not.
        ended: whether the trace is complete, rather than cut off or still running.
        times: of the ticks [s], shape (n,), rising, n >= 1.

    Returns:
        The verdicts by id, in the order of the rules.

    Raises:
        ValueError: rules refer to each other in a circle, or to a name that nothing has.
    """
    fired: dict[str, Sequence[float]] = dict(events)
    found: dict[str, Verdict] = {}

    def settle(name: str, below: tuple[str, ...]) -> None:
        if name in below:
            raise ValueError(f"expectations wait for each other: {' -> '.join((*below, name))}")
        if name in found:
            return
        for other in rules[name].references:
            if other in rules and other not in events:
                settle(other, (*below, name))
        found[name] = judge(rules[name], signals, fired, ended, times)
        passed = found[name].outcome == "pass" and found[name].time is not None
        fired.setdefault(name, [float(found[name].time or 0.0)] if passed else [])

    for name in rules:
        settle(name, ())
    return {name: found[name] for name in rules}


def judge(
    rule: Rule,
    signals: Mapping[str, Signal],
    events: Mapping[str, Sequence[float]],
    ended: bool,
    times: FloatArray,
) -> Verdict:
    """Judges one expectation; the arguments are those of `judge_all`, with passed expectations among the events."""
    if not len(times):
        raise ValueError("a trace has at least one tick: that after the reset")
    trace = _Trace(np.asarray(times, np.float64), signals, events, ended)
    window = _window(rule, trace)
    if window is None:
        reason = f"{rule.after} never came, after which it was expected"
        return Verdict("inconclusive", None, None, None, reason, None)
    return _OPERATORS[rule.operator](rule, trace, window)


def _window(rule: Rule, trace: _Trace) -> _Window | None:
    start, after = float(trace.times[0]), False
    if rule.after:
        anchors = trace.firings(rule.after)
        if not len(anchors):
            return None
        start, after = float(anchors[0]), True
    end = math.inf if rule.within is None else start + rule.within
    stops = trace.firings(rule.until) if rule.until else ()
    open_ended = _Window(start, after, end, False, False, np.zeros(0, np.intp), float(trace.times[-1]))
    stop = next((time for time in stops if open_ended.holds(time)), None)
    if stop is not None:
        end = float(stop)
    closed = stop is not None or (open_ended.last >= end - _INSTANT if math.isfinite(end) else trace.ended)
    window = open_ended._replace(end=end, before=stop is not None, closed=closed)
    return window._replace(ticks=np.array([k for k, t in enumerate(trace.times) if window.holds(t)], np.intp))


def _verdict(
    outcome: Outcome, window: _Window, reason: str, *, time: float | None, tick: int | None, margin: float | None
) -> Verdict:
    return Verdict(outcome, time, tick, margin, reason, (window.start, window.end))


def _cut(window: _Window, reason: str, tick: int | None, margin: float | None) -> Verdict:
    reason = f"{reason} by {window.last:.2f} s, where the trace ends; it was expected {window.text}"
    return _verdict("inconclusive", window, reason, time=None, tick=tick, margin=margin)


def _eventually(rule: Rule, trace: _Trace, window: _Window) -> Verdict:
    signal = trace.signal(rule.what)
    first = last = window.ticks[:0]
    if len(window.ticks):
        # Every stretch of ticks that lasts `hold_for`, by its first and its last tick; single ticks if that is 0.
        inside = trace.times[window.ticks]
        ends = np.searchsorted(inside, inside + rule.hold_for - _INSTANT)
        whole = ends < len(inside)
        first, last = window.ticks[whole], window.ticks[ends[whole]]
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        if signal.holds[start : end + 1].all():
            time, margin = float(trace.times[end]), _best(signal, first, last)[1]
            held = f"held for {rule.hold_for:g} s up to" if rule.hold_for else "held at"
            return _verdict("pass", window, f"{held} {time:.2f} s", time=time, tick=end, margin=margin)
    tick, margin = _best(signal, first, last)
    never = f"never held for {rule.hold_for:g} s" if rule.hold_for else "never held"
    if tick is not None and math.isfinite(margin):
        never += f" (nearest at {trace.times[tick]:.2f} s, short by {-margin:.3g})"
    if not window.closed:
        return _cut(window, never, tick, margin)
    return _verdict("fail", window, f"{never} {window.text}", time=window.close, tick=tick, margin=margin)


def _best(signal: Signal, first: npt.NDArray[np.intp], last: npt.NDArray[np.intp]) -> tuple[int | None, float]:
    """Returns the worst tick of the best stretch, and its margin."""
    if not len(first):
        return None, -math.inf
    if (first == last).all():
        tick = int(first[np.argmax(signal.margins[first])])
        return tick, float(signal.margins[tick])
    pairs = zip(first.tolist(), last.tolist(), strict=True)
    worst = [a + int(np.argmin(signal.margins[a : b + 1])) for a, b in pairs]
    tick = max(worst, key=lambda k: signal.margins[k])
    return tick, float(signal.margins[tick])


def _throughout(rule: Rule, trace: _Trace, window: _Window) -> Verdict:
    signal = trace.signal(rule.what)
    ticks = window.ticks
    wanted = rule.operator == "always"
    margins = signal.margins[ticks] if wanted else -signal.margins[ticks]
    margin = float(margins.min(initial=math.inf))
    tick = int(ticks[np.argmin(margins)]) if len(ticks) else None
    wrong = ticks[signal.holds[ticks] != wanted]
    if len(wrong):
        tick = int(wrong[0])
        time = float(trace.times[tick])
        reason = f"{'did not hold' if wanted else 'held'} at {time:.2f} s"
        return _verdict("fail", window, reason, time=time, tick=tick, margin=margin)
    kept = "always held" if wanted else "never held"
    if math.isfinite(margin) and tick is not None:
        kept += f" (nearest to breaking at {trace.times[tick]:.2f} s, {margin:.3g} to spare)"
    if not window.closed:
        return _cut(window, kept, tick, margin)
    return _verdict("pass", window, f"{kept} {window.text}", time=window.close, tick=tick, margin=margin)


def _before(rule: Rule, trace: _Trace, window: _Window) -> Verdict:
    times = [next((t for t in trace.firings(name) if window.holds(t)), None) for name in (rule.what, rule.second)]
    first, second = (None if time is None else float(time) for time in times)
    if second is not None:
        margin = second - first if first is not None else -math.inf
        good = margin > _INSTANT
        when = "had not come" if first is None else f"came at {first:.2f} s"
        reason = f"{rule.what} {when}, {rule.second} came at {second:.2f} s"
        tick = _tick_at(trace, second)
        return _verdict("pass" if good else "fail", window, reason, time=second, tick=tick, margin=margin)
    reason = f"{rule.what} came at {first:.2f} s, " if first is not None else f"{rule.what} and "
    reason += f"{rule.second} never came"
    if not window.closed:
        return _cut(window, reason, None, None)
    return _verdict("fail", window, f"{reason} {window.text}", time=window.close, tick=None, margin=-math.inf)


def _tick_at(trace: _Trace, time: float) -> int:
    """Returns the first tick at or after a time, the last one if there is none."""
    return min(int(np.searchsorted(trace.times, time - _INSTANT)), len(trace.times) - 1)


def _count(rule: Rule, trace: _Trace, window: _Window) -> Verdict:
    found = _occurrences(rule.what, trace, window)
    number, least = len(found), rule.at_least or 0
    most = math.inf if rule.at_most is None else rule.at_most
    margin = float(min(number - least, most - number))
    reason = f"{rule.what} came {number} time{'s' * (number != 1)}"

    def decided(outcome: Outcome, time: float, reason: str) -> Verdict:
        return _verdict(outcome, window, reason, time=time, tick=_tick_at(trace, time), margin=margin)

    if number > most:
        return decided("fail", found[int(most)], f"{reason}, at most {rule.at_most} are allowed")
    if number >= least and rule.at_most is None:
        return decided("pass", found[least - 1] if least else window.start, reason)
    if not window.closed:
        return _cut(window, reason, None, margin)
    if number < least:
        return decided("fail", window.close, f"{reason} {window.text}, at least {least} were expected")
    return decided("pass", window.close, f"{reason} {window.text}")


def _occurrences(name: str, trace: _Trace, window: _Window) -> list[float]:
    """Returns the times in the window at which an event happened, or an expression became true [s]."""
    if name in trace.fired:
        return [float(time) for time in trace.fired[name] if window.holds(time)]
    signal = trace.signal(name)
    holds = signal.holds[window.ticks]
    rising = holds & ~np.concatenate(([False], holds[:-1])) if len(holds) else holds
    found: list[float] = trace.times[window.ticks[rising]].tolist()
    return found


_OPERATORS: dict[Any, Callable[[Rule, _Trace, _Window], Verdict]] = {
    "eventually": _eventually,
    "always": _throughout,
    "never": _throughout,
    "before": _before,
    "count": _count,
}
