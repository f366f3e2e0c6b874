"""The `avi` command. Settings are dataclasses; each field is an option."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import tyro

from avi_env.bench.acoustics import AcousticsSettings
from avi_env.bench.audibility import AudibilitySettings
from avi_env.bench.compare import CompareSettings
from avi_env.bench.episodes import EpisodesSettings
from avi_env.bench.evaluate import EvaluateSettings
from avi_env.bench.profile import ProfileSettings
from avi_env.bench.run import RunSettings
from avi_env.bench.scene_check import CheckSettings
from avi_env.bench.scene_files import ConvertSettings, GenerateSettings, ListSettings
from avi_env.bench.scene_show import ShowSettings
from avi_env.bench.scenes import ScenesSettings
from avi_env.bench.speed import SpeedSettings
from avi_env.bench.suite_report import ReportSettings
from avi_env.bench.tagger import TaggerBenchSettings
from avi_env.bench.train import TrainSettings
from avi_env.bench.train_speed import TrainSpeedSettings
from avi_env.scenario import command as scenarios
from avi_env.whole_file import require_folder

__all__ = ["main"]


Sounds = Annotated[tuple[str, ...], tyro.conf.Positional]


@dataclass(frozen=True)
class SceneGroup:
    """Lists what can be done with scenes."""


@dataclass(frozen=True)
class SoundGroup:
    """Lists what can be done with sounds."""


@dataclass(frozen=True)
class BenchGroup:
    """Lists the benchmark suites."""


@dataclass(frozen=True)
class ScenarioGroup:
    """Lists what can be done with scenario tests."""


@dataclass(frozen=True)
class SoundListSettings:
    """Lists sounds: class, variant, family, level, length, what emits them, splits."""

    names: Sounds = ()
    """Classes ("phone"), sounds ("phone/marimba") or folders of sounds; none = all classes."""
    seed: int = 0
    """Seed of the sounds."""
    json: Path | None = None
    """File for the table."""


@dataclass(frozen=True)
class SoundRenderSettings:
    """Writes sounds as wav files in linear pressure (1.0 RMS = 94 dB SPL)."""

    names: Sounds = ()
    """As in `avi sounds list`; none = all classes."""
    seed: int = 0
    """Seed of the sounds."""
    sample_rate: int = 48000
    """[Hz]"""
    output: Path = Path("sounds")
    """Folder for CLASS/VARIANT.wav."""
    json: Path | None = None
    """File for the table."""


@dataclass(frozen=True)
class SoundPlaySettings:
    """Plays a sound, or writes what would be played with --output."""

    name: Annotated[str, tyro.conf.Positional]
    """Class or sound."""
    seed: int = 0
    """Seed of the sound."""
    seconds: float = 6.0
    """How long [s]."""
    output: Path | None = None
    """A wav file instead."""


@dataclass(frozen=True)
class SoundShowSettings:
    """Draws a sheet of spectrograms."""

    names: Sounds = ()
    """As in `avi sounds list`; none = one of each class."""
    seed: int = 0
    """Seed of the sounds."""
    output: Path = Path("sounds.png")
    """The picture."""


@dataclass(frozen=True)
class SoundCheckSettings:
    """Checks that the sound classes are distinct: a classifier taught the heard variants names the unheard ones."""

    learned_seeds: int = 8
    """Clips of each heard variant that it is taught."""
    seeds: int = 5
    """Clips of each unheard variant that it must name."""
    json: Path | None = None
    """File for the result."""


@dataclass(frozen=True)
class DoctorSettings:
    """Checks this installation: versions, devices, planners, the embedded model."""

    require: tuple[str, ...] = ()
    """Checks that must pass: exit status 1 otherwise."""
    json: Path | None = None
    """File for the results."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 done and successful, 1 done without success, 2 wrong usage."""
    settings: Any = tyro.extras.subcommand_cli_from_dict(
        {name: factory for name, (factory, _) in _COMMANDS.items()},
        prog="avi",
        description="avi-env: agents that see and hear, in simulated houses.",
        args=_joined(sys.argv[1:] if arguments is None else list(arguments)),
    )
    run = next(action for factory, action in _COMMANDS.values() if isinstance(settings, factory))
    try:
        _check_json(settings)
        return run(settings)
    except KeyboardInterrupt:
        print("interrupted: no half-written file was left", file=sys.stderr)
        return 130
    except (ValueError, ImportError, OSError) as error:
        # What the user can mend: the message names culprit and remedy. Anything else is our fault and keeps its trace.
        print(f"avi: {error}", file=sys.stderr)
        return 2


def _check_json(settings: Any) -> None:
    """Finds out before the work, not after it, that --json names a folder that is not there, nor made for --output."""
    file, output = getattr(settings, "json", None), getattr(settings, "output", None)
    if file is not None and (output is None or (output not in file.parents and output.parent != file.parent)):
        require_folder(file)


