"""Difficulty knobs: neutral ones change nothing, each of the others does what its name says, in any batch."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal

from avi_env.acoustics import render_rir, room_metrics
from avi_env.acoustics.ambience import Ambience
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.late_noise import diffuse_coherence
from avi_env.acoustics.reverberation import with_reverberation
from avi_env.acoustics.room import room_estimate
from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import EpisodeMaker
from avi_env.navigation import GridBank, geodesic_distance, walkable_grid
from avi_env.scene import Scene, load_scene, scene_doors, shoebox
from avi_env.tasks import AudioNavTask, Episode
from avi_env.tasks.episode_key import episode_key
from avi_env.tasks.transition import COUNTS, NUMBERS, Rules, Transition, empty_columns
from avi_env.vision.sensor_noise import LOST_PER_SPREAD, add_depth_noise, add_image_noise

ROOM = "shoebox:6x3x4:plaster"
FLAT = "house:1:living_room+bedroom"  # two rooms, one door
NEUTRAL = {
    "sound_level": 0.0,
    "noise_level": 0.0,
    "reverberation": 1.0,
    "rooms": 0,
    "doors": "given",
    "actuation_noise": 0.0,
    "depth_noise": 0.0,
    "image_noise": 0.0,
}
HARD = {
    "sound_level": -3.0,
    "noise_level": 55.0,
    "reverberation": 1.5,
    "rooms": 2,
    "doors": "closed",
    "actuation_noise": 0.1,
    "depth_noise": 0.01,
    "image_noise": 6.0,
}
SMALL = {"bake_paths": 64, "width": 16, "height": 16}
BARE = "shoebox:6x3x4:plasterboard"

Frame = dict[str, npt.NDArray[Any]]


def play(actions: tuple[int, ...], given: Episode | None = None, seed: int = 0, **keywords: Any) -> list[Frame]:
    """All observations of an episode."""
    env = gym.make("avi_env/AudioNav-v0", **{**SMALL, **keywords})
    seen = [env.reset(seed=seed, options={"episode": given} if given else None)[0]]
    return seen + [env.step(action)[0] for action in actions]


def same(first: list[Frame], second: list[Frame]) -> bool:
    """Whether two episodes are alike to the bit."""
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(one[name], other[name]) for one, other in pairs for name in one)


def level(sound: npt.NDArray[Any]) -> float:
    """Mean square level [dB SPL]."""
    return float(10.0 * np.log10(np.mean(np.asarray(sound, dtype=np.float64) ** 2)) + 94.0)


def test_neutral_knobs_change_nothing() -> None:
    """All knobs at their neutral values: the same bits as without them."""
    assert same(play((1, 2, 1), scene=FLAT), play((1, 2, 1), scene=FLAT, **NEUTRAL))
    scene = load_scene(FLAT)
    assert with_reverberation(scene, 1.0) is scene


def test_rows_of_a_batch_are_single_environments() -> None:
    """All knobs at once: row i is the single environment seeded i, to the bit."""
    actions, house = (1, 2), {"scenes": "house:1", "prefetch": False, **HARD}
    envs = gym.make_vec("avi_env/AudioNav-v0", num_envs=2, **SMALL, **house)
    seen = [envs.reset(seed=7)[0]] + [envs.step(np.full(2, action))[0] for action in actions]
    rows = [[{name: value[row] for name, value in frame.items()} for frame in seen] for row in (0, 1)]
    assert same(play(actions, seed=8, **house), rows[1])
    assert not same(*rows)


def test_sound_level_is_a_gain() -> None:
    """Sound is linear: what is heard grows by exactly the decibels asked for."""
    plain, louder = (play((1,), scene=ROOM, sound_level=more) for more in (0.0, 7.0))
    for before, after in zip(plain, louder, strict=True):
        scale = 10.0 ** (7.0 / 20.0)
        assert_allclose(after["audio"], before["audio"] * scale, rtol=0, atol=1e-5 * np.abs(before["audio"]).max())
        assert_allclose(level(after["audio"]) - level(before["audio"]), 7.0, rtol=0, atol=1e-4)


def test_noise_has_its_level() -> None:
    """55 dB SPL at each ear, within four standard errors of the mean square of pink noise; it goes on over steps."""
    quiet = {"sound_level": -300.0, "sensors": ("audio",), "scene": ROOM}
    frames = play((2,) * 40, noise_level=55.0, **quiet)
    heard = np.concatenate([frames[0]["audio"], *(frame["audio"][:, -4000:] for frame in frames[1:])], axis=1)
    for before, after in pairwise(frames):
        assert_array_equal(after["audio"][:, :-4000], before["audio"][:, 4000:])
    # Var(mean p^2) / (mean p^2)^2 = integral S^2 / (T (integral S)^2), S = 1/f from 88 Hz to 8 kHz.
    share = (1 / 88.4 - 1 / 8000) / (11.0 * math.log(8000 / 88.4) ** 2)
    for ear in heard:
        assert_allclose(level(ear), 55.0, rtol=0, atol=4 * 4.343 * math.sqrt(share))
    assert level(play((), **quiet)[0]["audio"]) < -150.0  # without noise it is silent


def test_noise_is_diffuse_pink_and_goes_on(device: str) -> None:
    """Coherence of the ears sin(kd)/(kd), 3 dB less an octave; pieces of any length are pieces of one noise."""
    receiver = load_hrtf("kemar", 16000)
    noise = Ambience(receiver, 60.0, torch.device(device))
    keys = torch.tensor([5, 2**60 + 11], device=device)
    whole = noise(keys, torch.zeros(2, dtype=torch.int64, device=device), 64000)
    part = noise(keys[1:], torch.tensor([12345], device=device), 700)
    assert torch.equal(part[0], whole[1, :, 12345:13045])
    ears = whole.cpu().numpy().astype(np.float64)
    assert abs(np.corrcoef(ears[0, 0], ears[1, 0])[0, 1]) < 0.05
    size = 512
    frequency, cross = signal.csd(ears[:, 0], ears[:, 1], 16000, nperseg=size)
    power = [signal.welch(ears[:, ear], 16000, nperseg=size)[1].mean(axis=0) for ear in (0, 1)]
    coherence = cross.mean(axis=0).real / np.sqrt(power[0] * power[1])
    band = (frequency > 200) & (frequency < 7500)
    # 2 rows x 4 s in 512-sample Hann windows half overlapping: about 1.06 x 250 independent ones.
    assert_allclose(coherence[band], diffuse_coherence(frequency[band]), rtol=0, atol=5 / math.sqrt(2 * 265))
    octaves = [power[0][(frequency >= f / 2**0.5) & (frequency < f * 2**0.5)].sum() for f in (500, 1000, 2000, 4000)]
    assert_allclose(10 * np.log10(np.array(octaves) / octaves[0]), 0.0, rtol=0, atol=0.6)


def test_noise_at_microphones_is_that_of_a_field() -> None:
    """An array's microphones hear the level that an omnidirectional one has in the field, some octaves' mean."""
    noise = Ambience(load_hrtf("tetrahedral", 16000), 50.0, torch.device("cpu"))
    heard = noise(torch.tensor([9]), torch.tensor([0]), 160000)
    assert heard.shape == (1, 4, 160000)
    assert np.ptp([level(channel) for channel in heard[0].numpy()]) < 0.5


def test_reverberation_scales_decays() -> None:
    """T20 of rendered responses scales by the factor: within 5 % (one JND) and three standard errors over listeners."""
    room = load_scene(BARE)
    listeners = ((1.0, 1.2, 1.0), (4.5, 1.5, 3.0), (2.0, 1.7, 3.2))

    def times(scene: Scene) -> npt.NDArray[np.float64]:
        rirs = [render_rir(scene, (3.0, 1.5, 2.1), place, sample_rate=8000, layout="mono") for place in listeners]
        return np.array([room_metrics(rir, 8000).T20.reshape(-1)[2:5] for rir in rirs])  # 500 Hz .. 2 kHz

    before = times(room)
    for factor in (0.5, 2.0):
        after = times(with_reverberation(room, factor))
        ratio = after.mean(axis=0) / before.mean(axis=0)
        spread = [np.std(part, axis=0, ddof=1) / part.mean(axis=0) / math.sqrt(len(part)) for part in (before, after)]
        assert_allclose(ratio / factor, 1.0, rtol=0, atol=0.05 + 3.0 * np.max(np.hypot(*spread)))


def test_reverberation_of_a_house() -> None:
    """Walls, looks, and what is drawn stay; the whole house decays by the factor within 10 %; materials stay valid."""
    plain = load_scene(FLAT)
    longer = with_reverberation(plain, 1.5)
    assert longer is with_reverberation(plain, 1.5)
    assert longer.digest != plain.digest
    assert_array_equal(longer.vertices, plain.vertices)
    assert_allclose(room_estimate(longer).rt60 / room_estimate(plain).rt60, 1.5, rtol=0.1)
    with pytest.raises(ValueError, match="positive and finite"):
        with_reverberation(plain, 0.0)
    makers = [EpisodeMaker(EnvConfig(scenes=FLAT, reverberation=factor)) for factor in (1.0, 1.5)]
    assert makers[0].draw(3, 1) == makers[1].draw(3, 1)
    views = [play((1,), scene=FLAT, reverberation=factor, sensors=("rgb", "depth")) for factor in (1.0, 1.5)]
    assert same(*views)


def test_rooms() -> None:
    """Houses of a set have as many rooms as asked for; other scenes have theirs, and say so."""
    maker = EpisodeMaker(EnvConfig(scenes="houses:3", rooms=4))
    assert [len(maker.scene(name).rooms) for name in maker.names] == [4, 4, 4]
    for scene, message in ((ROOM, "generated houses"), ("house:1:5", "says itself")):
        with pytest.raises(ValueError, match=message):
            EpisodeMaker(EnvConfig(scenes=scene, rooms=4))


def test_a_shut_door_hides_and_muffles() -> None:
    """A door that an episode begins with shut is seen in front of one, and lowers the level behind it."""
    portal = load_scene(FLAT).portals[0]
    normal = np.array([-math.sin(portal.yaw), 0.0, -math.cos(portal.yaw)])
    middle = np.array([portal.center[0], 0.0, portal.center[2]])
    here, there = (tuple((middle + side * 0.9 * normal).tolist()) for side in (-1.0, 1.0))
    source = (there[0], 1.25, there[2])
    frames = []
    for openness in (1.0, 0.0):
        doors = ((portal.id, openness),)
        given = Episode(FLAT, here, portal.yaw, source, there, -1, "vacuum_cleaner", 0, 1.8, 9, doors=doors)
        frames.append(play((), given, scene=FLAT, sensors=("depth", "audio"))[0])
    assert frames[1]["depth"][8, 8, 0] < 1.0 < frames[0]["depth"][8, 8, 0]
    assert level(frames[1]["audio"]) < level(frames[0]["audio"]) - 6.0


def test_doors_cut_nobody_off() -> None:
    """All open, half or all shut: goals can be walked to, its length is that past the doors, more are shut for more."""
    shut, away = [], []
    for doors in ("open", 0.5, "closed"):
        maker = EpisodeMaker(EnvConfig(scenes="house:3", doors=doors))
        episodes = [maker.draw(11, index) for index in range(6)]
        assert episodes == [maker.draw(11, index) for index in range(6)]
        count = 0
        for drawn in episodes:
            scene = maker.place(drawn)
            count += sum(door.openness == 0.0 for door in scene_doors(scene))
            walk = geodesic_distance(scene, drawn.start_position, drawn.goal_position)
            assert math.isfinite(walk)
            assert drawn.geodesic_distance <= walk + 0.05  # the goal has more places beside it than its nearest one
        shut.append(count)
        away.append(sum(drawn.geodesic_distance for drawn in episodes))
    assert shut[0] == 0 < shut[1] < shut[2]
    assert away[0] <= away[1] + 1e-3 <= away[2] + 2e-3
    with pytest.raises(ValueError, match="open"):
        EnvConfig(doors="opened")
    with pytest.raises(ValueError, match="share"):
        EnvConfig(doors=1.5)


def moved(action: int, noise: float, count: int = 4096) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """How far many agents go and turn with one action [m, rad]."""
    bank = GridBank([walkable_grid(shoebox((20.0, 3.0, 20.0)))], "cpu")
    columns = empty_columns(count, torch.device("cpu"))
    for table in columns:
        table.zero_()
    columns.places[:] = torch.tensor([10.0, 0.0, 10.0])
    columns.counts[COUNTS.index("key")] = torch.arange(count) * 2**40 + 7
    rules = Rules(AudioNavTask(), 0.25, math.radians(15.0), 1.25, 4000, 16000, actuation_noise=noise)
    fields = torch.zeros(1, 1, *bank.arrays.free.shape[1:])
    after = Transition(rules, torch.device("cpu"))(bank, fields, torch.full((count,), action), columns)
    gone = torch.linalg.vector_norm(after.places[0] - columns.places[0], dim=1)
    return gone.numpy(), after.numbers[NUMBERS.index("yaw")].numpy()


def test_actuation_noise_is_relative_and_normal() -> None:
    """Forward and turn have the mean they should and the spread asked for, within four standard errors."""
    for values, mean in ((moved(1, 0.1)[0], 0.25), (moved(2, 0.1)[1], math.radians(15.0))):
        share = values.astype(np.float64) / mean
        assert_allclose(share.mean(), 1.0, rtol=0, atol=4 * 0.1 / math.sqrt(len(share)))
        assert_allclose(share.std(), 0.1, rtol=0, atol=4 * 0.1 / math.sqrt(2 * len(share)))
        assert abs(((share - share.mean()) ** 3).mean()) / 0.1**3 < 4 * math.sqrt(6 / len(share))
    assert_allclose(moved(1, 0.0)[0], 0.25, rtol=5e-5)  # places are single precision at 10 m
    assert_array_equal(moved(3, 0.5)[0], 0.0)


def test_camera_noise_statistics(device: str) -> None:
    """Depth spreads by amount z^2 and loses 2 amount z of its readings; colours spread evenly; no two steps alike."""
    keys, clocks = torch.tensor([3, 4], device=device), torch.tensor([1, 1], device=device)
    for true in (1.0, 4.0):
        depth = torch.full((2, 128, 128, 1), true, device=device)
        add_depth_noise(depth, keys, clocks, 0.01)
        kept = depth[depth > 0].double() - true
        spread, count = 0.01 * true**2, 2 * 128 * 128
        assert_allclose(float(kept.std()), spread, rtol=4 / math.sqrt(2 * count))
        assert_allclose(float(kept.mean()), 0.0, atol=4 * spread / math.sqrt(count))
        lost = LOST_PER_SPREAD * 0.01 * true
        assert_allclose(1.0 - len(kept) / count, lost, rtol=0, atol=4 * math.sqrt(lost / count))
    images = torch.full((2, 128, 128, 3), 120, dtype=torch.uint8, device=device)
    later = images.clone()
    add_image_noise(images, keys, clocks, 6.0)
    add_image_noise(later, keys, clocks + 1, 6.0)
    noise = images.double().cpu() - 120.0
    wanted = math.sqrt(6.0**2 + 1 / 12)  # levels are rounded
    assert_allclose(float(noise.std()), wanted, rtol=4 / math.sqrt(2 * noise.numel()))
    flat = torch.stack([noise[0], noise[1], later.double().cpu()[0] - 120.0]).flatten(1)
    colours = noise[0].reshape(-1, 3).T
    for rows in (flat, colours):
        alike = torch.corrcoef(rows) - torch.eye(3)
        assert float(alike.abs().max()) < 5 / math.sqrt(rows.shape[1])


def test_noise_belongs_to_the_episode() -> None:
    """The key follows from the episode alone, also read from a file; observing twice shows the same."""
    maker = EpisodeMaker(EnvConfig(scenes=FLAT))
    drawn, other = maker.draw(0, 0), maker.draw(0, 1)
    assert episode_key(drawn) == episode_key(maker.draw(0, 0)) != episode_key(other)
    assert 0 <= episode_key(drawn) < 2**62
    env = gym.make("avi_env/AudioNav-v0", scene=FLAT, sensors=("rgb", "depth"), image_noise=5.0, depth_noise=0.01)
    env.reset(seed=0)
    batch = env.unwrapped.batch  # type: ignore[attr-defined]
    first, second = batch.observe(), batch.observe()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", ["noise_level", "rooms", "actuation_noise", "depth_noise", "image_noise"])
def test_knobs_out_of_range_are_refused(name: str) -> None:
    """Negative and infinite values are errors that name the option."""
    for value in (-1.0, math.inf):
        with pytest.raises(ValueError, match=name):
            EnvConfig(**{name: value})
    with pytest.raises(ValueError, match="sound_level"):
        EnvConfig(sound_level=math.nan)
    with pytest.raises(ValueError, match="reverberation"):
        EnvConfig(reverberation=0.0)
