"""The rows of `avi bench speed` that hold us against other simulators, who take turns with us in the same run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from avi_env.bench.scenes_suite import result_row
from avi_env.bench.speed_rows import SpeedEffort, SpeedFindings, at_least
from avi_env.bench.speed_timing import Load

if TYPE_CHECKING:
    from avi_env.bench.peers.race import Missing, Rate

__all__ = ["Contest", "contest_findings", "peer_names", "peers"]

_ASKED = {("RGB-D", "MuJoCo"): 1.5}  # times its rate
_FRAMES, _LISTENERS = 32, 32  # a round


class Contest(NamedTuple):
    """Who was how fast at what."""

    key: str
    """"RGB-D", "responses" or "frames"."""
    what: str
    """In words, for names of rows."""
    given: str
    """What all were given."""
    champion: str
    """Which of ours ratios are of."""
    ours: tuple[Rate, ...]
    peers: tuple[Rate, ...]
    missing: tuple[Missing, ...]


def peer_names(asked: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the peers that --peers means: "all" = None, "none" = nobody, else their names.

    Raises:
        ValueError: "all" or "none" beside names, or an unknown name.
    """
    from avi_env.bench.peers.peer import chosen_peers

    if tuple(asked) in (("all",), ("none",)):
        return None if asked[0] == "all" else ()
    if {"all", "none"} & set(asked):
        raise ValueError(f'--peers takes "all", "none" or names, not {" ".join(asked)!r}')
    chosen_peers(tuple(asked))
    return tuple(asked)


def peers(asked: Sequence[str], effort: SpeedEffort) -> SpeedFindings:
    """Pictures of the same house from the same places, and sound in the same room, by everybody who is installed."""
    names = peer_names(asked)
    if names == ():
        return SpeedFindings([], {})
    contests: list[Callable[[], Contest]] = [
        lambda: _pictures("RGB-D", ("rgb", "depth"), names, effort),
    ]
    if effort.device == "cpu":  # pyroomacoustics is held against our sound on the CPU
        contests += [lambda: _sound("responses", names, effort), lambda: _sound("frames", names, effort)]
    rows: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    missing: dict[str, dict[str, Any]] = {}
    for contest in contests:
        with Load() as load:
            found = contest()
        findings = contest_findings(found, load.others)
        rows += findings.rows
        bars.append(dict(findings.series))
        missing |= {item.name: item._asdict() for item in found.missing}
    return SpeedFindings(rows, {"peers": bars, "missing": list(missing.values())})


def _pictures(key: str, outputs: tuple[str, ...], names: tuple[str, ...] | None, effort: SpeedEffort) -> Contest:
    from avi_env.bench.peers import compare

    given, size = {"device": effort.device, "on_step": effort.on_step}, effort.size
    found = compare(size, outputs, effort.rounds, names, _FRAMES, **given)  # type: ignore[arg-type]
    house = f"a house of {found.triangles} triangles, the same places"
    return Contest(key, f"{key} {size}x{size}", house, "avi-env", found.ours, found.peers, found.missing)


def _sound(key: str, names: tuple[str, ...] | None, effort: SpeedEffort) -> Contest:
    from avi_env.bench.peers import compare_sound

    found = compare_sound(key, effort.rounds, names, _LISTENERS, on_step=effort.on_step)
    what = {"responses": "impulse responses", "frames": "sound of a step of 0.25 s"}[key]
    room = f"a shoebox, the same {found.listeners} listeners"
    return Contest(key, what, room, found.ours[-1].name, found.ours, found.peers, found.missing)


def contest_findings(contest: Contest, others: float) -> SpeedFindings:
    """Returns rows and bars of one contest.

    Args:
        contest: who was how fast.
        others: cores that other processes used meanwhile.
    """
    own = next(rate for rate in contest.ours if rate.name == contest.champion)
    rows = []
    for rate in contest.ours:
        row = result_row("peers", f"{contest.what}, {rate.name}", rate.frames_per_second, "1/s", note=_note(rate))
        rows.append(row | {"spread": _rounded(rate.spread), "rounds": len(rate.wall), "others": round(others, 3)})
    for rate in contest.peers:
        ratio, least, most = own.over(rate)
        common = {
            "peer": rate.name,
            "by_process_time": round(own.over_by_process_time(rate), 4),
            "spread": _rounded((least, most)),
            "rounds": len(rate.wall),
            "others": round(others, 3),
        }
        name = f"{contest.what}, {own.name} beside {rate.name}"
        row = result_row("peers", name, own.frames_per_second, "1/s", note=_note(rate))
        rows.append(row | common | {"peer_value": round(rate.frames_per_second, 3), "ratio": round(ratio, 4)})
        if (contest.key, rate.name) in _ASKED:
            limit, name = at_least(_ASKED[contest.key, rate.name]), f"{contest.what}, times {rate.name}"
            rows.append(result_row("targets", name, ratio, "x", limit, f"{contest.given}, in turns") | common)
    both = (*contest.ours, *contest.peers)
    bars = {
        "title": f"{contest.what}: {contest.given}",
        "names": [rate.name for rate in both],
        "rate": [round(rate.frames_per_second, 3) for rate in both],
    }
    return SpeedFindings(rows, bars)


def _rounded(values: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in values]


def _note(rate: Rate) -> str:
    return f"{rate.version}; {rate.renderer}; {rate.includes}; {rate.processors:.1f} processors at work"
