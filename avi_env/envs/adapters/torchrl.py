"""TorchRL: its environment over the native vector environment, one tensordict for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import torch
from gymnasium.vector import AutoresetMode

try:  # this module is loaded when TorchRLVecEnv is asked for
    from torchrl.data import Composite, Unbounded
    from torchrl.envs import GymWrapper
    from torchrl.envs.libs.gym import default_info_dict_reader
except ImportError as error:
    raise ImportError("TorchRLVecEnv needs TorchRL: pip install 'avi-env[torchrl]'") from error

__all__ = ["TorchRLVecEnv"]

_TRUTHS = ("success", "answered", "collided")


class TorchRLVecEnv(GymWrapper):  # type: ignore[misc]
    """The native vector environment as TorchRL wants it: batch size (num_envs,), tensors, rows reset when asked.

    TorchRL's own GymWrapper does the work; this class asks it for what fits: actions and observations stay tensors on
    the environment's device and are not copied, and a mask of rows to reset may be on a device. Keep `copy=True`: a
    rollout is stacked when it has ended, and must not be overwritten before.

    Args:
        env: `gym.make_vec(id, num_envs, autoreset="disabled", output="torch", ...)`, wrapped or not.
        measures: measures of the episode that go into the tensordict beside the observations; "success", and "spl"
            where the task is to stop somewhere, if not given.
        keywords: of GymWrapper; actions are numbers unless `categorical_action_encoding=False`.

    Raises:
        ValueError: the vector environment resets by itself, or returns NumPy arrays.
    """

    def __init__(
        self, env: gym.vector.VectorEnv[Any, Any, Any], measures: Sequence[str] | None = None, **keywords: Any
    ) -> None:
        config = env.unwrapped.config  # type: ignore[attr-defined]
        if env.metadata["autoreset_mode"] is not AutoresetMode.DISABLED or config.output != "torch":
            raise ValueError(
                "TorchRL resets rows itself, and tensors: make_vec(..., autoreset='disabled', output='torch')"
            )
        env.autoreset_mode = AutoresetMode.DISABLED  # type: ignore[attr-defined]  # read by TorchRL; wrappers hide it
        given = {"device": config.device, "categorical_action_encoding": True, "convert_actions_to_numpy": False}
        super().__init__(env=env, **{**given, **keywords})
        if measures is None:
            measures = ("success", "spl") if config.played.answers == "stop" else ("success",)
        shape = (env.num_envs,)
        specs = {
            name: Unbounded(shape, dtype=torch.bool if name in _TRUTHS else torch.float32, device=self.device)
            for name in measures
        }
        self.set_info_dict_reader(default_info_dict_reader(list(measures), spec=Composite(specs, shape=shape)))

    def _replace_reset(self, reset: torch.Tensor | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Names the rows to reset, by a mask on the host wherever TorchRL's is."""
        if reset is None:
            return kwargs
        mask = reset.view(self.batch_size).cpu().numpy()
        return {**kwargs, "options": {**kwargs.get("options", {}), "reset_mask": mask}}
