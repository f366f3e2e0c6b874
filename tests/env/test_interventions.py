"""What a script changes about a running episode: doors, sounds that start, stop and walk, noise."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.emitter import Emitter
from avi_env.envs.batch import EnvBatch
from avi_env.envs.interventions import (
    send_goal,
    send_sound,
    set_noise,
    silence,
    start_sound,
    stop_sound,
    turn_door,
)
from avi_env.scene import load_scene
from avi_env.sounds import Clip, Schedule, make_clip
from avi_env.sounds.clip import active_level
from avi_env.tasks import Distractor, Episode
from avi_env.tasks.walks import place_on_walk

FLAT = "house:1:living_room+bedroom"  # two rooms, one door
ROOM = "shoebox:6x3x4:absorber"
HALL = "shoebox:8x3x6:concrete"
STEP = 4000  # samples
RATE = 16000
THERE = (2.0, 1.5, 3.0)


def make(scene: str, **keywords: Any) -> gym.Env[Any, Any]:
    """A small environment that listens."""
    given = {"sensors": ("audio",), "bake_paths": 128, "width": 32, "height": 32, **keywords}
    return gym.make("avi_env/AudioNav-v0", scene=scene, **given)


def batch_of(env: gym.Env[Any, Any]) -> EnvBatch:
    """What is inside."""
    batch: EnvBatch = env.unwrapped.batch  # type: ignore[attr-defined]
    return batch


def door_episode(events: tuple[tuple[float, int, float], ...] = ()) -> Episode:
    """The agent looks at the flat's door from one side, a vacuum cleaner hums on the other one."""
    portal = load_scene(FLAT).portals[0]
    normal = np.array([-math.sin(portal.yaw), 0.0, -math.cos(portal.yaw)])
    middle = np.array([portal.center[0], 0.0, portal.center[2]])
    here, there = (tuple((middle + side * 0.9 * normal).tolist()) for side in (-1, 1))
    source = (there[0], 1.25, there[2])
    return Episode(FLAT, here, portal.yaw, source, there, -1, "vacuum_cleaner", 0, 1.8, 9, door_events=events)


def test_a_door_turned_between_steps_is_one_that_was_to_turn_then() -> None:
    """Seen and heard, bit for bit; and it turns back."""
    told, asked = (make(FLAT, sensors=("audio", "semantic")) for _ in range(2))
    told.reset(seed=0, options={"episode": door_episode(((0.5, 0, 0.0), (1.0, 0, 1.0)))})
    asked.reset(seed=0, options={"episode": door_episode()})
    turns = {1: 0.0, 3: 1.0}
    for step, action in enumerate((2, 3, 2, 3, 2)):
        if step in turns:
            turn_door(batch_of(asked), 0, 0, turns[step])
        expected, actual = told.step(action)[0], asked.step(action)[0]
        for name in expected:
            assert_array_equal(actual[name], expected[name])
    with pytest.raises(ValueError, match="no portal 5"):
        turn_door(batch_of(asked), 0, 5, 0.0)


def episode(**changes: Any) -> Episode:
    """The agent in the middle of the room; a vacuum cleaner hums to its left for 0.8 s."""
    short = Schedule(on=0.8, count=1)
    plain = Episode(ROOM, (3.0, 0.0, 2.0), 0.0, (1.5, 1.25, 2.0), (1.5, 0.0, 2.0), -1, "vacuum_cleaner", 0, 1.5, 9)
    return dataclasses.replace(plain, **{"schedule": short, **changes})


def hum(frequency: float) -> Clip:
    """A tone of one second, 74 dB SPL."""
    samples = (0.1 * np.sqrt(2.0) * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)).astype(np.float32)
    return Clip("hum", samples, active_level(samples, RATE), RATE)


def emitter(clip: Clip | None = None) -> Emitter:
    """Something that sounds in the room."""
    return Emitter(make_clip("phone", 0, RATE) if clip is None else clip, np.array(THERE, dtype=np.float32))


def begun(scene: str = ROOM, **keywords: Any) -> gym.Env[Any, Any]:
    """An environment that is silent, with a source that is free."""
    env = make(scene, distractors=1, **keywords)
    env.reset(seed=0, options={"episode": episode(scene=scene)})
    silence(batch_of(env), 0, 0)
    return env


def sound(env: gym.Env[Any, Any], action: int = 2) -> npt.NDArray[np.float32]:
    """What is new at the ears after one more step."""
    heard: npt.NDArray[np.float32] = env.step(action)[0]["audio"][:, -STEP:]
    return heard


def test_a_sound_started_and_stopped_is_one_that_was_to_sound_then() -> None:
    """Bit for bit, while the agent walks: onset to the sample, reverberation after the end, beside another sound."""
    told, asked = make(ROOM, distractors=1), make(ROOM, distractors=1)
    length = 0.6
    phone = Distractor("phone", 0, THERE, schedule=Schedule(start=0.51, on=length, count=1))
    asked.reset(seed=0, options={"episode": episode()})
    sounds = [sound(asked, action) for action in (2, 1)]
    source = start_sound(batch_of(asked), 0, emitter(), 0.51)
    sounds += [sound(asked, action) for action in (1, 3)]
    length = stop_sound(batch_of(asked), 0, source, 1.11) - 0.51
    assert 0.6 - 1e-9 <= length <= 0.62
    sounds += [sound(asked, action) for action in (3, 2, 1, 2)]
    phone = dataclasses.replace(phone, schedule=Schedule(start=0.51, on=length, count=1))
    told.reset(seed=0, options={"episode": episode(distractors=(phone,))})
    for action, heard in zip((2, 1, 1, 3, 3, 2, 1, 2), sounds, strict=True):
        assert_array_equal(heard, sound(told, action))
    assert_allclose(batch_of(asked).state.source[0, source], THERE, rtol=1e-6)


