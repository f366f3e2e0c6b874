"""`avi bench tagger`: how well the sound tagger hears in houses it was never in, beside classical ears."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from avi_env.policies.tagger import SoundTagger
    from avi_env.policies.tagger_data import Examples

__all__ = ["TaggerBenchSettings", "bench_tagger"]

_CLASSICAL_MOST = 600  # sounds: the ear table takes some milliseconds for each


@dataclass(frozen=True)
class TaggerBenchSettings:
    """Measures the sound tagger: class, azimuth, distance, SELD; GCC-PHAT and the classical agent's ears beside it."""

    policy: str = "sound_tagger"
    """Name of a folder of policies/, or the path of a folder or a file of weights."""
    scenes: str = "houses:val:0-7"
    """Houses it was never in."""
    splits: tuple[str, ...] = ("val", "test", "heard")
    """Sounds, split by variant: "val" and "test" are never learnt from."""
    examples: int = 1500
    """Of each split: seconds of sound, half of them with two sources."""
    sources: int = 4
    """Places in each house where something sounds."""
    listeners: int = 64
    """Poses in each house."""
    seeds: int = 2
    """Clips of each sound."""
    seed: int = 0
    """Of the examples."""
    json: Path | None = None
    """File for the results."""


def bench_tagger(settings: TaggerBenchSettings) -> int:
    """Measures, prints, writes; returns 0."""
    from rich.console import Console

    from avi_env.bench.files import write_json
    from avi_env.bench.spec import run_spec
    from avi_env.policies.tagger import load_tagger

    console = Console()
    tagger = load_tagger(settings.policy)
    arguments = {name: value for name, value in dataclasses.asdict(settings).items() if name != "json"}
    results: dict[str, Any] = {
        "spec": run_spec("cpu", [settings.seed], arguments),
        "milliseconds": _tag_milliseconds(tagger),
        "splits": {},
    }
    for split, examples in _drawn(settings, tagger):
        results["splits"][split] = _measured(tagger, examples)
        _print_split(split, results["splits"][split], console)
    console.print(f"one call, one thread: {results['milliseconds']:.2f} ms of processor time")
    if settings.json is not None:
        write_json(settings.json, results)
    return 0


def _drawn(settings: TaggerBenchSettings, tagger: SoundTagger) -> list[tuple[str, Examples]]:
    """Returns examples of each split of sounds, in the same poses."""
    import torch

    from avi_env.policies.tagger_clips import loop_table
    from avi_env.policies.tagger_data import SoundExamples, joined_examples
    from avi_env.policies.tagger_responses import house_responses, join_responses
    from avi_env.scene import scene_names

    rate = tagger.spec.sample_rate
    sizes = {"sources": settings.sources, "listeners": settings.listeners, "sample_rate": rate}
    responses = join_responses([house_responses(name, **sizes) for name in scene_names(settings.scenes)])
    found = []
    for split in settings.splits:
        loops = loop_table((f"split:{split}",), tagger.classes, seeds=range(settings.seeds), sample_rate=rate)
        examples = SoundExamples(responses, loops, sample_rate=rate, seconds=tagger.spec.seconds)
        stream = torch.Generator().manual_seed(settings.seed)
        counts = [min(64, settings.examples - first) for first in range(0, settings.examples, 64)]
        found.append((split, joined_examples([examples.draw(count, stream) for count in counts])))
    return found


def _measured(tagger: SoundTagger, examples: Examples) -> dict[str, Any]:
    """Returns the measures of the tagger and, over single sounds in the listener's room, of all ears."""
    import torch

    from avi_env.policies.tagger import Tags
    from avi_env.policies.tagger_measures import tagging_measures

    parts = [tagger.tag(audio) for audio in torch.split(examples.audio, 64)]
    tags = Tags(*(torch.cat(column) for column in zip(*parts, strict=True)))
    lone = examples.active[:, 0] & ~examples.active[:, 1] & examples.same_room[:, 0]
    rows = lone.nonzero()[:_CLASSICAL_MOST, 0]
    audio, true = examples.audio[rows], examples.azimuth[rows, 0]
    told = {"tagger": tags.azimuth[rows, 0], "gcc_phat": _gcc_azimuth(audio), "ear_table": _table_azimuth(audio)}
    known = examples.kind[rows, 0]
    return {
        "sounds": int(examples.active.sum()),
        "tagger": tagging_measures(tags, examples, len(tagger.classes)),
        "lone_in_room": {
            "sounds": len(rows),
            "azimuth_error": {name: _median_deg(azimuth, true) for name, azimuth in told.items()},
            "lateral_error": {
                name: _median_deg(torch.asin(azimuth.sin()), torch.asin(true.sin())) for name, azimuth in told.items()
            },
            "class_accuracy": {
                "tagger": float((tags.kind[rows, 0] == known).float().mean()),
                "templates": _template_accuracy(audio, [tagger.classes[kind] for kind in known.tolist()]),
            },
        },
    }


