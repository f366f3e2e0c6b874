"""`avi sounds check`: are the sound classes distinct? Learned from heard variants in the clear, told in unheard ones.

The features and the classifier are those of the agent's own ear (`avi_env.agents`): spectrum shape, tones and rhythm of
three stretches of a clip, linear discriminants with shrinkage, one Gaussian a class. No room, no noise, no other sound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from avi_env.agents.recognition import SoundTemplates, classify
from avi_env.agents.recognition_fit import fit_templates
from avi_env.agents.sound_features import FEATURE_RATE, sound_features
from avi_env.bench.files import write_json
from avi_env.bench.spec import run_spec
from avi_env.sounds import SOUND_CLASSES, make_clip, sound_classes, sound_split

__all__ = ["GOAL", "Verdicts", "check_sounds", "judge_sounds", "learn_sounds"]

GOAL = 0.90
"""Share of unheard clips that must be named rightly."""

_STRETCH = 4.0  # [s]
_STRETCHES = 3
_TEST_SEED = 2000  # seeds of unheard clips start here


def clip_features(name: str, seed: int) -> list[npt.NDArray[np.float64]]:
    """Returns the features of three stretches of 4 s of a clip, evenly spread over its loop."""
    loop = make_clip(name, seed, FEATURE_RATE).samples
    length = round(_STRETCH * FEATURE_RATE)
    heard = np.tile(loop, 1 + -(-length // len(loop)))
    starts = np.arange(_STRETCHES) * len(loop) // _STRETCHES
    found = (sound_features(heard[None, start : start + length], FEATURE_RATE) for start in starts)
    return [features for features in found if features is not None]


def learn_sounds(seeds: int, names: tuple[str, ...] = ()) -> SoundTemplates:
    """Returns the classifier learned from `seeds` clips of each heard variant of some classes, none = all."""
    names, rows, labels = names or sound_classes(), [], []
    heard = [sound for sound in sound_split("heard") if sound[0] in names]
    for kind, variant in track(heard, "learning", transient=True):
        for seed in range(seeds):
            features = clip_features(f"{kind}/{variant}", seed)
            rows += features
            labels += [names.index(kind)] * len(features)
    unused = np.zeros(len(names))  # levels and rests tell the agent distances: nothing is named by them
    return fit_templates(np.array(rows), np.array(labels), names, unused, unused)


class Verdicts(Counter[tuple[str, str, str]]):
    """How often a sound (class, variant) was named as a class."""

    def accuracy(self, *kinds: str) -> float:
        """Returns the share named rightly, over all classes or those given."""
        asked = {key: count for key, count in self.items() if not kinds or key[0] in kinds}
        return sum(count for key, count in asked.items() if key[0] == key[2]) / sum(asked.values())

    @property
    def confusions(self) -> list[dict[str, Any]]:
        """What was named wrongly, the most frequent first."""
        wrong = [(-count, key) for key, count in self.items() if key[0] != key[2]]
        return [{"class": k[0], "variant": k[1], "named": k[2], "count": -count} for count, k in sorted(wrong)]


def judge_sounds(templates: SoundTemplates, sounds: Sequence[tuple[str, str]], seeds: int) -> Verdicts:
    """Returns how `seeds` clips of each sound (class, variant) are named, over all stretches of each."""
    found = Verdicts()
    for kind, variant in track(sounds, "naming", transient=True):
        for seed in range(_TEST_SEED, _TEST_SEED + seeds):
            stretches = [classify(features, templates) for features in clip_features(f"{kind}/{variant}", seed)]
            found[kind, variant, templates.names[int(np.argmin(np.sum(stretches, axis=0)))]] += 1
    return found


def check_sounds(json: Path | None = None, learned_seeds: int = 8, seeds: int = 5) -> int:
    """Learns the classes from the heard variants, names clips of the unheard ones and prints what was confused.

    Returns:
        0 when at least 90 % are named rightly, else 1.
    """
    for option, count in (("--learned-seeds", learned_seeds), ("--seeds", seeds)):
        if count < 1:
            raise ValueError(f"{option} must be at least 1, not {count}")
    verdicts = judge_sounds(learn_sounds(learned_seeds), sound_split("unheard"), seeds)
    accuracy = verdicts.accuracy()
    console = Console()
    console.print(f"{accuracy:.1%} of {verdicts.total()} clips of unheard variants are named rightly")
    for row in verdicts.confusions:
        console.print(f"  {row['class']}/{row['variant']} was named {row['named']} {row['count']} times of {seeds}")
    if json is not None:
        families = {entry.family for entry in SOUND_CLASSES.values()}
        members = {f: [k for k, entry in SOUND_CLASSES.items() if entry.family == f] for f in sorted(families)}
        results: dict[str, Any] = {
            "accuracy": accuracy,
            "goal": GOAL,
            "classes": len(sound_classes()),
            "heard_sounds": len(sound_split("heard")),
            "unheard_sounds": len(sound_split("unheard")),
            "clips": verdicts.total(),
            "by_family": {family: verdicts.accuracy(*kinds) for family, kinds in members.items()},
            "confusions": verdicts.confusions,
        }
        arguments = {"learned_seeds": learned_seeds, "seeds": seeds}
        drawn = [*range(learned_seeds), *range(_TEST_SEED, _TEST_SEED + seeds)]
        write_json(json, {"spec": run_spec("cpu", drawn, arguments), "results": results})
    return 0 if accuracy >= GOAL else 1
