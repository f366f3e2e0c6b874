"""The report of one run: one HTML file with everything in it, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.bench.episode_file import EpisodeRecord, SkillRecord
from avi_env.bench.video import VideoFacts
from avi_env.whole_file import write_whole

__all__ = ["page_html", "png_bytes", "report_html", "write_report"]

# The page may show what is inside it and nothing else: no script runs and no address is asked, whatever a model said.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"

_STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --text: #1a1f27; --faint: #626d7c;
  --line: #dde2e9; --good: #177a45; --bad: #b3372f; --accent: #a85f00; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1015; --card: #161a22; --text: #e8ecf1; --faint: #8a95a5;
  --line: #2c3340; --good: #6cd694; --bad: #f06e68; --accent: #ffb048; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.6rem; margin: 0 0 4px; } h2 { font-size: 1.1rem; margin: 40px 0 12px; }
p { margin: 4px 0; } .faint { color: var(--faint); }
.good { color: var(--good); } .bad { color: var(--bad); } .name { color: var(--accent); }
.verdict { font-size: 1.15rem; font-weight: 600; }
video, img { display: block; max-width: 100%; border: 1px solid var(--line); border-radius: 6px; background: #000; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--faint); white-space: nowrap; } td { overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.turn { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px;
  margin: 10px 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 0.86rem/1.45 ui-monospace, monospace; margin: 4px 0; }
summary { cursor: pointer; color: var(--faint); }
"""


def write_report(
    path: str | Path,
    record: EpisodeRecord,
    video: bytes | None = None,
    map_image: npt.NDArray[np.uint8] | None = None,
    facts: VideoFacts | None = None,
) -> None:
    """Writes `report.html`, self-contained, completely or not at all.

    Args:
        path: the file; its folder must exist.
        record: the episode.
        video: content of the MP4 file.
        map_image: the map with the whole trajectory, shape (h, w, 3).
        facts: what `write_video` said of the video: the gain of its sound is stated.
    """
    write_whole(path, report_html(record, video, map_image, facts))


def report_html(
    record: EpisodeRecord,
    video: bytes | None = None,
    map_image: npt.NDArray[np.uint8] | None = None,
    facts: VideoFacts | None = None,
) -> str:
    """Returns the report's text; see `write_report`."""
    parts = [
        _head(record),
        _video(video, facts),
        _map(map_image),
        _section("Measures", _table(record.measures)),
        _skills(record.skills),
        _transcript(record),
        _section("Episode", _table(record.episode)),
        _section("Planner", _table(record.planner)),
        _section("Settings", _table({"environment": record.environment, "seed": record.seed, **record.settings})),
        _section("Made with", _table({**record.spec, "scene_digest": record.scene_digest})),
        _section("Timing", _table(record.timing)),
    ]
    return page_html(f"{record.scene}: {record.question or 'episode'}", [part for part in parts if part])


