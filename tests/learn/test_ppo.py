"""PPO of Stable-Baselines3 and sb3-contrib on policies of ours: weights in and out, resume to the bit, scalars."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch

from avi_env.policies.beginning import begin_policy
from avi_env.policies.learner import EnvironmentSettings, learner_settings, make_environment, make_learner
from avi_env.policies.policy import Policy
from avi_env.policies.sb3_policies import HIDDEN, HiddenVecEnv
from avi_env.policies.sensed import SensedVectorEnv

ENVIRONMENT = EnvironmentSettings(
    num_envs=3,
    max_episode_steps=9,
    keywords={
        "task": "PointNav",
        "scene": "shoebox:6x3x4",
        "sensors": ("depth", "pose", "goal"),
        "width": 32,
        "height": 32,
        "prefetch": False,
    },
)
TABLE = {"network": "point_nav", "hidden": 24, "image": {"widths": [4, 8, 8]}, "map": {"widths": [4, 8, 8]}}
LEARNERS = ("ppo", "recurrent_ppo")
SMALL = {"n_steps": 10, "batch_size": 10, "n_epochs": 2}


@pytest.fixture
def policy() -> Policy:
    """A small network that has learnt nothing, but has preferences."""
    made = begin_policy(TABLE, ENVIRONMENT, seed=5)
    with torch.no_grad():
        made.network.actor.weight.normal_(0.0, 10.0, generator=torch.Generator().manual_seed(0))
    return made


def weights(policy: Policy) -> dict[str, torch.Tensor]:
    """A copy of a policy's weights."""
    return {name: value.clone() for name, value in policy.network.state_dict().items()}


def make(name: str, policy: Policy, seed: int = 3, **settings: Any) -> Any:
    """A learner in the small environment."""
    if name == "torchrl_ppo":
        pytest.importorskip("torchrl")
    return make_learner(name, ENVIRONMENT, policy, learner_settings(name, {**SMALL, **settings}), seed, "cpu")


@pytest.mark.parametrize("name", LEARNERS)
def test_greedy_actions_are_those_of_the_policy(name: str, policy: Policy) -> None:
    """Over several episodes the library's policy would act as ours does on the environment's own observations."""
    learner = make(name, policy)
    model, vec = learner._model, learner._model.env
    plain = make_environment(ENVIRONMENT, "cpu", autoreset="same_step")
    seen, _ = plain.reset(seed=11)
    memory, first = policy.begin(plain.num_envs), torch.ones(plain.num_envs, dtype=torch.bool)
    vec.seed(11)
    inputs, state, starts = vec.reset(), None, np.ones(plain.num_envs, dtype=bool)
    chosen = []
    for action in torch.randint(1, 4, (24, plain.num_envs), generator=torch.Generator().manual_seed(0)):
        ours, memory = policy.act(seen, memory, first)
        theirs, state = model.policy.predict(inputs, state=state, episode_start=starts, deterministic=True)
        np.testing.assert_array_equal(theirs, ours.numpy())
        chosen.append(theirs)
        seen, _, terminated, truncated, _ = plain.step(action)
        inputs, _, starts, _ = vec.step(action.numpy())
        first = terminated | truncated
        np.testing.assert_array_equal(starts, first.numpy())
    assert len(np.unique(chosen)) >= 2  # it does not do the same all the time
    plain.close()
    learner.close()


@pytest.mark.parametrize("name", [*LEARNERS, "torchrl_ppo"])
def test_weights_go_in_and_out_and_resume_is_exact(name: str, policy: Policy) -> None:
    """Without updates the policy comes out as it went in; a state that was saved and loaded goes on to the bit."""
    before = weights(policy)
    learner = make(name, policy)
    out = weights(learner.policy())
    assert out.keys() == before.keys()
    assert all(torch.equal(out[key], value) for key, value in before.items())
    learner.iterate()
    assert all(torch.equal(value, before[key]) for key, value in weights(policy).items())  # it has a copy
    file = io.BytesIO()
    torch.save(learner.state(), file)
    went = learner.iterate()
    learner.close()
    file.seek(0)
    resumed = make(name, policy, seed=77)
    resumed.restore(torch.load(file, weights_only=False))
    torch.rand(5)  # somebody else draws
    again = resumed.iterate()
    resumed.close()
    assert resumed.steps == learner.steps == 2 * 30
    timeless = [{key: value for key, value in one.items() if not key.startswith("time/")} for one in (went, again)]
    assert timeless[0] == timeless[1]
    final, resumed_final = weights(learner.policy()), weights(resumed.policy())
    assert all(torch.equal(value, resumed_final[key]) for key, value in final.items())
    assert any(not torch.equal(value, before[key]) for key, value in final.items())


