"""The page of a case: what was expected and what happened, on one time axis; one HTML file, nothing from elsewhere."""

from __future__ import annotations

import base64
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avi_env.bench.report import page_html, png_bytes
from avi_env.scenario.findings import CaseReport, Finding
from avi_env.scenario.map_picture import MAP_STYLE, Spot, map_html
from avi_env.scenario.timeline_picture import TIMELINE_STYLE, Bar, Lane, Mark, timeline_svg
from avi_env.whole_file import write_whole

if TYPE_CHECKING:
    from avi_env.bench.recorder import Footage
    from avi_env.scenario.trace import Row, Trace
    from avi_env.scene import Scene

__all__ = ["page_text", "write_page"]

_LOOKS = {"pass": "pass", "fail": "fail", "inconclusive": "open", "error": "fail"}
_WORDS = {"pass": "passed", "fail": "failed", "inconclusive": "not decided", "error": "could not be run"}
_SOUND_SIZE = (1040, 72)  # of an ear's spectrogram [px]
_FRAMES_PER_STEP = 2

_STYLE = """
main { max-width: 1180px; }
.finding { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--bad);
  border-radius: 6px; padding: 10px 14px; margin: 10px 0; }
.finding.warn, .finding.open { border-left-color: var(--accent); }
.finding code, td code { font: 0.88rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.finding p { margin: 3px 0; } .open { color: var(--faint); }
"""


def write_page(
    path: Path, report: CaseReport, trace: Trace, scene: Scene, footage: Footage | None = None, film: bool = True
) -> None:
    """Writes a case's page, completely or not at all.

    Args:
        path: the file; its folder must exist.
        report: what came of the case.
        trace: what happened in it.
        scene: the house, for the map.
        footage: what was seen and heard; None = the page is without sound and video.
        film: whether the video is made: about as long as the run itself took.
    """
    write_whole(path, page_text(report, trace, scene, footage, _film(footage) if film and footage else None))


def page_text(
    report: CaseReport, trace: Trace, scene: Scene, footage: Footage | None = None, video: bytes | None = None
) -> str:
    """Returns the page; see `write_page`. `video` is the content of an MP4 file."""
    bad = [finding for finding in report.findings if finding.outcome != "pass"]
    spots = [Spot(one.place, one.id, f"{one.what} at {one.t:.2f} s") for one in trace.events if one.place]
    parts = [
        f"<style>{_STYLE}{TIMELINE_STYLE}{MAP_STYLE}</style>",
        _head(report),
        *(_finding(finding) for finding in bad),
        _section("Course", timeline_svg(list(_lanes(report, trace, footage)), 0.0, _end(trace))),
        _film_section(video),
        _section("Map", map_html(scene, [row.position for row in trace.rows], spots)),
        _section("Expectations", _findings_table(report.findings)),
        _section("Events", _table(("time [s]", "event", "what"), [(h.t, h.id, h.what) for h in trace.events])),
        _section("Said by the agent", _table(("time [s]", "words"), trace.said)),
        _section("Measures", _table((), list({**report.metrics, **report.usage}.items()))),
        _section("Run", _table((), _facts(report))),
        _source(report.file),
    ]
    return page_html(f"{report.name}: {_WORDS[report.outcome]}", [part for part in parts if part])


def _head(report: CaseReport) -> str:
    mark = {"pass": "good", "inconclusive": "open"}.get(report.outcome, "bad")
    lines = [
        f"<h1>{escape(report.name)}</h1>",
        f"<p>{escape(report.summary)}</p>" if report.summary else "",
        f'<p class="verdict"><span class="{mark}">{_WORDS[report.outcome]}</span> &middot; agent '
        f"{escape(report.agent)} &middot; {report.steps} steps, {report.sim_seconds:.2f} s</p>",
        f"<p>Told: <q>{escape(report.instruction)}</q></p>" if report.instruction else "",
        f'<p class="faint">scene {escape(report.scene)} &middot; seed {report.seed} &middot; {escape(report.file)}</p>',
        f'<div class="finding"><pre>{escape(report.error)}</pre></div>' if report.error else "",
    ]
    return "\n".join(line for line in lines if line)


def _finding(finding: Finding) -> str:
    look = "warn" if finding.severity == "warn" else _LOOKS[finding.outcome]
    when = f" at {finding.time:.2f} s" if finding.time is not None else ""
    margin = f" Margin {finding.margin:+.3g}." if finding.margin is not None else ""
    verb = "Violated" if finding.outcome == "fail" else "Not decided"
    because = f"<p>{escape(finding.because)}</p>" if finding.because else ""
    return (
        f'<div class="finding {look}"><p><b class="name">{escape(finding.id)}</b> expected '
        f"<code>{escape(finding.expected)}</code></p><p><b>{verb}{when}</b>: {escape(finding.reason)}.{margin}</p>"
        f'{because}<p class="faint">{escape(finding.witness)}</p><p class="faint">{escape(finding.where)}</p></div>'
    )


def _end(trace: Trace) -> float:
    return max([row.t for row in trace.rows] + [one.t for one in trace.events] + [0.1])


