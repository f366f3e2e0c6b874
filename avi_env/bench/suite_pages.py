"""The report of evaluations as Markdown, and as one HTML file with everything in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from avi_env.bench.failures import Failure, wav_bytes
from avi_env.bench.pages import markdown_table
from avi_env.bench.report import page_html, png_bytes
from avi_env.bench.result_tables import HEADLINES, agent_rows, headline_rows, measure_rows
from avi_env.whole_file import write_whole

__all__ = ["report_markdown", "report_page"]

Summary = Mapping[str, Any]

_INTERVALS = "In brackets: 95 % intervals (Wilson for rates, bootstrap over episodes for means)."
_MAP = "green: start; line: the way; ring: the goal"
_SOUND = "the last seconds at the agent's ears (headphones)"


def report_markdown(summaries: Sequence[Summary], failures: Sequence[Failure], folder: Path) -> str:
    """Returns the report in Markdown; its pictures and sounds are written into `folder`, beside it."""
    parts = ["# Evaluation", _INTERVALS]
    for title, header, rows in _tables(summaries):
        parts += [f"## {title}", markdown_table(header, rows)]
    parts += _error_lines(summaries)
    if failures:
        parts.append(f"## Failures\nOn the maps: {_MAP}. Clips: {_SOUND}.")
    for number, failure in enumerate(failures):
        picture, clip = folder / f"{number:02d}.png", folder / f"{number:02d}.wav"
        write_whole(picture, png_bytes(failure.chart))
        where = f"{folder.name}/{picture.name}"
        parts.append(f"**{_title(failure)}** {_words(failure)}\n\n![way]({where})")
        if failure.sound.size:
            write_whole(clip, wav_bytes(failure.sound, failure.sample_rate))
            parts.append(f"[what it heard last]({folder.name}/{clip.name})")
    return "\n\n".join(parts) + "\n"


def report_page(summaries: Sequence[Summary], failures: Sequence[Failure]) -> str:
    """Returns the report as HTML."""
    parts = ["<h1>Evaluation</h1>", f'<p class="faint">{escape(_INTERVALS)}</p>']
    for title, header, rows in _tables(summaries):
        head = "".join(f"<th>{escape(word)}</th>" for word in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f'<h2>{escape(title)}</h2><div class="wide"><table><tr>{head}</tr>{body}</table></div>')
    parts += [f"<p>{escape(line)}</p>" for line in _error_lines(summaries)]
    if failures:
        parts.append(f'<h2>Failures</h2><p class="faint">On the maps: {_MAP}. Clips: {_SOUND}.</p>')
    parts += [_figure(failure) for failure in failures]
    return page_html("Evaluation", parts)


def _tables(summaries: Sequence[Summary]) -> list[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """Returns titles, headers and rows: agents by suite, then each evaluation by itself."""
    found: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = []
    suites = dict.fromkeys((summary["suite"], summary["split"]) for summary in summaries)
    for suite, split in suites:
        of_suite = [summary for summary in summaries if (summary["suite"], summary["split"]) == (suite, split)]
        found.append((f"{suite}, {split}", *agent_rows(of_suite, HEADLINES)))
    for summary in summaries:
        name = f"{summary['agent']} on {summary['suite']}, {summary['split']}"
        found.append((f"{name}: all measures", *measure_rows(summary)))
        header, rows = headline_rows(summary)
        if rows:
            found.append((f"{name}: kinds of episodes", header, rows))
    return found


def _error_lines(summaries: Sequence[Summary]) -> list[str]:
    return [f"Error: {error['message']}" for summary in summaries for error in summary["errors"]]


def _title(failure: Failure) -> str:
    record = failure.record
    return f"{record['agent']}, {record['suite']} {record['split']} {record['episode_id']}, seed {record['seed']}"


def _words(failure: Failure) -> str:
    """Says what came of the episode."""
    record = failure.record
    left = record["measures"].get("distance_to_goal")
    distance = record["geodesic_distance"]
    facts = [record["scene"], record["sound"], f"{record['measures']['steps']} actions"]
    facts += [f"{distance:.1f} m to go at the start"] if distance is not None else []
    facts += [f"{left:.1f} m at the end"] if left is not None else []
    facts += [f"ended by {record['ended']}"]
    facts += [f"said {record['answer']!r}, right is {' or '.join(record['expected'])}"] if "answer" in record else []
    facts += [] if failure.exact else ["the replay went another way: made by another version"]
    return "; ".join(facts)


def _figure(failure: Failure) -> str:
    picture = base64.b64encode(png_bytes(failure.chart)).decode("ascii")
    sound = ""
    if failure.sound.size:
        data = base64.b64encode(wav_bytes(failure.sound, failure.sample_rate)).decode("ascii")
        sound = f'<audio controls preload="none" src="data:audio/wav;base64,{data}"></audio>'
    return (
        f'<div class="turn"><p class="name">{escape(_title(failure))}</p><p>{escape(_words(failure))}</p>'
        f'<img alt="way, start and goal on a map" src="data:image/png;base64,{picture}">{sound}</div>'
    )