def _joined(words: list[str]) -> list[str]:
    """Returns the words with a command of two words ("bench acoustics") as one."""
    two = " ".join(words[:2])
    return [two, *words[2:]] if two in _COMMANDS else words


def _group(settings: SceneGroup | SoundGroup | ScenarioGroup | BenchGroup) -> int:
    """Prints the commands of a group with what they do."""
    group = next(name for name, (factory, _) in _COMMANDS.items() if factory is type(settings))
    for name, (factory, _) in _COMMANDS.items():
        if name.startswith(f"{group} "):
            print(f"avi {name:16} {(factory.__doc__ or '').strip()}")
    return 0


def _from(module: str, function: str) -> Callable[[Any], int]:
    """Returns the command that a module of `avi_env.bench` gives; imported when it runs."""

    def run(settings: Any) -> int:
        command: Callable[[Any], int] = getattr(import_module(f"avi_env.bench.{module}"), function)
        return command(settings)

    return run


def _sounds_list(settings: SoundListSettings) -> int:
    from avi_env.bench.sounds import list_sounds

    return list_sounds(settings.names, settings.seed, settings.json)


def _sounds_render(settings: SoundRenderSettings) -> int:
    from avi_env.bench.sounds import render_sounds

    return render_sounds(settings.names, settings.output, settings.seed, settings.sample_rate, settings.json)


def _sounds_play(settings: SoundPlaySettings) -> int:
    from avi_env.bench.sounds import play_sound

    return play_sound(settings.name, settings.seed, settings.output, settings.seconds)


def _sounds_show(settings: SoundShowSettings) -> int:
    from avi_env.bench.sound_sheet import show_sounds

    return show_sounds(settings.names, settings.output, settings.seed)


def _sounds_check(settings: SoundCheckSettings) -> int:
    from avi_env.bench.sound_classes import check_sounds

    return check_sounds(settings.json, settings.learned_seeds, settings.seeds)


def _doctor(settings: DoctorSettings) -> int:
    from avi_env.bench.doctor import run_checks
    from avi_env.bench.files import write_json

    checks = run_checks(settings.require)
    for check in checks:
        print(f"{'ok  ' if check.ok else 'none'}  {check.name:9} {check.detail}")
    if settings.json is not None:
        write_json(settings.json, [check._asdict() for check in checks])
    missing = [check.name for check in checks if check.name in settings.require and not check.ok]
    if missing:
        print(f"avi doctor: required but not working: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


_COMMANDS: dict[str, tuple[type[Any], Callable[[Any], int]]] = {
    "run": (RunSettings, _from("run", "run")),
    "evaluate": (EvaluateSettings, _from("evaluate", "evaluate")),
    "train": (TrainSettings, _from("train", "train_policy")),
    "scenes": (SceneGroup, _group),
    "scenes list": (ListSettings, _from("scene_files", "list_scenes")),
    "scenes generate": (GenerateSettings, _from("scene_files", "generate_houses")),
    "scenes show": (ShowSettings, _from("scene_show", "show_scenes")),
    "scenes check": (CheckSettings, _from("scene_check", "check_scenes")),
    "scenes convert": (ConvertSettings, _from("scene_files", "convert_scene")),
    "scenes acoustics": (AudibilitySettings, _from("audibility", "show_audibility")),
    "sounds": (SoundGroup, _group),
    "sounds list": (SoundListSettings, _sounds_list),
    "sounds render": (SoundRenderSettings, _sounds_render),
    "sounds play": (SoundPlaySettings, _sounds_play),
    "sounds show": (SoundShowSettings, _sounds_show),
    "sounds check": (SoundCheckSettings, _sounds_check),
    "scenario": (ScenarioGroup, _group),
    "scenario run": (scenarios.RunSettings, scenarios.run),
    "scenario check": (scenarios.CheckSettings, scenarios.check),
    "scenario record": (scenarios.RecordSettings, scenarios.record),
    "scenario show": (scenarios.ShowSettings, scenarios.show),
    "bench": (BenchGroup, _group),
    "bench acoustics": (AcousticsSettings, _from("acoustics", "bench_acoustics")),
    "bench compare": (CompareSettings, _from("compare", "bench_compare")),
    "bench episodes": (EpisodesSettings, _from("episodes", "bench_episodes")),
    "bench report": (ReportSettings, _from("suite_report", "bench_report")),
    "bench scenes": (ScenesSettings, _from("scenes", "bench_scenes")),
    "bench speed": (SpeedSettings, _from("speed", "bench_speed")),
    "bench profile": (ProfileSettings, _from("profile", "bench_profile")),
    "bench train": (TrainSpeedSettings, _from("train_speed", "bench_train")),
    "bench tagger": (TaggerBenchSettings, _from("tagger", "bench_tagger")),
    "doctor": (DoctorSettings, _doctor),
}

if __name__ == "__main__":
    sys.exit(main())
