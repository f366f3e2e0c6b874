"""Variants and splits: what is heard in training and what is not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from avi_env.envs import AviEnv
from avi_env.sounds import (
    SOUND_CLASSES,
    class_of_sound,
    expand_sounds,
    make_clip,
    sound_classes,
    sound_phrase,
    sound_split,
    sound_variants,
)
from avi_env.sounds.table import FAMILIES, SPLITS
from avi_env.tasks.questions import room_question

_DIGEST = (
    "import hashlib, sys; from avi_env.sounds import make_clip; "
    "print(*(hashlib.sha256(make_clip(n, 2).samples.tobytes()).hexdigest() for n in sys.argv[1:]))"
)


def test_the_table_is_as_large_as_it_should_be():
    """At least 46 classes and 130 sounds, three variants or more each, every family present, levels with an origin."""
    assert len(sound_classes()) >= 46
    assert sum(len(row.variants) for row in SOUND_CLASSES.values()) >= 130
    assert {row.family for row in SOUND_CLASSES.values()} == set(FAMILIES)
    for name, row in SOUND_CLASSES.items():
        assert len(row.variants) >= 3, name
        assert row.level_origin, name
        assert row.made, name
        assert row.split in SPLITS, name
        assert not next(iter(row.variants.values())).settings, name  # the first variant changes nothing


@pytest.mark.parametrize("by", ["variant", "class"])
def test_splits_are_disjoint_and_complete(by):
    """Train, val and test share no sound and hold all; heard is train, unheard is the rest."""
    parts = {split: set(sound_split(split, by)) for split in SPLITS}
    for one, other in combinations(SPLITS, 2):
        assert not parts[one] & parts[other]
    everything = {(name, variant) for name in sound_classes() for variant in sound_variants(name)}
    assert set.union(*parts.values()) == everything
    assert set(sound_split("heard", by)) == parts["train"]
    assert set(sound_split("unheard", by)) == parts["val"] | parts["test"]


def test_what_is_held_out():
    """By variant every class is in every split; by class 8-12 whole classes of several families are unheard."""
    for split in SPLITS:
        assert {name for name, _ in sound_split(split)} == set(sound_classes())
    unheard = {name for name, _ in sound_split("unheard", "class")}
    assert 8 <= len(unheard) <= 12
    assert not unheard & {name for name, _ in sound_split("heard", "class")}
    assert len({SOUND_CLASSES[name].family for name in unheard}) >= 4


def test_a_seed_alone_never_gives_a_held_out_variant():
    """Without a variant, seeds go round the variants for training."""
    for name in sound_classes():
        heard = {variant for kind, variant in sound_split("heard") if kind == name}
        assert set(SOUND_CLASSES[name].heard) == heard
    drawn = {make_clip("phone", seed).name for seed in range(8)}
    assert drawn == {f"phone/{variant}" for variant in SOUND_CLASSES["phone"].heard}


def test_names_with_a_variant():
    """A name such as "phone/marimba" is accepted wherever a class is, and means the same as variant="marimba"."""
    assert_array_equal(make_clip("phone/marimba", 3).samples, make_clip("phone", 3, variant="marimba").samples)
    assert sound_phrase("phone/marimba") == "ringing phone"
    assert class_of_sound("phone/marimba") == "phone"
    assert expand_sounds(("phone/marimba", "kettle")) == ("phone/marimba", "kettle")
    assert expand_sounds(("split:test",)) == tuple("/".join(pair) for pair in sound_split("test"))
    assert "canary/song" in expand_sounds(("split:unheard:class",))


def test_variants_and_seeds_differ():
    """Two variants with one seed, and two seeds of one variant, are different sounds."""
    for name in ("phone", "dog_bark", "drums", "fridge_hum"):
        sounds = [make_clip(name, 0, variant=variant).samples for variant in sound_variants(name)]
        sounds += [make_clip(name, seed, variant=sound_variants(name)[-1]).samples for seed in (1, 2)]
        for one, other in combinations(sounds, 2):
            count = min(len(one), len(other))
            alike = np.dot(one[:count], other[:count]) / np.linalg.norm(one[:count]) / np.linalg.norm(other[:count])
            assert abs(alike) < 0.9, name


def test_another_process_makes_the_same_sounds():
    """The bits of a clip do not depend on the process."""
    names = ["phone/marimba", "guitar/steel", "running_tap/basin", "coughing/dry"]
    here = [hashlib.sha256(make_clip(name, 2).samples.tobytes()).hexdigest() for name in names]
    run = subprocess.run([sys.executable, "-c", _DIGEST, *names], capture_output=True, text=True, check=True)
    assert run.stdout.split() == here


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_clip("phone/marimbo"), "unknown variant of phone 'marimbo'. Did you mean 'marimba'"),
        (lambda: make_clip("phone", variant="gnog"), "Did you mean 'gong'"),
        (lambda: make_clip("phone/gong", variant="marimba"), "leave out variant"),
        (lambda: sound_phrase("phone/marimbo"), "Did you mean 'marimba'"),
        (lambda: sound_split("tset"), "unknown split of sounds 'tset'. Did you mean 'test'"),
        (lambda: sound_split("test", "family"), "unknown way of splitting sounds"),
        (lambda: expand_sounds(("split:unherd",)), "Did you mean 'unheard'"),
        (lambda: expand_sounds(("kettel",)), "Did you mean 'kettle'"),
    ],
)
def test_wrong_names_are_told_the_right_ones(call, message):
    """Unknown variants and splits are named with the nearest known one."""
    with pytest.raises(ValueError, match=message):
        call()


def test_environments_hide_variants_and_splits():
    """A variant is hidden in an object of its class, the target is its class, and no distractor is of that class."""
    env = AviEnv(scene="house:7", sounds=("phone/marimba",), sensors=("target",), distractors=3)
    observation, _ = env.reset(seed=0)
    episode = env.episode
    assert episode.sound == "phone/marimba"
    assert env.batch.world.scene(0).objects[episode.goal_object].category == "phone"
    assert [sound_classes()[i] for i in np.flatnonzero(observation["target"])] == ["phone"]
    assert "phone" not in {other.sound for other in episode.distractors}
    assert room_question(env.batch.world.scene(0), episode).text == "Which room is the ringing phone in?"
    unheard = {"/".join(pair) for pair in sound_split("unheard")}
    env = AviEnv(scene="house:7", sounds="split:unheard", sensors=("target",))
    drawn = []
    for seed in range(4):
        env.reset(seed=seed)
        drawn.append(env.episode.sound)
    assert set(drawn) <= unheard
    assert len(set(drawn)) > 1