def test_scalars_name_episodes_losses_and_stages(policy: Policy) -> None:
    """Episodes that ended have return, success and SPL; every stage has its time; the learner's streams are its own."""
    learner = make("ppo", policy)
    stream = torch.get_rng_state()
    scalars = learner.iterate()
    learner.close()
    assert torch.equal(torch.get_rng_state(), stream)
    wanted = {"rollout/return", "rollout/success", "rollout/spl", "train/loss", "train/entropy_loss"}
    stages = {"time/environment_s", "time/inference_s", "time/learning_s"}
    assert wanted | stages <= set(scalars)
    assert all(scalars[name] > 0 for name in stages)
    assert scalars["rollout/episodes"] >= 3


def test_critic_learns_first(policy: Policy) -> None:
    """As long as `critic_steps` says, nothing but the critic changes."""
    before = weights(policy)
    learner = make("recurrent_ppo", policy, critic_steps=30)
    learner.iterate()
    changed = {key for key, value in weights(learner.policy()).items() if not torch.equal(value, before[key])}
    assert changed == {"critic.weight", "critic.bias"}
    learner.iterate()
    learner.close()
    assert not torch.equal(learner.policy().network.actor.weight, before["actor.weight"])


def test_senses_forget_where_an_episode_begins(policy: Policy) -> None:
    """Row by row the sensed environment gives what the policy senses, also of the last observation of an episode."""
    sensed = SensedVectorEnv(make_environment(ENVIRONMENT, "cpu", autoreset="same_step"), policy.senses)
    plain = make_environment(ENVIRONMENT, "cpu", autoreset="disabled")
    inputs, _ = sensed.reset(seed=4)
    seen, _ = plain.reset(seed=4)
    nothing, memory = torch.zeros(3, dtype=torch.bool), policy.senses.begin(3)
    expected, memory = policy.senses.observe(seen, memory, ~nothing)
    actions = torch.randint(0, 4, (20, 3), generator=torch.Generator().manual_seed(2))
    endings = 0
    for action in actions:
        inputs, _, terminated, truncated, info = sensed.step(action)
        seen, *_ = plain.step(action)
        expected, memory = policy.senses.observe(seen, memory, nothing)
        ended = terminated | truncated
        if ended.any():
            endings += 1
            for name, value in expected.items():
                assert torch.equal(info["final_obs"][name], value)
            seen, _ = plain.reset(options={"reset_mask": ended.numpy()})
            kept = {name: value.clone() for name, value in memory.items()}
            begun, memory = policy.senses.observe(seen, kept, ended)
            expected = {name: torch.where(_wide(ended, v), begun[name], v) for name, v in expected.items()}
        for name, value in expected.items():
            assert torch.equal(inputs[name], value), name
    assert endings > 3
    plain.close()
    sensed.close()


def test_what_was_held_is_an_observation(policy: Policy) -> None:
    """A row that ended begins with nothing held; its last observation has what was held then."""
    learner = make("ppo", policy)
    vec = learner._model.env
    assert isinstance(vec, HiddenVecEnv)
    vec.seed(0)
    seen = vec.reset()
    assert not seen[HIDDEN].any()
    learner._model.policy.predict(seen, deterministic=True)
    seen, _, ended, infos = vec.step(np.array([0, 1, 2]))
    learner.close()
    assert ended.tolist() == [True, False, False]
    assert not seen[HIDDEN][0].any()
    assert seen[HIDDEN][1].any()
    assert infos[0]["terminal_observation"][HIDDEN].any()


def test_sequences_bootstrap_where_an_episode_was_cut(policy: Policy) -> None:
    """Advantages are those of the definition, with the value of the last observation where time was up."""
    learner = make("torchrl_ppo", policy, n_steps=24, batch_size=24, gamma=0.9, gae_lambda=0.8)
    learner.iterate()
    rollout = learner._collect()
    learner.close()
    names = ("reward", "done", "terminated", "state_value")
    reward, done, terminated, following = (rollout["next", name][..., 0].double().numpy() for name in names)
    value, idle = rollout["state_value"][..., 0].double().numpy(), rollout["idle"].numpy()
    np.testing.assert_array_equal(following[:, :-1], value[:, 1:])
    ended = (done > 0) & ~idle
    np.testing.assert_array_equal(idle[:, 1:], ended[:, :-1])  # the step after an ending is not acted in
    np.testing.assert_array_equal(rollout["first"].numpy()[:, 1:], idle[:, :-1])
    assert (ended & (terminated == 0)).any()
    # A_t = r_t + gamma V_{t+1} (1 - terminated) - V_t + gamma lambda A_{t+1} (1 - done); Schulman et al. 2016, (16)
    expected, later = np.zeros_like(value), np.zeros(len(value))
    for step in range(value.shape[1] - 1, -1, -1):
        change = reward[:, step] + 0.9 * following[:, step] * (1 - terminated[:, step]) - value[:, step]
        later = change + 0.9 * 0.8 * later * (1 - done[:, step])
        expected[:, step] = later
    np.testing.assert_allclose(rollout["advantage"][..., 0].numpy(), expected, rtol=1e-4, atol=1e-5)


def _wide(rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A mask of rows with the dimensions of an array."""
    return rows.view(-1, *[1] * (like.ndim - 1))