def page_html(title: str, parts: Sequence[str]) -> str:
    """Returns a page of our looks that loads nothing from elsewhere; `parts` are HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body><main>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _head(record: EpisodeRecord) -> str:
    verdict = '<span class="good">success</span>' if record.success else '<span class="bad">failure</span>'
    end = f" &middot; ended by {escape(record.end)}" if record.end else ""
    planner = escape(str(record.planner.get("name", "unknown")))
    lines = [f"<h1>{escape(record.question or record.environment)}</h1>", f'<p class="verdict">{verdict}{end}</p>']
    if record.question:
        mark = {True: "good", False: "bad", None: ""}[record.answer_right]
        said = escape(record.answer) or "<i>no answer</i>"
        lines.append(
            f'<p>Answer: <b class="{mark}">{said}</b> &middot; right answer: {escape(record.expected_answer)}</p>'
        )
    lines.append(
        f'<p class="faint">scene {escape(record.scene)} &middot; seed {record.seed} &middot; planner {planner} '
        f"&middot; {len(record.actions)} actions</p>"
    )
    return "\n".join(lines)


def _section(title: str, content: str) -> str:
    return f'<h2>{escape(title)}</h2>\n<div class="wide">{content}</div>' if content else ""


def _video(video: bytes | None, facts: VideoFacts | None) -> str:
    if video is None:
        return ""
    data = base64.b64encode(video).decode("ascii")
    note = "Use headphones: left and right are the agent's ears."
    if facts is not None:
        note += (
            f" One fixed gain for the whole file: digital full scale is {facts.full_scale_spl:.1f} dB SPL."
            f" {facts.frames} frames, {facts.seconds:.2f} s."
        )
    player = f'<video controls preload="metadata" src="data:video/mp4;base64,{data}"></video>'
    return _section("What it saw and heard", f'{player}<p class="faint">{escape(note)}</p>')


def _map(pixels: npt.NDArray[np.uint8] | None) -> str:
    if pixels is None:
        return ""
    data = base64.b64encode(png_bytes(pixels)).decode("ascii")
    return _section("The way it took", f'<img alt="map with trajectory and source" src="data:image/png;base64,{data}">')


def png_bytes(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Returns an image (h, w, 3) as the content of a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _value(value: Any) -> str:
    if value is None:
        return '<td class="number">-</td>'
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int):
        return f"<td>{value}</td>"
    if isinstance(value, float):
        return f"<td>{value:.6g}</td>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"<td>{escape(text)}</td>"


def _table(values: Mapping[str, Any]) -> str:
    """Names and values; a nested mapping becomes rows of its own."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": item for inner, item in value.items()}
        else:
            flat[key] = value
    rows = "".join(f"<tr><th>{escape(str(key))}</th>{_value(value)}</tr>" for key, value in flat.items())
    return f"<table>{rows}</table>" if rows else ""


def _skills(skills: Any) -> str:
    def row(number: int, skill: SkillRecord) -> str:
        arguments = ", ".join(f"{key}={value}" for key, value in skill.arguments.items())
        mark = {"success": "good"}.get(skill.status, "bad" if skill.status else "")
        return (
            f'<tr><td class="number">{number}</td><td><span class="name">{escape(skill.name)}</span>'
            f'({escape(arguments)})</td><td class="{mark}">{escape(skill.status)}</td><td>{escape(skill.message)}</td>'
            f'<td class="number">{skill.steps}</td><td class="number">{skill.path_m:.2f}</td></tr>'
        )

    if not skills:
        return ""
    head = "<tr><th></th><th>skill</th><th>status</th><th>result</th><th>steps</th><th>path [m]</th></tr>"
    rows = "".join(row(number, skill) for number, skill in enumerate(skills, 1))
    return _section("Skills", f"<table>{head}{rows}</table>")


def _transcript(record: EpisodeRecord) -> str:
    """What the planner was asked (folded) and what it said (open), turn by turn."""
    blocks, turn = [], None
    for entry in record.transcript:
        if entry.get("turn") != turn:
            turn = entry.get("turn")
            blocks.append(f'</div><div class="turn"><p class="faint">turn {escape(str(turn))}</p>')
        kind, text = str(entry.get("kind", "")), f"<pre>{escape(str(entry.get('text', '')))}</pre>"
        rest = {key: value for key, value in entry.items() if key not in ("turn", "kind", "text")}
        if kind == "prompt":
            blocks.append(f"<details><summary>prompt</summary>{text}</details>")
        else:
            mark = "bad" if kind == "refusal" else "name"
            blocks.append(f'<p class="{mark}">{escape(kind)}</p>{text}')
        if rest:
            shown = escape(json.dumps(rest.get("detail", rest), indent=1, ensure_ascii=False))
            blocks.append(f"<details><summary>details</summary><pre>{shown}</pre></details>")
    if not blocks:
        return ""
    return _section("Planner's transcript", "<div>" + "".join(blocks) + "</div>")
