"""Step agents: the protocol, how they are found, random, forward and the oracle."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from avi_env.agents.baselines import ForwardAgent, RandomAgent, action_of_move
from avi_env.agents.load import agent_names, load_agent, load_planner, planner_names
from avi_env.agents.oracle import OracleAgent
from avi_env.agents.step_agent import PrivilegedAgent, StepAgent, make_briefing
from avi_env.envs.config import EnvConfig
from avi_env.envs.single import AviEnv
from avi_env.tasks.sound_localization import decoded

BRIEFING = make_briefing(EnvConfig(sensors=("depth", "audio", "pose")))


def played(env: AviEnv, name: str, seed: int, limit: int = 300) -> dict[str, float]:
    """Plays an episode to its end; returns its measures."""
    observation, info = env.reset(seed=seed)
    agent = load_agent(name)
    assert isinstance(agent, StepAgent)
    if agent.privileged:
        agent.attach(env)
    agent.reset(make_briefing(env.config, space=env.action_space), seed)
    for _ in range(limit):
        observation, _, ended, _, info = env.step(agent.act(observation))
        if ended:
            break
    return info


@pytest.mark.parametrize("name", ["random", "forward", "oracle", "doa_follower", "doa-follower"])
def test_baselines_are_step_agents(name: str) -> None:
    """Each is found by name, keeps the protocol, and says whether it is privileged."""
    agent = load_agent(name)
    assert isinstance(agent, StepAgent)
    assert agent.name == name.replace("-", "_")
    assert agent.privileged == isinstance(agent, PrivilegedAgent) == (name == "oracle")


def test_step_agents_are_no_planners() -> None:
    """`load_agent` knows planners too; `load_planner` says what a step agent is."""
    assert load_agent("rules").name == "rules"
    assert {"random", "rules"} <= set(agent_names())
    assert "random" not in planner_names()
    with pytest.raises(ValueError, match="'random' is a step agent"):
        load_planner("random")
    with pytest.raises(ValueError, match="Did you mean 'oracle'"):
        load_agent("oracel")
    with pytest.raises(ValueError, match="Did you mean 'stop_chance'"):
        load_agent("random", stop_chanse=0.1)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        load_agent("random", stop_chance=2.0)


OWN = """
from dataclasses import dataclass

@dataclass
class Left:
    turn: int = 2
    name: str = "left"
    privileged: bool = False
    sensors: tuple = ("depth",)
    def reset(self, briefing, seed):
        pass
    def act(self, observation):
        return self.turn

class Nothing:
    pass
