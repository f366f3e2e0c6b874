"""What the options of the environment do: several sounds, walking ones, schedules, doors, chirps, arrays."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.navigation import geodesic_distance, walkable_grid
from avi_env.scene import Scene, load_scene, scene_doors, with_doors
from avi_env.sounds import sound_classes, sounds_of_object
from avi_env.sounds.chirp import make_chirp
from avi_env.tasks import Distractor, Episode, EpisodeSpec, sample_episode

ROOM = "shoebox:6x3x4:absorber"  # in a bare room the reverberation would outweigh the direct sound
FLAT = "house:1:living_room+bedroom"  # two rooms, one door
STEP = 4000  # samples


def make(scene: str = ROOM, **keywords: Any) -> gym.Env[Any, Any]:
    """A small environment that listens."""
    given = {"sensors": ("audio",), "bake_paths": 128, "width": 32, "height": 32, **keywords}
    return gym.make("avi_env/AudioNav-v0", scene=scene, **given)


def episode(**changes: Any) -> Episode:
    """The agent in the middle of the room, looking along -Z; a steady sound 1.5 m to its left."""
    plain = Episode(ROOM, (3.0, 0.0, 2.0), 0.0, (1.5, 1.25, 2.0), (1.5, 0.0, 2.0), -1, "vacuum_cleaner", 0, 1.5, 9)
    return dataclasses.replace(plain, **changes)


def play(env: gym.Env[Any, Any], given: Episode, actions: tuple[int, ...]) -> list[dict[str, Any]]:
    """All observations of an episode."""
    seen = [env.reset(seed=0, options={"episode": given})[0]]
    return seen + [env.step(action)[0] for action in actions]


def level(audio: npt.NDArray[np.float32]) -> float:
    """Mean square level [dB]."""
    return float(10.0 * np.log10(np.mean(audio.astype(np.float64) ** 2) + 1e-20))


def test_several_sounds_are_their_sum() -> None:
    """Goal and distractors together sound as the sum of each alone: sound is linear, p = sum p_k."""
    others = (Distractor("phone", 0, (2.0, 1.5, 3.0)), Distractor("phone", 1, (4.5, 1.0, 1.0)))
    actions = (1, 2)
    together = play(make(distractors=2), episode(distractors=others), actions)
    alone = [play(make(), episode(), actions)]
    for other in others:
        single = episode(source_position=other.position, sound=other.sound, sound_variant=other.sound_variant)
        alone.append(play(make(), single, actions))
    for step, frame in enumerate(together):
        expected = sum(single[step]["audio"].astype(np.float64) for single in alone)
        assert_allclose(frame["audio"], expected, rtol=0, atol=1e-5 * float(np.abs(expected).max()))


def test_target_names_the_goal_among_distractors() -> None:
    """The sensor "target" is 1 at the class of the goal; drawn distractors have other classes and other objects."""
    env = make("house:1", sensors=("target",), distractors=4)
    target = env.reset(seed=3)[0]["target"]
    drawn: Episode = env.unwrapped.episode  # type: ignore[attr-defined]
    assert [sound_classes()[i] for i in np.flatnonzero(target)] == [drawn.sound]
    assert len({drawn.sound, *(d.sound for d in drawn.distractors)}) == 5
    bodies = [b for b in (drawn.goal_object, *(d.object for d in drawn.distractors)) if b >= 0]
    assert len(set(bodies)) == len(bodies)


def test_episode_with_too_many_distractors_is_refused() -> None:
    """An environment made for fewer sounds than an episode has says what to change."""
    with pytest.raises(ValueError, match="distractors=1, not 0"):
        play(make(), episode(distractors=(Distractor("phone", 0, (2.0, 1.5, 3.0)),)), ())


def test_a_walking_goal_takes_distance_and_success_along() -> None:
    """Distance and direction of the goal are those of where it is now, and stopping beside it there succeeds."""
    walk = ((0.0, 1.0, 1.4, 3.5), (0.5, 1.0, 1.4, 3.5), (5.5, 1.0, 1.4, 0.5))  # 0.6 m/s along -Z
    env = make(sensors=("goal", "audio"))
    given = episode(source_position=walk[0][1:], goal_position=(1.0, 0.0, 3.5), source_walk=walk)
    seen = play(env, given, (3,) * 8)
    room = load_scene(ROOM)
    for number, frame in enumerate(seen):
        z = 3.5 - 0.6 * max(0.0, 0.25 * number - 0.5)
        away = geodesic_distance(room, (3.0, 0.0, 2.0), (1.0, 0.0, z))
        # The goal is a walkable point below the sound: off by half a column at most.
        assert_allclose(frame["goal"][0], away, rtol=0, atol=0.04)
        heading = math.remainder(math.atan2(2.0, -(z - 2.0)) + math.radians(15.0 * number), 2 * math.pi)
        assert_allclose(math.remainder(frame["goal"][1] - heading, 2 * math.pi), 0.0, atol=0.03)
    # What is heard is where the state says: one clock for both, that of the sound begins a window earlier.
    batch = env.unwrapped.batch  # type: ignore[attr-defined]
    now = batch.config.lead_samples + batch.state.clock * batch.config.step_samples
    heard = batch.world.soundscape.source_positions(torch.tensor([0]), now)
    assert_allclose(heard, batch.state.source, rtol=0, atol=1e-5)
    near = dataclasses.replace(given, start_position=(1.0, 0.0, 1.2))
    for wait, success in ((0, False), (18, True)):  # it comes by after 4.3 s
        env.reset(seed=0, options={"episode": near})
        for _ in range(wait):
            env.step(2)
        assert env.step(0)[4]["success"] is success


def test_walks_drawn_lead_along_free_ways() -> None:
    """A walk keeps to its speed, stays on the walkable grid and is first met not before it can be reached."""
    scene = load_scene("house:3")
    spec = EpisodeSpec(source_speed=0.7)
    drawn = sample_episode(scene, 5, 0, spec, forward=0.25, turn_deg=15.0)
    table = np.array(drawn.source_walk)
    legs, times = np.linalg.norm(np.diff(table[:, 1:], axis=0), axis=1), np.diff(table[:, 0])
    going = legs > 1e-6
    assert_allclose(legs[going] / times[going], 0.7, rtol=1e-3)
    assert_allclose(times[~going], 2.0, atol=1e-6)
    assert legs.sum() > 5.0
    grid = walkable_grid(scene)
    for before, after in pairwise(table):
        between = before[1:] + np.linspace(0.0, 1.0, 20)[:, None] * (after - before)[1:]
        assert grid.is_free(between[:, [0, 2]]).mean() > 0.8  # paths touch corners of columns
    assert drawn == sample_episode(scene, 5, 0, spec, forward=0.25, turn_deg=15.0)
    assert drawn.sound in set(sounds_of_object("person")) - {"snoring"}


def test_scheduled_sounds_pause() -> None:
    """Half a second of sound, then half a second of silence, by the clock that begins with the first window."""
    env = make(sound_seconds=0.5, pause_seconds=0.5)
    quarters = [level(frame["audio"][:, -STEP:]) for frame in play(env, episode(), (2,) * 8)[1:]]
    # 1.0-1.5 s sounds, 1.5-2.0 s is silent but for what the bare room leaves, and so on.
    assert min(quarters[k] for k in (0, 1, 4, 5)) > max(quarters[k] for k in (3, 7)) + 20.0
    once = play(make(sound_seconds=0.5, sound_count=1), episode(), (2,) * 6)
    assert level(once[-1]["audio"]) < level(once[0]["audio"][:, :STEP]) - 40.0


def at_the_door(scene: Scene, away: float) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """Points on both sides of the flat's door, and the yaw of looking from the first to the second."""
    portal = scene.portals[0]
    normal = np.array([-math.sin(portal.yaw), 0.0, -math.cos(portal.yaw)])
    middle = np.array([portal.center[0], 0.0, portal.center[2]])
    first, second = middle - away * normal, middle + away * normal
    return tuple(first.tolist()), tuple(second.tolist()), portal.yaw


