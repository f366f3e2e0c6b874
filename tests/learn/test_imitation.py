"""Imitation: the expert arrives, the policy comes to agree with it, and a learner goes on where it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.policies.beginning import begin_policy
from avi_env.policies.expert import expert_advice
from avi_env.policies.imitation import ImitationLearner, ImitationSettings
from avi_env.policies.learner import EnvironmentSettings, make_environment
from avi_env.policies.replay import Replay

KEYWORDS = {"task": "PointNav", "scenes": "house:3", "sensors": ("depth", "pose", "goal"), "width": 64, "height": 64}
ENVIRONMENT = EnvironmentSettings(num_envs=4, max_episode_steps=150, keywords=KEYWORDS)
TABLE = {"network": "point_nav", "hidden": 32, "senses": {"map": False, "way": False, "depth": False}}
SETTINGS = ImitationSettings(
    sequence=16, batch=8, updates=4, replay=64, learning_rate=3e-3, expert_steps=2000, goal_radius=0.1
)


def _learner(**changes) -> ImitationLearner:
    policy = begin_policy(TABLE, ENVIRONMENT, 0)
    return ImitationLearner(ENVIRONMENT, policy, dataclasses.replace(SETTINGS, **changes), 7, "cpu")


def test_the_expert_arrives_by_the_shortest_way(device: str) -> None:
    """Every episode that it walks ends in success, with hardly a step too many."""
    envs = make_environment(ENVIRONMENT, device)
    envs.reset(seed=0)
    spl = []
    for _ in range(150):
        _, _, terminated, _, info = envs.step(expert_advice(envs.batch, 0.1).action)
        spl += info["spl"][terminated].tolist()
        assert bool(info["success"][terminated].all())
    assert len(spl) > 8
    assert min(spl) > 0.9
    # hints: the goal sensor tells the same direction, the distance is no shorter than the straight line
    hint, seen = expert_advice(envs.batch, 0.1).hints.cpu(), envs.batch.observe()["goal"].cpu()
    assert_allclose(hint[:, 0], torch.sin(seen[:, 1]), atol=1e-5)
    assert_allclose(hint[:, 1], torch.cos(seen[:, 1]), atol=1e-5)
    assert bool((torch.exp2(hint[:, 4]) - 1.0 > seen[:, 0] - 0.1).all())
    envs.close()


def test_cloning_comes_to_agree_with_the_expert() -> None:
    """With the goal's direction as input the expert's action is plain: it is learnt in some hundred steps."""
    learner = _learner(expert_share_end=1.0)
    told = [learner.iterate() for _ in range(40)]
    first, last = (np.mean([one["train/agreement"] for one in part]) for part in (told[1:3], told[-5:]))
    assert last > first + 0.1  # at first: straight ahead, which is right more often than not
    assert np.mean([one["rollout/success"] for one in told if "rollout/success" in one]) == 1.0
    learner.close()


def test_a_learner_goes_on_to_the_last_bit(tmp_path) -> None:
    """Saved and restored in another learner, the next iterations are the same; and so from the start, same seed."""
    learner = _learner()
    for _ in range(3):
        learner.iterate()
    torch.save(learner.state(), tmp_path / "state.pt")
    expected = [learner.iterate() for _ in range(3)]
    weights = learner.policy().network.state_dict()
    learner.close()
    again = _learner()
    again.restore(torch.load(tmp_path / "state.pt", weights_only=False))
    found = [again.iterate() for _ in range(3)]
    for one, other in zip(expected, found, strict=True):
        kept = [name for name in one if not name.startswith("time/")]
        assert {name: one[name] for name in kept} == {name: other[name] for name in kept}
    for name, value in again.policy().network.state_dict().items():
        assert_array_equal(value, weights[name])
    again.close()


def test_a_replay_keeps_the_last() -> None:
    """Drawn are those that fit; a restored one draws alike; more at once than there is room is an error."""
    replay = Replay(5)
    for number in range(4):
        replay.put({"x": torch.full((2, 3), number)})
    drawn = replay.draw(200, torch.Generator().manual_seed(0))["x"]
    assert drawn.shape == (200, 3)
    assert sorted(set(drawn.flatten().tolist())) == [1, 2, 3]
    again = Replay(5)
    again.restore(replay.state())
    assert_array_equal(
        again.draw(50, torch.Generator().manual_seed(1))["x"], replay.draw(50, torch.Generator().manual_seed(1))["x"]
    )
    with pytest.raises(ValueError, match="do not fit"):
        replay.put({"x": torch.zeros(6, 3)})


def test_a_missing_sensor_is_told_before_anything_is_made() -> None:
    """The error names the sensors that the environment needs."""
    environment = dataclasses.replace(ENVIRONMENT, keywords={**KEYWORDS, "sensors": ("depth", "pose")})
    with pytest.raises(ValueError, match="needs the sensors goal"):
        begin_policy(TABLE, environment, 0)
