"""The stage of a scenario: names, places, what is true, levels at the ears, voices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.scenario.cases import cases
from avi_env.scenario.effects import DoorClose, NoiseSet, SoundMove, SoundPlay, SoundStart, SoundStop, SpeechSay
from avi_env.scenario.located import ScenarioError
from avi_env.scenario.names import Names
from avi_env.scenario.parts import Place
from avi_env.scenario.reading import parse_scenario
from avi_env.scenario.stage import Stage
from avi_env.scenario.voice import SPEECH_DB, phrase_syllables, speech_clip
from avi_env.scene import load_scene
from avi_env.sounds import active_level

FLAT = "house:1:living_room+bedroom"
STEP, RATE = 4000, 16000
FILE = """
schema: 1
name: stage
world:
  scene: "house:1:living_room+bedroom"
  seed: 5
  sources: {visitor: {room: bedroom_1}, spot: {room: living_room_1, height: 1.0}}
  doors: {door_0: open}
  noise_db: 30.0
agent: {start: {room: living_room_1, yaw_deg: 90}}
task: {instruction: Listen., goal: visitor}
timeline:
  - {id: hum, at: 0.1, do: sound.start, source: spot, clip: vacuum_cleaner}
  - {id: hiss, at: 1.0, do: sound.start, source: visitor, clip: shower, gain_db: 6.0}
  - {id: ask, at: 2.0, do: speech.say, speaker: visitor, text: "Anyone home?"}
  - {id: shut, at: 3.0, do: door.close, door: bedroom_1/living_room_1}
expect:
  - {eventually: "visible(door_0)"}
