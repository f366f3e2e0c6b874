"""The rows of `avi bench speed` that hold our pictures against other simulators', taken in turns with theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avi_env.bench.scenes_suite import result_row
from avi_env.bench.speed_rows import SpeedEffort, SpeedFindings, at_least
from avi_env.bench.speed_timing import Load

if TYPE_CHECKING:
    from avi_env.bench.peers import Comparison
    from avi_env.bench.peers.race import Rate

__all__ = ["peer_findings", "peer_names", "peers"]

_OURS = "avi-env"  # view by view, as a single environment asks for them
_ASKED = {"MuJoCo": 1.5}  # times its rate
_IMAGES = (("RGB-D", ("rgb", "depth")), ("depth", ("depth",)))
_FRAMES = 32  # views a round


def peer_names(asked: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the peers that --peers means: "all" = None, "none" = nobody, else their names.

    Raises:
        ValueError: "all" or "none" beside names.
    """
    if tuple(asked) in (("all",), ("none",)):
        return None if asked[0] == "all" else ()
    if {"all", "none"} & set(asked):
        raise ValueError(f'--peers takes "all", "none" or names, not {" ".join(asked)!r}')
    return tuple(asked)


def peers(asked: Sequence[str], effort: SpeedEffort) -> SpeedFindings:
    """Colour and depth, then depth alone, of the same house from the same places by everybody who is installed."""
    from avi_env.bench.peers import compare

    names = peer_names(asked)
    rows: list[dict[str, Any]] = []
    series: dict[str, Any] = {}
    if names == ():
        return SpeedFindings(rows, series)
    for what, outputs in _IMAGES:
        with Load() as load:
            found = compare(
                effort.size, outputs, effort.rounds, names, _FRAMES, device=effort.device, on_step=effort.on_step
            )
        part = peer_findings(what, found, load.others)
        rows += part.rows
        series = {**part.series, **series}  # the plot is of the first
    return SpeedFindings(rows, series)


def peer_findings(what: str, found: Comparison, others: float) -> SpeedFindings:
    """Returns rows and bars of one comparison.

    Args:
        what: the images in words.
        found: who was how fast.
        others: cores that other processes used meanwhile.
    """
    size = f"{what} {found.size}x{found.size}"
    own = next(rate for rate in found.ours if rate.name == _OURS)
    rows = []
    for rate in found.ours:
        row = result_row("peers", f"{size}, {rate.name}", rate.frames_per_second, "1/s", note=_note(rate))
        rows.append(row | {"spread": _rounded(rate.spread), "rounds": len(rate.wall), "others": round(others, 3)})
    for rate in found.peers:
        ratio, least, most = own.over(rate)
        common = {
            "peer": rate.name,
            "peer_value": round(rate.frames_per_second, 3),
            "by_process_time": round(own.over_by_process_time(rate), 4),
            "rounds": len(rate.wall),
            "others": round(others, 3),
        }
        row = result_row("peers", f"{size}, beside {rate.name}", own.frames_per_second, "1/s", note=_note(rate))
        rows.append(row | common | {"ratio": round(ratio, 4), "spread": _rounded((least, most))})
        if rate.name in _ASKED and what == _IMAGES[0][0]:
            limit, note = at_least(_ASKED[rate.name]), f"the same {found.triangles} triangles and places, in turns"
            row = result_row("targets", f"{size}, times {rate.name}", ratio, "x", limit, note)
            rows.append(row | common | {"peer_value": None, "spread": _rounded((least, most))})
    bars = (*found.ours, *found.peers)
    series = {
        "peers": {
            "title": f"{size} of a house of {found.triangles} triangles",
            "names": [rate.name for rate in bars],
            "rate": [round(rate.frames_per_second, 3) for rate in bars],
        },
        "missing": [item._asdict() for item in found.missing],
    }
    return SpeedFindings(rows, series)


def _rounded(values: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in values]


def _note(rate: Rate) -> str:
    return f"{rate.version}; {rate.renderer}; {rate.includes}; {rate.processors:.1f} processors at work"