"""


def test_an_own_folder_with_a_class_is_an_agent(tmp_path: Path) -> None:
    """agent.toml names a class in a file beside it; mistakes are named."""
    (tmp_path / "mine.py").write_text(OWN)
    manifest = tmp_path / "agent.toml"
    manifest.write_text('python = "mine.py:Left"\n[settings]\nturn = 3\n')
    agent = load_agent(tmp_path)
    assert isinstance(agent, StepAgent)
    agent.reset(BRIEFING, 0)
    assert agent.act({}) == 3
    for line, message in (
        ('python = "mine.py:Lefft"', "Did you mean 'Left'"),
        ('python = "mine.py:Nothing"', "lacks name, privileged, sensors, reset, act"),
        ('python = "yours.py:Left"', "there is no"),
        ('python = "mine.py"', "must be"),
        ('python = "mine.py:Left"\nplanner = "rules"', "either a planner or a step agent"),
    ):
        manifest.write_text(line + "\n")
        with pytest.raises(ValueError, match=message):
            load_agent(tmp_path)


def test_random_depends_on_its_seed_alone() -> None:
    """Two agents of one seed act alike, of two seeds not; one action in a hundred ends the episode."""

    def actions(seed: int, count: int) -> list[int]:
        agent = RandomAgent()
        agent.reset(BRIEFING, seed)
        return [int(agent.act({})) for _ in range(count)]

    assert actions(3, 50) == actions(3, 50) != actions(4, 50)
    share = np.bincount(actions(5, 20000), minlength=4) / 20000
    np.testing.assert_allclose(share, [0.01, 0.33, 0.33, 0.33], rtol=0, atol=0.015)


def test_moves_fit_every_action_space() -> None:
    """A stop is a random answer where there are answers; an estimate is random beside the move."""
    rng = np.random.default_rng(0)
    assert action_of_move(0, gym.spaces.Discrete(4), rng) == 0
    answers = {int(action_of_move(0, gym.spaces.Discrete(12), rng)) for _ in range(300)}
    assert answers == {0, *range(4, 12)}
    space = gym.spaces.MultiDiscrete([4, 360, 200, 51])
    action = action_of_move(2, space, rng)
    assert space.contains(action)
    assert action[0] == 2
    with pytest.raises(ValueError, match="Box"):
        action_of_move(0, gym.spaces.Box(0.0, 1.0), rng)


def test_forward_turns_where_something_is_in_the_way() -> None:
    """It walks while the way is free and turns to one side while it is not; without a camera it says so."""
    agent = ForwardAgent(stop_chance=0.0)
    agent.reset(BRIEFING, 0)
    free, wall = np.full((32, 32, 1), 4.0, np.float32), np.full((32, 32, 1), 0.4, np.float32)
    beside = free.copy()
    beside[:, :4] = 0.4  # 0.3 m and more to the left
    assert [int(agent.act({"depth": seen})) for seen in (free, beside)] == [1, 1]
    turns = {int(agent.act({"depth": wall})) for _ in range(5)}
    assert turns in ({2}, {3})
    with pytest.raises(ValueError, match="needs the sensor 'depth'"):
        agent.reset(make_briefing(EnvConfig(sensors=("rgb",))), 0)


def test_oracle_reaches_every_goal_by_the_shortest_way() -> None:
    """In houses nobody tuned anything on, in a fixed number of actions: success 1, SPL at least 0.97, SNA 1."""
    env = AviEnv(scenes="houses:600-603", sensors=("pose",), prefetch=False)
    for seed in range(4):
        info = played(env, "oracle", seed)
        assert info["success"]
        assert info["spl"] >= 0.97
        assert info["sna"] == 1.0
    env.close()


def test_oracle_meets_a_goal_that_walks() -> None:
    """It goes to where it is in time for the walker."""
    env = AviEnv(scene="house:4:3", sensors=("pose",), source_speed=0.5, prefetch=False)
    found = [played(env, "oracle", seed) for seed in range(3)]
    assert all(info["success"] for info in found)
    assert np.mean([info["spl"] for info in found]) >= 0.9
    env.close()


@pytest.mark.parametrize("task", ["PointNav", "ObjectNav"])
def test_oracle_finds_goals_that_make_no_sound(task: str) -> None:
    """A point and any object of a category: by the distance field that the task itself measures by."""
    env = AviEnv(task=task, scene="house:4:3", sensors=("pose",), prefetch=False)
    for seed in range(2):
        info = played(env, "oracle", seed)
        assert info["success"]
        assert info["spl"] >= 0.97
    env.close()


def test_oracle_says_exactly_where_the_sound_is() -> None:
    """Its estimate is the source as the head faces, in whole degrees and steps of distance."""
    env = AviEnv(task="SoundLocalization", scene="shoebox:6x3x4", sensors=("pose",), prefetch=False)
    observation, _ = env.reset(seed=1)
    agent = OracleAgent()
    agent.attach(env)
    agent.reset(make_briefing(env.config, space=env.action_space), 1)
    said = decoded(agent.act(observation))
    episode = env.episode
    offset = np.array(episode.source_position) - np.array(episode.start_position) - [0.0, env.config.eye_height, 0.0]
    sin, cos = np.sin(episode.start_yaw), np.cos(episode.start_yaw)
    left, ahead = -cos * offset[0] + sin * offset[2], -sin * offset[0] - cos * offset[2]
    np.testing.assert_allclose(said.azimuth, np.arctan2(left, ahead), rtol=0, atol=np.radians(0.51))
    np.testing.assert_allclose(said.distance, np.linalg.norm(offset), rtol=0.014)
    assert env.config.target_classes[int(said.kind)] == episode.sound
    env.close()


def test_oracle_must_be_shown_the_simulator() -> None:
    """Without `attach` it refuses."""
    with pytest.raises(RuntimeError, match="privileged"):
        OracleAgent().reset(BRIEFING, 0)