def _lanes(report: CaseReport, trace: Trace, footage: Footage | None) -> Iterator[Lane]:
    yield from _sound_lanes(footage) if footage is not None else ()
    if trace.events:
        marks = tuple(Mark(one.t, "mark", f"{one.id}: {one.what}", through=True) for one in trace.events)
        yield Lane("events", marks=marks)
    if trace.said:
        yield Lane("agent says", marks=tuple(Mark(t, "mark", words) for t, words in trace.said))
    yield Lane("skills", bars=tuple(_skill_bars(trace.rows)))
    times = [row.t for row in trace.rows]
    for finding in report.findings:
        look = _LOOKS[finding.outcome]
        bars = [Bar(*finding.window, "window")] if finding.window else []
        marks = () if finding.time is None else (Mark(finding.time, look, finding.outcome),)
        curve: tuple[tuple[float, float], ...] = ()
        if finding.expression in trace.expressions:
            number = trace.expressions.index(finding.expression)
            readings = [row.readings[number] for row in trace.rows]
            bars += [
                Bar(*stretch, "fault" if finding.operator == "never" else "holds")
                for stretch in _stretches(times, [holds for holds, _ in readings])
            ]
            curve = tuple((time, margin) for time, (_, margin) in zip(times, readings, strict=True))
        yield Lane(finding.id, finding.expected, look, 44.0, tuple(bars), marks, curve)


def _sound_lanes(footage: Footage) -> Iterator[Lane]:
    from avi_env.bench.sound_picture import level_range, sound_picture

    config = footage.env.config
    sound = footage.sound[:, footage.lead_steps * config.step_samples :]
    if not sound.shape[1]:
        return
    levels = level_range(sound, config.sample_rate)
    top = min(8000, config.sample_rate // 2)
    for row, ear in enumerate(("left ear", "right ear")):
        picture = sound_picture(sound[row], config.sample_rate, *_SOUND_SIZE, levels)
        note = f"80 ... {top} Hz, {levels.low:.0f} ... {levels.high:.0f} dB SPL"
        yield Lane(ear, note, height=float(_SOUND_SIZE[1]), picture=_data("image/png", png_bytes(picture)))


def _skill_bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """The skill of a row is what led to it: it began at the row before."""
    before = rows[0].t if rows else 0.0
    for skill, group in itertools.groupby(rows[1:], key=lambda row: row.skill):
        end = list(group)[-1].t
        if skill:
            yield Bar(before, end, "skill", skill)
        before = end


def _stretches(times: Sequence[float], holds: Sequence[bool]) -> Iterator[tuple[float, float]]:
    """Stretches of time over which something holds: each tick stands for the time up to the next one."""
    ends = [*times[1:], times[-1]] if times else []
    for held, group in itertools.groupby(zip(times, ends, holds, strict=True), key=lambda one: one[2]):
        pieces = list(group)
        if held:
            yield pieces[0][0], pieces[-1][1]


def _film(footage: Footage) -> bytes:
    from avi_env.bench.video import write_video

    config = footage.env.config
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        rate = _FRAMES_PER_STEP / config.step_seconds
        write_video(path, footage.frames(_FRAMES_PER_STEP), rate, footage.sound, config.sample_rate)
        return path.read_bytes()


def _film_section(video: bytes | None) -> str:
    if video is None:
        return ""
    player = f'<video controls preload="metadata" src="{_data("video/mp4", video)}"></video>'
    note = "Use headphones: left and right are the agent's ears. The film begins with the sound before the first step."
    return _section("What it saw and heard", f'{player}<p class="faint">{note}</p>')


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _section(title: str, content: str) -> str:
    return f'<h2>{escape(title)}</h2>\n<div class="wide">{content}</div>' if content else ""


def _findings_table(findings: Sequence[Finding]) -> str:
    head = "<tr><th></th><th>expectation</th><th>verdict</th><th>time [s]</th><th>margin</th><th>why</th></tr>"
    rows = []
    for one in findings:
        mark = {"pass": "good", "inconclusive": "open"}.get(one.outcome, "bad")
        warn = " (warning)" if one.severity == "warn" else ""
        rows.append(
            f'<tr><td class="name">{escape(one.id)}</td><td><code>{escape(one.expected)}</code></td>'
            f'<td class="{mark}">{_WORDS[one.outcome]}{warn}</td>{_cell(one.time)}{_cell(one.margin)}'
            f"<td>{escape(one.reason)}</td></tr>"
        )
    return f"<table>{head}{''.join(rows)}</table>"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return ""
    top = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>" if head else ""
    lines = ["".join(_cell(value) for value in row) for row in rows]
    if not head:
        lines = [f"<th>{escape(str(row[0]))}</th>" + "".join(_cell(value) for value in row[1:]) for row in rows]
    return f"<table>{top}{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "<td>-</td>"
    if isinstance(value, bool | np.bool_):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, float | np.floating):
        return f'<td class="number">{value:.6g}</td>'
    return f"<td>{escape(str(value))}</td>"


def _facts(report: CaseReport) -> list[tuple[str, Any]]:
    return [
        ("scenario", report.scenario),
        *((f"parameter {name}", value) for name, value in report.params.items()),
        ("repeat", report.repeat),
        ("trace sha256", report.digest),
        ("seconds of wall time", round(report.seconds, 2)),
    ]


def _source(file: str) -> str:
    path = Path(file)
    if not file or not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    text = escape("\n".join(f"{number:4}  {line}" for number, line in enumerate(lines, 1)))
    return f"<h2>{escape(path.name)}</h2>\n<details><summary>the scenario</summary><pre>{text}</pre></details>"
