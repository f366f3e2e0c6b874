"""Files of weights: safetensors, with all that makes the policy in their metadata."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from avi_env.content import content_path
from avi_env.policies.networks import NavNetwork
from avi_env.policies.policy import Policy, PolicySpec, network_settings
from avi_env.whole_file import whole_file

__all__ = ["WEIGHTS", "load_policy", "load_weights", "save_policy", "save_weights"]

WEIGHTS = "weights.safetensors"
"""Name of the file in a policy's folder."""

_KIND, _SCHEMA = "avi_env.policy", 1


def save_policy(folder: str | Path, policy: Policy) -> Path:
    """Writes a policy's weights, half as precise as they were learnt, and returns the file."""
    metadata = {"kind": _KIND, "schema": _SCHEMA, "spec": dataclasses.asdict(policy.spec)}
    return save_weights(Path(folder) / WEIGHTS, policy.network.state_dict(), metadata)


def load_policy(policy: str | Path) -> Policy:
    """Returns a policy, its weights on the CPU.

    Args:
        policy: name of a folder of policies/, or the path of a folder or a file of your own.

    Raises:
        FileNotFoundError: it has no weights.
        ValueError: no such policy, the file is cut short or holds something else; the message says which.
    """
    path = weights_path(policy)
    tensors, told = weights_of_kind(path, _KIND, _SCHEMA)
    spec = PolicySpec(**told)
    network = NavNetwork(network_settings(spec))
    fill_network(network, tensors, path)
    return Policy(spec, network.eval())


def weights_of_kind(path: Path, kind: str, schema: int) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Returns the tensors of a file of one kind and the spec in its metadata.

    Raises:
        ValueError: the file is not whole, or of another kind or schema.
    """
    tensors, metadata = load_weights(path)
    if (metadata.get("kind"), metadata.get("schema")) != (kind, schema):
        held = f"{metadata.get('kind', 'weights of another program')}, schema {metadata.get('schema', '?')}"
        raise ValueError(f"{path} holds {held}, not {kind} of schema {schema}")
    return tensors, metadata["spec"]


def fill_network(network: nn.Module, tensors: Mapping[str, torch.Tensor], path: Path, left_out: str = "-") -> None:
    """Gives a network the weights of a file.

    Args:
        network: of the shapes of the file's tensors.
        tensors: by name, in any precision.
        path: of the file, for errors.
        left_out: ending of the names that files do not hold.

    Raises:
        ValueError: other names or shapes; the message has the first of them.
    """
    wanted = {name: value.shape for name, value in network.state_dict().items() if not name.endswith(left_out)}
    found = {name: value.shape for name, value in tensors.items()}
    if wanted != found:
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise ValueError(f"{path} does not fit the {type(network).__name__} of this version: {', '.join(wrong[:5])}")
    network.load_state_dict({name: value.float() for name, value in tensors.items()}, strict=False)


def weights_path(policy: str | Path) -> Path:
    """Returns the file with the weights of a policy, by name or path.

    Raises:
        FileNotFoundError: there is none.
        ValueError: no such policy.
    """
    path = content_path("policies", policy)
    path = path / WEIGHTS if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"there are no weights at {path}: train them with `avi train`")
    return path


def save_weights(path: str | Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> Path:
    """Writes tensors in half precision, with metadata as JSON, completely or not at all; returns the file."""
    from safetensors.torch import save_file

    halves = {name: value.detach().to("cpu", torch.float16).contiguous() for name, value in tensors.items()}
    with whole_file(path) as part:
        save_file(halves, part, {"avi_env": json.dumps(metadata, sort_keys=True)})
    return Path(path)


def load_weights(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Returns the tensors of a file and its metadata.

    Raises:
        ValueError: the file is cut short, is no safetensors file, or was not written by `save_weights`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("avi_env", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, metadata
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no whole file of weights ({error}): copy or train it again") from error