def door_episode(events: tuple[tuple[float, int, float], ...], away: float = 0.9) -> Episode:
    """The agent looks at the flat's door from one side, a vacuum cleaner hums on the other one."""
    here, there, yaw = at_the_door(load_scene(FLAT), away)
    source = (there[0], 1.25, there[2])
    return Episode(FLAT, here, yaw, source, there, -1, "vacuum_cleaner", 0, 2 * away, 9, door_events=events)


def test_a_door_that_shuts_is_seen_heard_and_walked_into() -> None:
    """It shuts within the step of its time: the leaf fills the view, the sound falls by 10 dB, the way is blocked."""
    env = make(FLAT, sensors=("audio", "semantic"))
    leaf = scene_doors(load_scene(FLAT))[0].leaves[0].object
    seen = play(env, door_episode(((0.5, 0, 0.0),)), (2, 3, 2, 3, 1, 1, 1, 1, 1))
    filled = [frame["semantic"][14:18, 14:18] == leaf for frame in seen]
    assert not filled[0].any()
    assert filled[2].all() and filled[4].all()  # noqa: PT018 - the very step, and later
    before, after = (level(seen[k]["audio"][:, -2000:]) for k in (1, 4))
    assert before - after >= 10.0
    # Five steps of 0.25 m from 0.9 m before the wall's middle: stopped by the leaf, 0.2 m of body before it.
    walked = env.unwrapped.batch.info()  # type: ignore[attr-defined]
    assert bool(walked["collided"][0])
    assert float(walked["path_length"][0]) < 0.9 - 0.2 + 0.05
    assert math.isfinite(float(walked["distance_to_goal"][0]))  # as if the door were open: rewards do not jump