def _gcc_azimuth(audio: Any) -> Any:
    """Returns azimuths [rad] by GCC-PHAT of the whole second, in the front half: two ears alone tell no more.

    The delay of the highest peak becomes an angle by Woodworth's formula for the head's radius.

    Source: Knapp and Carter, IEEE ASSP 24(4), 1976; Woodworth 1938.
    """
    import torch

    from avi_env.policies.tagger_features import sound_features

    delays = sound_features(audio, 16000)[:, 4].mean(dim=1)
    seconds = (delays.argmax(dim=1).float() - 32.0) * (0.5 / 16000.0)
    angles = torch.linspace(-torch.pi / 2, torch.pi / 2, 361)
    woodworth = 0.0843 / 343.0 * (angles + angles.sin())
    return angles[(seconds[:, None] - woodworth).abs().argmin(dim=1)]


def _table_azimuth(audio: Any) -> Any:
    """Returns azimuths [rad] by the classical agent's ears: onsets, compared with the head in every direction."""
    import torch

    from avi_env.agents.ears import azimuths, ear_table
    from avi_env.agents.hearing import listen_moment

    table = ear_table(16000)
    best = [int(listen_moment(one, 16000, table, 1.0).evidence.argmax()) for one in audio.numpy()]
    return torch.from_numpy(azimuths()[best]).float()


def _template_accuracy(audio: Any, names: list[str]) -> float:
    """Returns the share of sounds whose class the classical agent's templates tell from one second."""
    from avi_env.agents.recognition import classify, load_templates
    from avi_env.agents.sound_features import sound_features

    templates, right = load_templates(), 0
    for one, name in zip(audio.numpy(), names, strict=True):
        features = sound_features(one, 16000)
        right += features is not None and templates.names[int(classify(features, templates).argmin())] == name
    return right / max(len(names), 1)


def _median_deg(one: Any, other: Any) -> float:
    import torch

    apart = (one - other + torch.pi) % (2.0 * torch.pi) - torch.pi
    return float(torch.rad2deg(apart.abs()).median())


def _tag_milliseconds(tagger: SoundTagger) -> float:
    """Returns the median processor time of a call with one second, on one thread [ms]."""
    import time

    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    audio, took = torch.randn(1, 2, 16000, generator=torch.Generator().manual_seed(0)) * 0.01, []
    for _ in range(40):
        began = time.process_time()
        tagger.tag(audio)
        took.append(time.process_time() - began)
    torch.set_num_threads(before)
    return 1e3 * sorted(took)[len(took) // 2]


def _print_split(split: str, result: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"sounds of the split {split}: {result['sounds']} to be heard", title_justify="left")
    for heading in ("measure", "tagger", "GCC-PHAT", "ear table", "templates"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    for name, value in result["tagger"].items():
        table.add_row(name, f"{value:.3f}", "", "", "")
    lone = result["lone_in_room"]
    for name in ("azimuth_error", "lateral_error"):
        values = [f"{lone[name][ears]:.1f}" for ears in ("tagger", "gcc_phat", "ear_table")]
        table.add_row(f"lone sound in the room ({lone['sounds']}): {name}, median [degrees]", *values, "")
    kinds = lone["class_accuracy"]
    table.add_row(
        "lone sound in the room: class_accuracy", f"{kinds['tagger']:.3f}", "", "", f"{kinds['templates']:.3f}"
    )
    console.print(table)
