"""The classical follower: direction from two ears, front and back by turning, a way by depth, a stop by sound alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from free_field import RATE, binaural, bursts, gap

from avi_env.agents.doa_follower import DoaFollower
from avi_env.agents.follower_senses import FollowerSenses
from avi_env.agents.step_agent import make_briefing
from avi_env.envs.config import EnvConfig
from avi_env.envs.single import AviEnv
from avi_env.tasks.sound_localization import decoded

SENSORS = ("depth", "audio", "pose")
STEP = RATE // 4


def estimates(dry: np.ndarray, source: float, steps: int) -> list[float]:
    """Azimuths that the agent says, re its start, while it turns in the open; source [rad, re its start]."""
    config = EnvConfig(task="SoundLocalization", sensors=SENSORS)
    agent = DoaFollower()
    agent.reset(make_briefing(config), 0)
    yaw, said = 0.0, []
    audio = np.zeros((2, RATE), np.float32)
    for step in range(steps):
        heard = binaural(dry, source - yaw)[:, step * STEP : step * STEP + STEP]
        audio = np.concatenate([audio, heard], axis=1)[:, -RATE:].astype(np.float32)
        pose = np.array([0.0, 0.0, 0.0, yaw], np.float32)
        action = agent.act({"depth": np.zeros((16, 16, 1), np.float32), "audio": audio, "pose": pose})
        said.append(float(decoded(action).azimuth) + yaw)
        assert int(decoded(action).move) == 2
        yaw += math.radians(15.0)
    return said


@pytest.mark.parametrize("degrees", [30, 90, 150, 200, 300])
def test_direction_in_the_open(degrees: int) -> None:
    """Broadband bursts are located within 8 degrees, front and back too, after a few turns."""
    dry = bursts(np.random.default_rng(0), 2.0)
    assert gap(estimates(dry, math.radians(degrees), 8)[-1], math.radians(degrees)) <= 8.0


class Walk(NamedTuple):
    """An episode of the agent."""

    actions: list[int]
    seen: list[dict[str, np.ndarray]]
    success: bool
    moved: np.ndarray
    """From start to end in the start frame: (x, z) [m]."""
    bearing: float
    """Yaw in the start frame at which the start looks to the source [rad]."""


def walked(env: AviEnv, keys: tuple[str, ...], limit: int, mute: bool = False) -> Walk:
    """Plays an episode. The agent is given copies of the named observations, nothing else."""
    observation, info = env.reset(seed=0)
    agent = DoaFollower()
    agent.reset(make_briefing(env.config), 0)
    actions: list[int] = []
    seen: list[dict[str, np.ndarray]] = []
    ended = False
    while not ended and len(actions) < limit:
        seen.append({key: np.array(observation[key]) for key in keys})
        if mute:
            seen[-1]["audio"][:] = 0.0
        actions.append(int(agent.act(seen[-1])))
        observation, _, ended, _, info = env.step(actions[-1])
    episode = env.episode
    start, yaw = np.array(episode.start_position), episode.start_yaw
    x, _, z = env.batch.state.position[0].numpy() - start
    moved = np.array([math.cos(yaw) * x - math.sin(yaw) * z, math.sin(yaw) * x + math.cos(yaw) * z])
    x, _, z = np.array(episode.source_position) - start
    return Walk(actions, seen, bool(info["success"]), moved, math.atan2(-x, -z) - yaw)


@pytest.fixture(scope="module")
def room() -> Iterator[AviEnv]:
    """A furnished room, 3.4 m of way from the door that is knocked at."""
    env = AviEnv(scene="house:1007", sensors=SENSORS, width=32, height=32, prefetch=False)
    yield env
    env.close()


def test_it_finds_the_source_and_knows_nothing_but_its_observations(room: AviEnv) -> None:
    """It stops beside the source; a new agent, shown the observations without any environment, does the same."""
    walk = walked(room, SENSORS, 200)
    assert walk.actions[-1] == 0
    assert walk.success
    again = DoaFollower()
    again.reset(make_briefing(EnvConfig(sensors=SENSORS, width=32, height=32)), 1)
    assert [int(again.act(one)) for one in walk.seen] == walk.actions
    assert not hasattr(again, "attach")
    mind = FollowerSenses(room.config)  # the direction after looking all round, among the echoes of the room
    for k, one in enumerate(walk.seen[:19]):
        mind.observe(one, walk.actions[k - 1] if k else None)
    assert gap(mind.hearing.direction.bearing, walk.bearing) <= 15.0


def test_without_a_pose_it_reckons(room: AviEnv) -> None:
    """By its own actions and by what comes nearer it knows to 0.3 m where it is, and finds the source as well."""
    walk = walked(room, ("depth", "audio"), 200)
    assert walk.success
    mind, before = FollowerSenses(room.config), None
    for action, one in zip(walk.actions, walk.seen, strict=True):
        mind.observe(one, before)
        before = action
    np.testing.assert_allclose(mind.position, walk.moved, rtol=0, atol=0.3)


def test_muted_it_never_stops(room: AviEnv) -> None:
    """The same episode in silence: it looks round and walks, and has no reason to stop anywhere."""
    walk = walked(room, SENSORS, 90, mute=True)
    assert 0 not in walk.actions
    assert 1 in walk.actions


def test_what_it_needs_is_named() -> None:
    """A missing sensor, or an array of microphones in place of ears, is an error that says so."""
    agent = DoaFollower()
    with pytest.raises(ValueError, match="needs the sensor 'depth'"):
        agent.reset(make_briefing(EnvConfig(sensors=("audio",))), 0)
    with pytest.raises(ValueError, match="two ears"):
        agent.reset(make_briefing(EnvConfig(sensors=SENSORS, hrtf="tetrahedral")), 0)
    with pytest.raises(ValueError, match="sure"):
        DoaFollower(sure=1.0)