def test_a_stopped_sound_rings_out_without_a_click() -> None:
    """A tone that is cut in its middle: the hall goes on sounding, and nothing is heard far from the tone's pitch."""
    env = begun(HALL, bake_paths=256)
    source = start_sound(batch_of(env), 0, emitter(hum(500.3)), 0.0)
    before = [sound(env) for _ in range(4)]
    end = stop_sound(batch_of(env), 0, source, 1.123)
    assert 1.123 <= end <= 1.123 + 1.0 / 1000.0 + 1e-4  # half a period
    after = [sound(env) for _ in range(4)]
    assert np.abs(after[1]).max() > 0.05 * np.abs(before[3]).max()

    def treble(pieces: list[npt.NDArray[np.float32]]) -> float:
        spectrum = np.abs(np.fft.rfft(np.concatenate(pieces, axis=1) * np.hanning(2 * STEP), axis=1))
        return float((spectrum[:, 4000:] ** 2).max())  # from 8 kHz / 2 on

    loud = float((np.abs(np.fft.rfft(before[3], axis=1)) ** 2).max())
    assert treble(after[:2]) < 1e-7 * loud


def test_a_source_is_free_again_when_it_has_died_away() -> None:
    """And what cannot be is refused."""
    env = begun()
    batch = batch_of(env)
    first = start_sound(batch, 0, emitter(hum(440.0)), 0.0, 0.25)
    second = start_sound(batch, 0, emitter(hum(660.0)), 0.0)
    assert {first, second} == {0, 1}
    with pytest.raises(ValueError, match="more distractors"):
        start_sound(batch, 0, emitter(), 0.1)
    env.step(2)
    env.step(2)
    assert start_sound(batch, 0, emitter(), 0.5, 0.25) == first
    with pytest.raises(ValueError, match=r"is at 0\.5 s"):
        stop_sound(batch, 0, second, 0.4)
    for _ in range(22):
        env.step(2)
    assert batch.world.sounds.of(int(batch.seats.seats[0])).emitters[first] is None
    with pytest.raises(ValueError, match="nothing that was started"):
        send_sound(batch, 0, first, ((6.0, *THERE), (7.0, 3.0, 1.5, 3.0)))
    env.reset(seed=0, options={"episode": episode()})
    assert batch.world.sounds.taken(int(batch.seats.seats[0])) is None


def test_a_sound_that_is_sent_elsewhere_goes_on_and_takes_the_goal_along() -> None:
    """Its place is that of its walk, the goal's too, the sound is as loud as from there and does not jump."""
    env = begun(sensors=("audio", "goal"))
    batch, walk = batch_of(env), ((0.5, *THERE), (2.5, 4.5, 1.5, 3.0))
    source = start_sound(batch, 0, emitter(hum(300.0)), 0.0)
    heard = [sound(env) for _ in range(2)]
    send_sound(batch, 0, source, walk)
    send_goal(batch, 0, walk)
    for number in range(3, 12):
        heard.append(sound(env))
        assert_allclose(batch.state.source[0, source], place_on_walk(walk, 0.25 * number), rtol=0, atol=1e-5)
        assert_allclose(batch.state.goal[0, [0, 2]], place_on_walk(walk, 0.25 * number)[[0, 2]], rtol=0, atol=0.06)
    jumps = np.abs(np.diff(np.concatenate(heard, axis=1))).max(axis=0)
    edges = np.arange(3, 11) * STEP - 1
    assert jumps[edges].max() <= np.quantile(jumps, 0.999)


def test_noise_changes_its_level_within_a_row() -> None:
    """By so many decibels, from its time on, without a step; other rows and other noise are as they were."""
    still, changed = begun(noise_level=40.0), begun(noise_level=40.0)
    set_noise(batch_of(changed), 0, 60.0, 0.1)
    first, ramp = sound(still), sound(changed)
    assert_array_equal(ramp[:, :1600], first[:, :1600])
    assert_allclose(ramp[:, 2400:], 10.0 * first[:, 2400:], rtol=1e-4, atol=1e-9)
    assert_allclose(sound(changed), 10.0 * sound(still), rtol=1e-4, atol=1e-9)
    set_noise(batch_of(changed), 0, -np.inf, 0.5)
    assert np.abs(sound(changed)[:, 800:]).max() == 0.0
    quiet = begun()
    set_noise(batch_of(quiet), 0, 50.0, 0.0)
    level = 10.0 * np.log10(np.mean(sound(quiet)[:, 1000:].astype(np.float64) ** 2)) + 94.0
    assert_allclose(level, 50.0, rtol=0, atol=1.5)


def test_snapshots_hold_what_was_changed() -> None:
    """Sounds, walks, noise: also of a pickle, in another environment."""
    env = begun(sensors=("audio", "goal"))
    batch = batch_of(env)
    source = start_sound(batch, 0, emitter(), 0.0)
    send_sound(batch, 0, source, ((0.5, *THERE), (2.5, 4.5, 1.5, 3.0)))
    send_goal(batch, 0, ((0.5, *THERE), (2.5, 4.5, 1.5, 3.0)))
    set_noise(batch, 0, 45.0, 0.2)
    for _ in range(3):
        env.step(2)
    taken = pickle.dumps(batch.snapshot())
    stop_sound(batch, 0, source, 1.0)
    expected = [env.step(2)[0] for _ in range(2)]
    other = begun(sensors=("audio", "goal"))
    batch_of(other).restore(pickle.loads(taken))
    stop_sound(batch_of(other), 0, source, 1.0)
    for frame in expected:
        actual = other.step(2)[0]
        for name, value in frame.items():
            assert_array_equal(actual[name], value)
