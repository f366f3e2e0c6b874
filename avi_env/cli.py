"""The `avi` command. Settings are dataclasses; each field is an option."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from avi_env.bench.acoustics import AcousticsSettings
from avi_env.bench.audibility import AudibilitySettings
from avi_env.bench.evaluate import EvaluateSettings
from avi_env.bench.run import RunSettings
from avi_env.bench.scene_check import CheckSettings
from avi_env.bench.scene_files import ConvertSettings, GenerateSettings, ListSettings
from avi_env.bench.scene_show import ShowSettings
from avi_env.bench.scenes import ScenesSettings

__all__ = ["main"]


@dataclass(frozen=True)
class SceneSettings:
    """Lists what can be done with scenes."""


@dataclass(frozen=True)
class BenchSettings:
    """Lists the benchmark suites."""


@dataclass(frozen=True)
class SoundSettings:
    """Lists the sound classes; with names and --output, writes them as wav files."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Sound classes; none = all."""
    seed: int = 0
    """Variant."""
    sample_rate: int = 48000
    """[Hz]"""
    output: Path | None = None
    """Folder for wav files."""
    json: Path | None = None
    """File for the table."""


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
        return run(settings)
    except KeyboardInterrupt:
        print("interrupted: no half-written file was left", file=sys.stderr)
        return 130
    except (ValueError, ImportError, OSError) as error:
        # What the user can mend: the message names culprit and remedy. Anything else is our fault and keeps its trace.
        print(f"avi: {error}", file=sys.stderr)
        return 2


def _joined(words: list[str]) -> list[str]:
    """Returns the words with a command of two words ("bench acoustics") as one."""
    two = " ".join(words[:2])
    return [two, *words[2:]] if two in _COMMANDS else words


def _list_commands(group: str) -> int:
    for name, (factory, _) in _COMMANDS.items():
        if name.startswith(f"{group} "):
            print(f"avi {name:16} {(factory.__doc__ or '').strip()}")
    return 0


def _bench(settings: BenchSettings) -> int:
    return _list_commands("bench")


def _bench_acoustics(settings: AcousticsSettings) -> int:
    from avi_env.bench.acoustics import bench_acoustics

    return bench_acoustics(settings)


def _bench_scenes(settings: ScenesSettings) -> int:
    from avi_env.bench.scenes import bench_scenes

    return bench_scenes(settings)


def _run(settings: RunSettings) -> int:
    from avi_env.bench.run import run

    return run(settings)


def _evaluate(settings: EvaluateSettings) -> int:
    from avi_env.bench.evaluate import evaluate

    return evaluate(settings)


def _scenes(settings: SceneSettings) -> int:
    return _list_commands("scenes")


def _scenes_list(settings: ListSettings) -> int:
    from avi_env.bench.scene_files import list_scenes

    return list_scenes(settings)


def _scenes_generate(settings: GenerateSettings) -> int:
    from avi_env.bench.scene_files import generate_houses

    return generate_houses(settings)


def _scenes_show(settings: ShowSettings) -> int:
    from avi_env.bench.scene_show import show_scenes

    return show_scenes(settings)


def _scenes_check(settings: CheckSettings) -> int:
    from avi_env.bench.scene_check import check_scenes

    return check_scenes(settings)


def _scenes_convert(settings: ConvertSettings) -> int:
    from avi_env.bench.scene_files import convert_scene

    return convert_scene(settings)


def _scenes_acoustics(settings: AudibilitySettings) -> int:
    from avi_env.bench.audibility import show_audibility

    return show_audibility(settings)


def _sounds(settings: SoundSettings) -> int:
    from avi_env.bench.inventory import show_sounds

    return show_sounds(settings.names, settings.seed, settings.sample_rate, settings.output, settings.json)


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
    "run": (RunSettings, _run),
    "evaluate": (EvaluateSettings, _evaluate),
    "scenes": (SceneSettings, _scenes),
    "scenes list": (ListSettings, _scenes_list),
    "scenes generate": (GenerateSettings, _scenes_generate),
    "scenes show": (ShowSettings, _scenes_show),
    "scenes check": (CheckSettings, _scenes_check),
    "scenes convert": (ConvertSettings, _scenes_convert),
    "scenes acoustics": (AudibilitySettings, _scenes_acoustics),
    "sounds": (SoundSettings, _sounds),
    "bench": (BenchSettings, _bench),
    "bench acoustics": (AcousticsSettings, _bench_acoustics),
    "bench scenes": (ScenesSettings, _bench_scenes),
    "doctor": (DoctorSettings, _doctor),
}

if __name__ == "__main__":
    sys.exit(main())