"""


def make(text: str = FILE, **options: Any) -> Stage:
    """A small stage."""
    given = {"width": 32, "height": 32, "sensors": ("audio", "semantic"), "bake_paths": 128, **options}
    return Stage(cases(parse_scenario(text, "stage.scenario.yaml"))[0], **given)


@pytest.fixture(scope="module")
def stage() -> Stage:
    """One that all tests begin anew."""
    return make()


def play(stage: Stage, count: int) -> np.ndarray:
    """What is new at the ears within some steps of turning on the spot."""
    heard = []
    for _ in range(count):
        stage.advance()
        heard.append(stage.env.step(2)[0]["audio"][:, -STEP:])
    return np.concatenate(heard, axis=1)


def test_names_are_full_or_short_and_unknown_ones_are_told() -> None:
    """Objects and rooms by number, doors by portal or rooms."""
    scene = load_scene("house:7")
    names = Names(scene, ("visitor",), {"vase": 999})
    phones = [item.id for item in scene.objects if item.category == "phone"]
    assert [names.entity(f"phone_{k}").id for k in (1, 2)] == phones
    assert names.entity("hallway") == names.entity("hallway_1")
    assert names.entity("living_room/hallway_1").id == names.entity("door_1").id == 1
    assert names.entity("vase").id == 999
    for name, kinds, message in (
        ("phone", (), "phone_1 or phone_2"),
        ("hallwy_1", (), "Did you mean 'hallway_1'"),
        ("hallway_1", ("object",), "is a room"),
    ):
        with pytest.raises(ValueError, match=message):
            names.entity(name, kinds)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has the name of a room"):
        Names(scene, ("hallway_1",))


def test_what_is_not_in_the_house_is_told_with_its_line() -> None:
    """All wrong names of a file at once; things that cannot be, one."""
    wrong = FILE.replace("source: spot", "source: spott").replace("visible(door_0)", "visible(dor_0)")
    with pytest.raises(ScenarioError) as caught:
        make(wrong)
    found = [(problem.where, problem.line, problem.column) for problem in caught.value.problems]
    lines = wrong.split("\n")
    wanted = ((12, "spott", "timeline[0].source"), (17, "dor_0", "expect[0].eventually"))
    assert found == [(where, line + 1, lines[line].index(name) + 1) for line, name, where in wanted]
    assert "Did you mean 'spot'" in str(caught.value)
    for before, after, message in (
        ("clip: shower", "clip: showr", "Did you mean 'shower'"),
        ('scene: "house:1:living_room+bedroom"', "scene: nowhere", "nowhere"),
    ):
        with pytest.raises(ScenarioError, match=message) as caught:
            make(FILE.replace(before, after))
        assert caught.value.problems[0].line > 0


def test_every_run_is_the_same_and_places_are_where_the_file_says(stage: Stage) -> None:
    """Bit for bit after a reset; the start is in its room, sources are in theirs at their heights."""
    runs = []
    for _ in range(2):
        first, info = stage.reset()
        stage.apply(SoundStart(source="spot", clip="vacuum_cleaner"), 0.1)
        runs.append((first["audio"], play(stage, 2)))
    assert_array_equal(runs[0][0], runs[1][0])
    assert_array_equal(runs[0][1], runs[1][1])
    truth = stage.truth
    assert truth.room_at(truth.place("agent")) == truth.room_at(truth.place("spot")) == "living_room_1"
    assert truth.room_at(truth.place("visitor")) == "bedroom_1"
    assert_allclose([truth.place("visitor")[1], truth.place("spot")[1]], [1.4, 1.0], atol=0.05)
    assert_allclose(info["distance_to_goal"], truth.geodesic_distance("agent", "visitor"), atol=0.05)
    assert truth.geodesic_distance("agent", "living_room") < 0.05
    assert math.isclose(truth.geodesic_distance("spot", "agent"), truth.geodesic_distance("agent", "spot"), abs_tol=0.2)
    assert stage.episode.start_yaw == math.radians(90.0)


def test_levels_are_those_of_each_source_alone(stage: Stage) -> None:
    """Within 1.5 dB of the audio of that source alone, in its room and through the door, and of both together."""
    alone = {}
    sounds = {
        "spot": SoundStart(source="spot", clip="vacuum_cleaner"),
        "visitor": SoundStart(source="visitor", clip="shower", gain_db=6.0),
    }
    for name, effect in sounds.items():
        stage.reset()
        stage.apply(NoiseSet(level_db=-200.0), 0.0)
        stage.apply(effect, 0.0)
        play(stage, 5)
        told = []
        heard = []
        for _ in range(4):
            heard.append(play(stage, 1))
            told.append(stage.truth.level_db(name))
        alone[name] = 10.0 * np.log10(np.mean(np.concatenate(heard, axis=1).astype(np.float64) ** 2)) + 94.0
        assert_allclose(np.mean(told), alone[name], rtol=0, atol=1.5)
        assert stage.truth.level_db("door_0") == -np.inf
    stage.reset()
    for effect in sounds.values():
        stage.apply(effect, 0.0)
    play(stage, 9)
    assert_allclose(stage.truth.noise_db("spot"), alone["visitor"], rtol=0, atol=2.0)
    assert_allclose(stage.truth.noise_db("agent"), 10 * np.log10(sum(10 ** (v / 10) for v in alone.values())), atol=2.0)


def test_sounds_begin_end_and_are_carried(stage: Stage) -> None:
    """What sounds, speaks and goes; what comes once ends by itself; the same sound again replaces itself."""
    stage.reset()
    truth = stage.truth
    assert_allclose(truth.noise_db("spot"), 30.0)
    played = stage.apply(SoundPlay(source="visitor", clip="doorbell"), 0.1)
    assert played.what == "visitor: doorbell"
    play(stage, 1)
    assert truth.sounding("visitor") and not truth.speaking("visitor")  # noqa: PT018 - one state
    stage.apply(SoundPlay(source="visitor", clip="doorbell"), 0.3)
    play(stage, 1)
    assert sum(one.on(0.5) for one in stage.sounds.playing) == 1
    assert stage.apply(SoundStop(source="visitor"), 0.5).what == "visitor falls silent"
    play(stage, 1)
    assert stage.apply(SoundStop(source="visitor"), 0.75).what == "visitor is silent"
    stage.apply(SpeechSay(speaker="visitor", text="Anyone home?"), 0.8)
    before = truth.place("visitor")
    stage.apply(SoundMove(source="visitor", to=Place(room="living_room_1"), speed=2.0), 0.8)
    play(stage, 1)
    assert truth.speaking("visitor")
    play(stage, 12)
    assert not truth.sounding("visitor")
    assert truth.room_at(truth.place("visitor")) == "living_room_1"
    assert np.linalg.norm(truth.place("visitor") - before) > 2.0
    stage.apply(DoorClose(door="bedroom/living_room"), 4.0)
    play(stage, 1)
    assert truth.openness("door_0") == 0.0
    assert truth.geodesic_distance("agent", "bedroom_1") == math.inf
    with pytest.raises(ValueError, match="no way leads there"):
        stage.apply(SoundMove(source="visitor", to=Place(room="bedroom_1")), 4.25)


def test_voices_say_a_text_in_the_time_it_takes() -> None:
    """As loud as raised speech, the same for the same words, everybody's own; real ones if they are installed."""
    assert phrase_syllables("Robot, come to the bedroom!") == (2, 5)
    text = "Come to the bedroom, please."
    clip = speech_clip(text, "synthetic", "visitor", 0, RATE)
    assert_allclose(active_level(clip.samples, RATE), SPEECH_DB, atol=0.1)
    assert 1.2 < clip.seconds < 3.5
    assert_array_equal(clip.samples, speech_clip(text, "synthetic", "visitor", 0, RATE).samples)
    assert not np.array_equal(clip.samples[:8000], speech_clip(text, "synthetic", "user", 0, RATE).samples[:8000])
    with pytest.raises(ValueError, match="give it words"):
        speech_clip("...", "synthetic", "visitor", 0, RATE)
