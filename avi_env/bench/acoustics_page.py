"""Tables of the acoustic report in Markdown pages: regions between two comments are written from the committed JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avi_env.bench.pages import committed_results, markdown_table, rendered_regions

__all__ = ["REGIONS", "committed_report", "rendered_page"]

_PERCENT_UNITS = {"of 1"}


def committed_report() -> dict[str, Any]:
    """Returns the report and the recordings' cues that are committed with the code.

    Raises:
        FileNotFoundError: they are not there; the message says what makes them.
    """
    report = committed_results("acoustics", "cpu.json", "avi bench acoustics --json")
    recordings = committed_results("acoustics", "recordings.json", "make docs")
    return {**report, "series": {**report["series"], **recordings}}


def rendered_page(page: str, report: dict[str, Any]) -> str:
    """Returns a page with each region `<!-- acoustics: NAME -->` ... `<!-- end -->` written anew from a report.

    Raises:
        ValueError: a region of another name.
    """
    return rendered_regions(page, "acoustics", REGIONS, report)


def _part(report: dict[str, Any], part: str) -> list[dict[str, Any]]:
    return [row for row in report["results"] if row["part"] == part]


def _named(report: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    return next(row for row in _part(report, part) if row["name"] == name)


def _amount(value: float, unit: str, quantity: str = "") -> str:
    """Returns a value with its unit as people write it."""
    if quantity == "ITD":
        return f"{1e6 * value:.0f} us"
    if unit in _PERCENT_UNITS:
        return f"{100.0 * value:.3g} %"
    if unit in ("paths", "bins"):
        return f"{value:.0f}"
    if unit in ("dB", "deg"):
        return f"{_rounded(value, 2)} {unit}"
    return f"{value:.3g} {unit}" if abs(value) < 1000 else f"{value:,.0f} {unit}".replace(",", " ")


def _rounded(value: float, digits: int) -> str:
    return f"{value + 0.0 if abs(value) >= 0.5 * 10.0**-digits else 0.0:.{digits}f}"


def _apart(row: dict[str, Any], limit: float | None = None) -> str:
    """Returns a row's deviation, or a limit to it, in the terms of its quantity."""
    value = row["deviation"] if limit is None else limit
    if value is None:
        return ""
    if value == 0.0:
        return "0"
    sign = "+" if limit is None else ""
    if row["relative"]:
        return f"{100.0 * value:{sign}.{1 if abs(value) >= 0.001 or limit is not None else 2}f} %"
    if row["quantity"] == "ITD":
        return f"{1e6 * value:{sign}.{1 if limit is None else 0}f} us"
    unit = "" if row["unit"] in ("paths", "bins") else row["unit"]
    if row["quantity"] == "D50" or unit in _PERCENT_UNITS:
        unit = ""
    if limit is None and 0.0 < abs(value) < 0.001:
        return f"{value:+.0e}" if row["unit"] in _PERCENT_UNITS else f"< 0.001 {unit}"
    return f"{value:{sign}.3g} {unit}".strip()


def _jnds(row: dict[str, Any]) -> str:
    return "" if row["jnds"] is None else "< 0.01" if row["jnds"] < 0.01 else f"{row['jnds']:.2f}"


def _compared(part: str) -> Callable[[dict[str, Any]], str]:
    """Returns the writer of a part's table of comparisons."""

    def table(report: dict[str, Any]) -> str:
        rows = []
        for row in _part(report, part):
            found = _amount(row["value"], row["unit"], row["quantity"])
            peer = row["peer"]
            if row["peer_value"]:
                peer += f": {_amount(row['peer_value'], row['unit'], row['quantity'])}"
            allowed = "" if row["limit"] is None else f"± {_apart(row, row['limit'])}"
            if row["at_least"] is not None:
                allowed = f"≥ {_amount(row['at_least'], row['unit'])}"
            rows.append((row["name"], found, peer, _apart(row), _jnds(row), allowed))
        return markdown_table(("what", "found", "held against", "apart", "JND", "allowed"), rows)

    return table


def _baked(report: dict[str, Any]) -> str:
    rows = []
    columns = ("median error", "90 % of errors below", "the reference's own median error")
    found = {row["name"]: row for row in _part(report, "baked")}
    for quantity in dict.fromkeys(name.rsplit(", ", 1)[0] for name in found if name.endswith(columns[0])):
        if quantity.endswith(("in sight", "round corners")):
            continue
        cells = [found.get(f"{quantity}, {column}") for column in columns]
        shown = [f"{_plain(row)} ({_jnds(row)} JND)" if row else "" for row in cells]
        first = cells[0]
        allowed = "" if first is None or first["limit"] is None else _apart(first, first["limit"])
        rows.append((quantity, *shown, allowed, first["note"] if first else ""))
    return markdown_table(
        ("1 kHz", *columns[:2], "of which the reference's own", "allowed median", "measured at"), rows
    )