def test_shutting_does_not_click_and_opening_brings_all_back() -> None:
    """The sound fades into the new scene, and after re-opening it is bit for bit that of doors that never moved."""
    actions = (2, 3) * 4
    still = play(make(FLAT, sensors=("audio", "depth")), door_episode(()), actions)
    moved = play(make(FLAT, sensors=("audio", "depth")), door_episode(((0.5, 0, 0.0), (1.25, 0, 1.0))), actions)
    for step in (0, 1, 6, 7, 8):
        if step not in (0, 1):
            assert_array_equal(moved[step]["audio"][:, -STEP:], still[step]["audio"][:, -STEP:])
        assert_array_equal(moved[step]["depth"], still[step]["depth"])
    assert not np.array_equal(moved[2]["depth"], still[2]["depth"])
    whole = np.concatenate([moved[0]["audio"], *(f["audio"][:, -STEP:] for f in moved[1:])], axis=1)
    jumps = np.abs(np.diff(whole)).max(axis=0)
    edges = [16000 + k * STEP - 1 for k in range(len(actions))]
    assert jumps[edges].max() <= np.quantile(jumps, 0.999)


def test_a_door_waits_for_who_stands_in_its_way() -> None:
    """An agent in the doorway holds the door open; when it has left, the door shuts."""
    env = make(FLAT, sensors=("audio",))
    here, _, yaw = at_the_door(load_scene(FLAT), 0.0)
    given = dataclasses.replace(door_episode(((0.25, 0, 0.0),)), start_position=here, start_yaw=yaw + math.pi)
    env.reset(seed=0, options={"episode": given})
    batch = env.unwrapped.batch  # type: ignore[attr-defined]
    slots = []
    for action in (2, 3, 2, 3, 1, 1, 1, 1, 1, 1, 1, 1):
        env.step(action)
        slots.append(int(batch.state.scene_index[0]))
    assert slots[:5] == [0] * 5
    assert slots[-1] == 1
    feet = batch.state.position[0, [0, 2]].numpy()
    assert walkable_grid(batch.world.scene(1)).is_free(feet)
    assert batch.world.scene(1) is with_doors(batch.world.scene(0), {0: 0.0})


def test_random_doors_never_trap_the_agent() -> None:
    """Over a busy episode the agent always stands where it could walk, and the same seed moves the same doors."""
    env = make("house:2", sensors=("goal",), door_seconds=0.5)
    rng = np.random.default_rng(0)
    env.reset(seed=4)
    batch = env.unwrapped.batch  # type: ignore[attr-defined]
    slots = []
    for action in rng.choice([1, 1, 1, 2, 3], size=60):
        env.step(int(action))
        slots.append(int(batch.state.scene_index[0]))
        feet = batch.state.position[0, [0, 2]].numpy()
        assert walkable_grid(batch.world.scene(slots[-1])).is_free(feet)
        assert math.isfinite(float(batch.state.distance[0]))
    assert len(set(slots)) > 3
    drawn = env.unwrapped.episode  # type: ignore[attr-defined]
    env.reset(seed=4)
    assert env.unwrapped.episode == drawn  # type: ignore[attr-defined]


