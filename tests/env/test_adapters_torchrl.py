"""TorchRL's environment over the native vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

pytest.importorskip("torchrl", reason="TorchRL is not installed: pip install 'avi-env[torchrl]'")

from avi_env.envs import ENV_IDS, FrameStack, TorchRLVecEnv

pytestmark = pytest.mark.filterwarnings("ignore:Creating .* is deprecated:DeprecationWarning")  # TorchRL's own classes

SMALL: dict[str, Any] = {
    "scene": "shoebox:6x3x4",
    "sensors": ("rgb", "goal"),
    "width": 16,
    "height": 16,
    "max_episode_steps": 4,
    "prefetch": False,
}


def native(**options: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Three silent rows that TorchRL resets."""
    return gym.make_vec(ENV_IDS[0], num_envs=3, **{"autoreset": "disabled", "output": "torch", **SMALL, **options})


def test_specs_are_what_comes() -> None:
    """TorchRL's own check passes; the batch is that of the rows; actions are numbers."""
    from torchrl.envs.utils import check_env_specs

    env = TorchRLVecEnv(native())
    assert env.batch_size == (3,)
    assert env.action_spec.shape == (3,)
    check_env_specs(env)


def test_rollout_is_the_native_one(device: str) -> None:
    """Observations, rewards, ends and measures of a rollout are those of the environment, rows reset as they end."""
    env, plain = TorchRLVecEnv(native(device=device)), native(device=device)
    env.set_seed(5)
    plain.reset(seed=5)
    state, (seen, _) = env.reset(seed=5), plain.reset(seed=5)
    for actions in ([1, 2, 0], [1, 2, 3], [2, 1, 1], [3, 3, 1], [1, 1, 1]):
        for key, value in seen.items():
            assert torch.equal(state[key], value), key
        action = torch.tensor(actions, device=device)
        result, following = env.step_and_maybe_reset(state.set("action", action))
        seen, reward, terminated, truncated, info = plain.step(action)
        after = result["next"]
        assert torch.equal(after["reward"][:, 0], reward)
        assert torch.equal(after["terminated"][:, 0], terminated)
        assert torch.equal(after["truncated"][:, 0], truncated)
        assert torch.equal(after["spl"], info["spl"])
        for key, value in seen.items():
            assert torch.equal(after[key], value), key
        ended = (terminated | truncated).cpu().numpy()
        if ended.any():
            seen, _ = plain.reset(options={"reset_mask": ended})
        state = following


def test_observations_are_not_copied() -> None:
    """What the environment returns is what the tensordict holds, and actions reach it as tensors."""
    inner = native()
    kept: dict[str, Any] = {}
    step = inner.step

    def spied(action: Any) -> Any:
        result = step(action)
        kept.update(action=action, **{key: value.data_ptr() for key, value in result[0].items()})
        return result

    inner.step = spied  # type: ignore[method-assign]
    env = TorchRLVecEnv(inner)
    state = env.reset()
    after = env.step(state.set("action", torch.tensor([1, 1, 1])))["next"]
    assert isinstance(kept["action"], torch.Tensor)
    assert [after[key].data_ptr() == kept[key] for key in ("rgb", "goal")] == [True, True]


def test_collector_runs() -> None:
    """A collector gathers frames over ends of episodes, from a wrapped environment too."""
    from torchrl.collectors import Collector

    env = TorchRLVecEnv(FrameStack(native(), 2, keys=("rgb",)))
    collector = Collector(env, None, frames_per_batch=18, total_frames=36)
    batches = [batch.clone() for batch in collector]
    collector.shutdown()
    assert [tuple(batch.batch_size) for batch in batches] == [(3, 6), (3, 6)]
    assert batches[0]["rgb"].shape == (3, 6, 2, 16, 16, 3)
    assert all(bool(batch["next", "done"].any()) for batch in batches)
    assert np.isfinite(batches[1]["next", "reward"].numpy()).all()


def test_what_cannot_be_adapted_is_refused() -> None:
    """Environments that reset by themselves, or return arrays, are refused with the remedy."""
    with pytest.raises(ValueError, match="autoreset='disabled', output='torch'"):
        TorchRLVecEnv(native(autoreset="next_step"))
    with pytest.raises(ValueError, match="autoreset='disabled', output='torch'"):
        TorchRLVecEnv(native(output="numpy"))
