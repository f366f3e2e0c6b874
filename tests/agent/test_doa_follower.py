"""The classical follower: direction from two ears, front and back by turning, a way by depth, a stop by sound alone."""

from __future__ import annotations

import math

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
ROOM = {"scene": "shoebox:6x3x4", "sensors": SENSORS, "width": 32, "height": 32, "prefetch": False}


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


def test_direction_in_a_room() -> None:
    """Among the echoes of a room the last estimates lie within 15 degrees of the source."""
    env = AviEnv(task="SoundLocalization", sounds=("alarm_clock",), **ROOM)
    observation, _ = env.reset(seed=2)
    agent = DoaFollower()
    agent.reset(make_briefing(env.config, space=env.action_space), 0)
    for _ in range(20):
        action = agent.act(observation)
        observation, *_ = env.step(action)
    episode, said = env.episode, decoded(action)
    x, _, z = np.array(episode.source_position) - np.array(episode.start_position)
    turned = episode.start_yaw + 19 * math.radians(15.0)
    assert gap(float(said.azimuth) + turned, math.atan2(-x, -z)) <= 15.0
    np.testing.assert_allclose(float(said.distance), math.hypot(x, z), rtol=0.6)
    env.close()


def walked(
    env: AviEnv, seed: int, keys: tuple[str, ...], limit: int, mute: bool = False
) -> tuple[list[int], list[Any]]:
    """Plays an episode; returns actions and observations. The agent is given copies of the named keys, nothing else."""
    observation, _ = env.reset(seed=seed)
    agent = DoaFollower()
    agent.reset(make_briefing(env.config), 0)
    actions, seen = [], []
    for _ in range(limit):
        given = {key: np.array(observation[key]) for key in keys}
        if mute:
            given["audio"][:] = 0.0
        seen.append(given)
        actions.append(int(agent.act(given)))
        observation, _, ended, _, _ = env.step(actions[-1])
        if ended:
            break
    return actions, seen


def test_it_finds_the_source_and_knows_nothing_but_its_observations() -> None:
    """It stops beside the source; a new agent, shown the observations without any environment, does the same."""
    env = AviEnv(**ROOM)
    actions, seen = walked(env, 3, SENSORS, 200)
    assert actions[-1] == 0
    assert env.batch.info()["success"][0]
    again = DoaFollower()
    again.reset(make_briefing(EnvConfig(sensors=SENSORS, width=32, height=32)), 1)
    assert [int(again.act(one)) for one in seen] == actions
    assert not hasattr(again, "attach")
    env.close()


def test_without_a_pose_it_reckons() -> None:
    """By its own actions and what comes nearer it knows to 0.3 m where it is; and finds the source as well."""
    env = AviEnv(**ROOM)
    actions, seen = walked(env, 3, ("depth", "audio"), 200)
    assert actions[-1] == 0
    assert env.batch.info()["success"][0]
    mind, before = FollowerSenses(env.config), None
    for action, one in zip(actions, seen, strict=True):
        mind.observe(one, before)
        before = action
    episode = env.episode
    moved = env.batch.state.position[0].numpy() - np.array(episode.start_position)
    sin, cos = math.sin(episode.start_yaw), math.cos(episode.start_yaw)
    true = (cos * moved[0] - sin * moved[2], sin * moved[0] + cos * moved[2])
    np.testing.assert_allclose(mind.position, true, rtol=0, atol=0.3)
    env.close()


def test_muted_it_never_stops() -> None:
    """The same episode in silence: it looks round and walks, and has no reason to stop anywhere."""
    env = AviEnv(**ROOM)
    actions, _ = walked(env, 3, SENSORS, 90, mute=True)
    assert 0 not in actions
    assert 1 in actions
    env.close()


def test_what_it_needs_is_named() -> None:
    """A missing sensor, or an array of microphones in place of ears, is an error that says so."""
    agent = DoaFollower()
    with pytest.raises(ValueError, match="needs the sensor 'depth'"):
        agent.reset(make_briefing(EnvConfig(sensors=("audio",))), 0)
    with pytest.raises(ValueError, match="two ears"):
        agent.reset(make_briefing(EnvConfig(sensors=SENSORS, hrtf="tetrahedral")), 0)
    with pytest.raises(ValueError, match="sure"):
        DoaFollower(sure=1.0)