def test_chirps_come_back_from_the_walls() -> None:
    """The echo of the wall ahead arrives after 2 d / c, that of the floor after 2 h / c: peaks of a matched filter."""
    room = "shoebox:8x3x8:concrete"
    sweep = make_chirp(0.25).samples[:80].astype(np.float64)
    env = make(room, echolocation=True, sound_seconds=0.25, sound_count=1)
    for away in (1.0, 1.6):
        start, source = (4.0, 0.0, away), (7.0, 1.0, 7.0)
        frame = play(env, episode(scene=room, start_position=start, source_position=source), ())[0]
        heard = frame["audio"][:, -STEP:].astype(np.float64)  # the goal has stopped three steps before
        power = sum(np.correlate(ear, sweep, "valid") ** 2 for ear in heard)
        for metres in (2.0 * away, 2.0 * 1.25):
            arrival = metres / SPEED_OF_SOUND * 16000
            near = slice(round(arrival) - 12, round(arrival) + 13)  # echoes of floor and wall lie 20 samples apart
            # The reversed sweep's peak is 2 samples wide; ears lie 9 cm (4 samples) beside the middle of the head.
            assert abs(int(np.argmax(power[near])) - 12) <= 4
            assert power[near].max() > 20.0 * np.median(power)


def test_an_array_hears_on_all_its_microphones() -> None:
    """Four microphones 42 mm from their centre hear a near source at different times, in space and observation."""
    env = make(hrtf="tetrahedral", sensors=("audio", "spectrogram"))
    frame = play(env, episode(), ())[0]
    assert frame["audio"].shape == (4, 16000) == env.observation_space["audio"].shape  # type: ignore[index]
    assert frame["spectrogram"].shape == (65, 26, 4)
    assert env.observation_space.contains(frame)
    assert len({row.tobytes() for row in frame["audio"]}) == 4
    assert np.ptp([level(row) for row in frame["audio"]]) < 3.0


def test_directional_sources_are_quieter_behind() -> None:
    """A talker that walks away from the agent is quieter than one that comes: 4 kHz and above fall most."""
    towards = ((0.0, 1.0, 1.25, 2.0), (100.0, 1.5, 1.25, 2.0))  # 5 mm/s: it hardly moves, but faces +X
    backwards = ((0.0, 1.5, 1.25, 2.0), (100.0, 1.0, 1.25, 2.0))
    levels = []
    for walk in (towards, backwards):
        given = episode(source_position=walk[0][1:], source_walk=walk)
        frame = play(make(directivity="speech"), given, ())[0]
        levels.append(level(frame["audio"]))
    assert levels[0] - levels[1] > 0.0  # though it is 0.5 m further away


def test_episodes_survive_json() -> None:
    """An episode with walks, distractors and doors comes back from JSON equal, and old ones need no new keys."""
    spec = EpisodeSpec(source_speed=0.7, distractors=2, distractor_speed=0.5, door_seconds=5.0)
    drawn = sample_episode(load_scene("house:2"), 1, 0, spec, forward=0.25, turn_deg=15.0)
    assert drawn.door_events
    assert Episode(**json.loads(json.dumps(dataclasses.asdict(drawn)))) == drawn
    new = ("source_walk", "distractors", "door_events")
    old = {key: value for key, value in dataclasses.asdict(episode()).items() if key not in new}
    assert Episode(**json.loads(json.dumps(old))) == episode()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"distractors": -1}, "distractors must be finite and not negative"),
        ({"pause_seconds": 1.0}, "need sound_seconds"),
        ({"directivity": "cardiod"}, "Did you mean 'cardioid'"),
        ({"door_events": ((0.0, 7, 0.0),)}, "no portal 7"),
    ],
)
def test_bad_options_name_the_remedy(keywords: dict[str, Any], message: str) -> None:
    """Numbers out of range, unknown patterns and doors that are not there are errors that say what to do."""
    with pytest.raises(ValueError, match=message):
        make(FLAT, **keywords).reset(seed=0)
