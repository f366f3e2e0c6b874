"""`avi run`: an agent finds a sounding object in a house and answers a question; video, report and record remain."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avi_env.bench.episode_file import EpisodeRecord
    from avi_env.bench.recorder import Footage
    from avi_env.bench.session import Session

__all__ = ["RunSettings", "run"]

_FRAMES_PER_STEP = 2


@dataclass(frozen=True)
class RunSettings:
    """Lets an agent find a sounding object and answer a question; writes episode.mp4, report.html and episode.json."""

    scene: str = "house:7"
    """Scene name ("house:7") or path."""
    seed: int = 0
    """Draws the sound, its place and the start."""
    planner: str = "scoring"
    """Who plans: "scoring" (embedded language model), "rules", "chat" (any OpenAI-compatible endpoint), or a folder."""
    skills: str = ""
    """What its skills are carried out by: "policy", "oracle" (privileged) or "classical", or one each
    ("go_to_sound=policy,go_to_room=oracle"); empty = as its agent.toml says."""
    sound: str = ""
    """Sound class to hide; empty = drawn from the seed."""
    question: str = ""
    """What to ask; empty = which room the sounding object is in."""
    name: str = ""
    """Name of the run's folder; empty = made from scene, seed and planner."""
    output: Path = Path("runs")
    """Folder that holds the runs."""
    steps: int = 500
    """Actions at most."""
    calls: int = 40
    """Planner turns at most."""
    sample_rate: int = 16000
    """[Hz]"""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    video: bool = True
    """Whether to write episode.mp4 and to put it into the report."""
    llm_url: str = ""
    """Endpoint of the chat planner (AVI_LLM_BASE_URL)."""
    llm_model: str = ""
    """Model of the chat planner (AVI_LLM_MODEL)."""
    replay: Path | None = None
    """An episode.json to play again, action by action; fails when a single bit differs."""
    json: Path | None = None
    """File for the result: answer, measures, spec."""


def run(settings: RunSettings) -> int:
    """Runs or replays one episode; returns 0 when the agent succeeded (or the replay was exact), else 1."""
    from rich.console import Console

    from avi_env.bench.files import write_json
    from avi_env.bench.session import play, replay

    console = Console()
    began = time.time()
    folder = _folder(settings)
    session = replay(settings.replay, console) if settings.replay else play(settings, console)
    simulated = time.time()
    _leave_behind(folder, session, settings.video, console, began, simulated)
    record = session.record
    if settings.json is not None:
        write_json(settings.json, _result(record))
    _summary(console, record, folder)
    if settings.replay:
        console.print("replay: every bit as recorded" if session.exact else "[red]replay: differs from the record")
        return 0 if session.exact else 1
    return 0 if record.success else 1


def _folder(settings: RunSettings) -> Path:
    """Makes the run's folder now, so that a closed disk is found out before the work, not after it."""
    from avi_env.bench.files import output_folder

    stem = f"replay-{settings.replay.parent.name}" if settings.replay else ""
    made = f"{Path(settings.scene).stem}-seed{settings.seed}-{Path(settings.planner).name}".replace(":", "")
    return output_folder(settings.output / (settings.name or stem or made))


def _leave_behind(folder: Path, session: Session, video: bool, console: Any, began: float, simulated: float) -> None:
    from dataclasses import replace

    from avi_env.bench.episode_file import save_episode
    from avi_env.bench.report import write_report

    facts = _write_video(folder / "episode.mp4", session.footage, console) if video else None
    timing = {
        **session.record.timing,
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "simulation_seconds": round(simulated - began, 2),
        "video_seconds": round(time.time() - simulated, 2),
    }
    session.record = replace(session.record, timing=timing)
    film = (folder / "episode.mp4").read_bytes() if video else None
    write_report(folder / "report.html", session.record, film, session.footage.map_image(), facts)
    save_episode(folder / "episode.json", session.record)


def _write_video(path: Path, footage: Footage, console: Any) -> Any:
    from rich.progress import track

    from avi_env.bench.video import write_video

    count = footage.frame_count(_FRAMES_PER_STEP)
    frames = track(footage.frames(_FRAMES_PER_STEP), "video", total=count, console=console, transient=True)
    config = footage.env.config
    return write_video(path, frames, _FRAMES_PER_STEP / config.step_seconds, footage.sound, config.sample_rate)


def _result(record: EpisodeRecord) -> dict[str, Any]:
    return {
        "planner": dict(record.planner),
        "question": record.question,
        "answer": record.answer,
        "expected_answer": record.expected_answer,
        "answer_right": record.answer_right,
        "success": record.success,
        "end": record.end,
        "measures": dict(record.measures),
        "spec": dict(record.spec),
    }


def _summary(console: Any, record: EpisodeRecord, folder: Path) -> None:
    from rich.markup import escape

    verdict = "[green]success[/]" if record.success else "[red]failure[/]"
    console.print(f"\n{verdict}: {escape(record.question)}")
    given = escape(record.answer) if record.answer else "no answer"
    right = {True: "right", False: f"wrong, it is {record.expected_answer}", None: "nothing to compare with"}
    console.print(f"answer: [bold]{given}[/] ({right[record.answer_right]}); ended by {record.end}")
    measures = ", ".join(f"{name} {_short(value)}" for name, value in record.measures.items())
    console.print(f"measures: {measures}")
    usage = record.planner.get("usage", {})
    if usage.get("requests"):
        tokens = usage["prompt_tokens"] + usage["completion_tokens"]
        console.print(f"language model: {usage['requests']} requests, {tokens} tokens")
    for name in ("episode.mp4", "report.html", "episode.json"):
        if (folder / name).exists():
            console.print(f"  {folder / name}")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