def _plain(row: dict[str, Any]) -> str:
    return f"{100.0 * row['value']:.1f} %" if row["relative"] else f"{row['value']:.2f} {row['unit']}"


def _cost(report: dict[str, Any]) -> str:
    rows = []
    for row in _part(report, "cost"):
        peer = ""
        if row["peer_value"] is not None:
            peer = f"{row['peer']}: {_amount(row['peer_value'], row['unit'])}"
        target = "" if row["at_most"] is None else f"≤ {_amount(row['at_most'], row['unit'])}"
        if row["at_least"] is not None:
            target = f"≥ {_amount(row['at_least'], row['unit'])}"
        rows.append((row["name"], _amount(row["value"], row["unit"]), peer, target, row["note"]))
    return markdown_table(("what", "measured", "held against", "target", "of what"), rows)


def _jnd_table(report: dict[str, Any]) -> str:
    rows = []
    for name, jnd in report["jnds"].items():
        unit = {"ITD": "us", "direction": "degrees", "Ts": "ms", "D50": "", "IACC": ""}.get(name, "dB")
        scale = {"ITD": 1e6, "Ts": 1e3}.get(name, 1.0)
        size = f"{100.0 * jnd['size']:g} %" if jnd["relative"] else f"{scale * jnd['size']:g} {unit}".strip()
        rows.append((name, size, jnd["source"]))
    return markdown_table(("quantity", "JND", "source"), rows)


def _spec(report: dict[str, Any]) -> str:
    spec, machine = report["spec"], report["spec"]["machine"]
    versions = ", ".join(
        f"{k} {spec['versions'][k]}" for k in ("warp-lang", "pyroomacoustics") if k in spec["versions"]
    )
    count = len(report["results"])
    missed = [row["name"] for row in report["results"] if row["within"] is False]
    load = machine.get("load_average")
    busy = "" if load is None else f" at a load of {load:g}"
    held = "every limit and target holds" if not missed else f"not held: {', '.join(missed)}"
    return (
        f"Measured at commit `{spec['commit'][:10]}`{' (with uncommitted changes)' if spec['dirty'] else ''} on "
        f"{machine['processor']}, {machine['cores']} cores{busy}, Python {spec['versions']['python']}, {versions}, "
        f"seed {spec['seeds'][0]}: {count} results, {held}."
    )


def _recordings(report: dict[str, Any]) -> str:
    from avi_env.bench.recordings import told

    return markdown_table(("recording", "listen for", "measured in it"), told(report["series"]))


def _summary(report: dict[str, Any]) -> str:
    """Returns the rows of the README."""
    cost = {row["name"]: row for row in _part(report, "cost")}
    baked = {row["name"]: row for row in _part(report, "baked")}
    t30 = [_named(report, "theory", f"T30, a = {a:g}, s = 1, Kuttruff") for a in (0.1, 0.2, 0.4)]
    rate, errors = cost["times pyroomacoustics"], cost["T30 error against Kuttruff"]
    whole, slow = cost["T30 error against Kuttruff, tails whole"], cost["impulse responses, tails whole"]
    medians = ", ".join(
        f"{name} {_plain(baked[f'{name}, median error'])} ({baked[f'{name}, median error']['jnds']:.1f} JND)"
        for name in ("level", "C50", "T30")
    )
    bake, memory = cost["bake of one source"], cost["memory of one source"]
    rows = [
        ("T30 of a diffuse room against Kuttruff, a = .1 / .2 / .4", " / ".join(_apart(row) for row in t30)),
        (f"what the agent hears against traced paths, {baked['level, median error']['note']}, medians", medians),
        (f"bake of one source, one core ({bake['note']})", f"{bake['value']:.0f} ms, {memory['value']:.1f} MB"),
        (
            "a step of 0.25 s, one source: lookup and waveform",
            f"{cost['step of 0.25 s, batch of 1']['value'] / 1e3:.2f} ms",
        ),
        (
            "impulse responses a second, against pyroomacoustics' hybrid in the same run",
            f"{rate['value']:.0f} x ({cost['impulse responses']['value']:.0f} a second); mean T30 error against "
            f"Kuttruff {100 * errors['value']:+.1f} %, its {100 * errors['peer_value']:+.1f} % "
            f"(with whole tails {100 * whole['peer_value']:+.1f} %, at {slow['peer_value']:.0f} a second)",
        ),
    ]
    return markdown_table(("what", "measured"), rows)


REGIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "spec": _spec,
    "jnds": _jnd_table,
    "theory": _compared("theory"),
    "crosscheck": _compared("crosscheck"),
    "baked": _baked,
    "cost": _cost,
    "recordings": _recordings,
    "summary": _summary,
}
"""Writers of the regions by name."""
