"""Tables of the speed report in docs/performance.md: regions between two comments, written from the committed JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avi_env.bench.pages import Region, committed_results, markdown_table, rendered_regions
from avi_env.bench.plots import draw_figures
from avi_env.bench.scenes_suite import allowed, amount
from avi_env.bench.speed_plots import SPEED_PLOTS

__all__ = ["SPEED_REGIONS", "committed_speed_report", "draw_speed_plots", "rendered_speed_page"]

_DISTURBED = 0.25  # cores that others use, beyond which figures are worth little
_MARKS = {True: "ok", False: "**missed**", None: ""}


def committed_speed_report() -> dict[str, Any]:
    """Returns the report of the CPU that is committed with the code.

    Raises:
        FileNotFoundError: it is not there; the message says what makes it.
    """
    return committed_results("speed", "cpu.json", "avi bench speed --json")


def rendered_speed_page(page: str, report: dict[str, Any]) -> str:
    """Returns a page with each region `<!-- speed: NAME -->` ... `<!-- end -->` written anew from a report."""
    return rendered_regions(page, "speed", SPEED_REGIONS, report)


def draw_speed_plots(report: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Writes the plots whose series a report holds; returns the files' names. Errors as `draw_figures`."""
    return draw_figures(SPEED_PLOTS, report["series"], folder)


def _spec(report: dict[str, Any]) -> str:
    spec, machine = report["spec"], report["spec"]["machine"]
    versions = ", ".join(f"{name} {spec['versions'][name]}" for name in ("torch", "warp-lang", "embreex"))
    changed = " (with uncommitted changes)" if spec["dirty"] else ""
    minutes = sum(machine["seconds"].values()) / 60.0
    missed = [row["name"] for row in report["results"] if row["within"] is False]
    quiet = machine["others"] <= _DISTURBED
    disturbed = "" if quiet else " **The machine was not quiet: take these figures for their form, not their values.**"
    held = "every target is met" if not missed else f"missed: {'; '.join(missed)}"
    return (
        f"Measured with `{spec['arguments']['command']}` at commit `{spec['commit'][:10]}`{changed} on "
        f"{spec['device']}, {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, Python "
        f"{spec['versions']['python']}, {versions}, in {minutes:.0f} minutes; other processes used "
        f"{machine['others']:.2f} cores meanwhile. {len(report['results'])} results; {held}.{disturbed}"
    )


def _targets(report: dict[str, Any]) -> str:
    rows = [row for row in report["results"] if row["limit"] is not None]
    cells = [(r["name"], amount(r), _spread(r), allowed(r), _MARKS[r["within"]], r["note"]) for r in rows]
    return markdown_table(("what", "measured", "rounds", "asked", "", "of what"), cells)


def _part(part: str, *prefixes: str) -> Region:
    def table(report: dict[str, Any]) -> str:
        rows = [r for r in report["results"] if r["part"] == part and (not prefixes or r["name"].startswith(prefixes))]
        cells = [(r["name"], amount(r), _spread(r), _process(r), r["note"]) for r in rows]
        return markdown_table(("what", "measured", "rounds", "by process time", "of what"), cells)

    return table


def _peers(report: dict[str, Any]) -> str:
    rows = []
    for row in (r for r in report["results"] if r["part"] == "peers"):
        rate = amount(row) if row["peer_value"] is None else f"{row['peer_value']:,.4g} 1/s"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} x ({row['by_process_time']:.2f} x)"
        rows.append((_whose(row), rate, ratio, _spread(row), row["note"]))
    table = markdown_table(("what", "rate", "ours over it (by process time)", "rounds", "of what"), rows)
    missing = [
        f"{item['name']} ({item['reason']}; `{item['install']}`)" for item in report["series"].get("missing", [])
    ]
    return table + (f"\n\nMissing in this run: {'; '.join(missing)}." if missing else "")


def _whose(row: dict[str, Any]) -> str:
    """Returns whose rate a row tells, and of what."""
    return row["name"] if row["ratio"] is None else f"{row['name'].split(', ')[0]}, {row['peer']}"


def _profile(report: dict[str, Any]) -> str:
    found = report["series"].get("profile", [])
    names = dict.fromkeys(name for one in found for name in one["stages"])
    rows = [
        (name, *(_share(one["stages"].get(name), one["whole"]) for one in found))
        for name in sorted(names, key=lambda name: -max(one["stages"].get(name, 0.0) for one in found))
    ]
    rows.append(("whole step", *(f"{one['whole']:.2f} ms" for one in found)))
    return markdown_table(("stage", *(f"N = {one['count']}" for one in found)), rows)


def _share(milliseconds: float | None, whole: float) -> str:
    return "" if milliseconds is None else f"{milliseconds:.2f} ms ({100.0 * milliseconds / whole:.0f} %)"


def _spread(row: dict[str, Any]) -> str:
    return "" if "spread" not in row else " - ".join(f"{value:,.4g}" for value in row["spread"])


def _process(row: dict[str, Any]) -> str:
    return "" if "by_process_time" not in row else f"{row['by_process_time']:,.4g}"


def _with_picture(file: str, text: str, table: Region) -> Region:
    """Returns a region that shows a plot, where the report has its series, above a table."""

    def region(report: dict[str, Any]) -> str:
        shown = f"![{text}](images/{file})\n\n" if SPEED_PLOTS[file][0] in report["series"] else ""
        return shown + table(report)

    return region


_SOUND = ("acoustic look-up", "synthesis", "spectrogram", "navigation", "observation copy")
SPEED_REGIONS: dict[str, Region] = {
    "spec": _spec,
    "targets": _targets,
    "peers": _with_picture("speed_peers.svg", "Pictures and sound a second, beside other simulators", _peers),
    "steps": _with_picture(
        "speed_steps.svg",
        "Steps a second over environments, resolution, triangles, sounds, houses and sensors",
        _part("steps"),
    ),
    "vision": _with_picture(
        "speed_stages.svg", "Camera rays, shading and sound over sizes", _part("stages", "camera rays", "shading")
    ),
    "stages": _part("stages", *_SOUND),
    "resets": _part("reset"),
    "memory": _with_picture("speed_memory.svg", "Resident memory over the steps", _part("memory")),
    "profile": _with_picture(
        "speed_profile.svg", "Where the time of a step goes, over the number of environments", _profile
    ),
}
"""Writers of the page's regions."""
