"""Policies: rows are independent, files give back what was saved, what does not fit is told."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.policies.choice import ChoiceSettings
from avi_env.policies.files import load_policy, load_weights, save_policy, save_weights
from avi_env.policies.networks import NETWORKS
from avi_env.policies.policy import make_policy, make_spec

ENVIRONMENT = {
    "task": "AudioNav",
    "width": 64,
    "height": 64,
    "sensors": ["depth", "audio", "spectrogram", "pose", "goal"],
}
LARGEST = 10e6  # [bytes] that a policy's file may have


def _observation(batch: int, seed: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {
        "depth": 4.0 * torch.rand(batch, 64, 64, 1, generator=draw),
        "audio": torch.randn(batch, 2, 16000, generator=draw),
        "spectrogram": torch.rand(batch, 65, 26, 2, generator=draw),
        "pose": torch.randn(batch, 4, generator=draw),
        "goal": torch.rand(batch, 2, generator=draw),
    }


def _walk(policy, batch: int, rows: slice) -> torch.Tensor:
    memory, first = policy.begin(batch), torch.ones(batch, dtype=torch.bool)
    said = []
    for step in range(4):
        seen = {name: value[rows] for name, value in _observation(3, step).items()}
        inputs, memory = policy.sense(seen, memory, first)
        output, memory = policy.think(inputs, memory, first)
        said.append(output.logits.detach())
        first = torch.full((batch,), step == 1)
    return torch.stack(said)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_rows_do_not_depend_on_the_batch(network: str) -> None:
    """An agent alone says what it says beside two others, over an episode that begins anew, too."""
    policy = make_policy(make_spec({"network": network}, ENVIRONMENT), seed=1)
    together = _walk(policy, 3, slice(0, 3))
    for row in range(3):
        # matrix products of another size may add up in another order
        assert_allclose(_walk(policy, 1, slice(row, row + 1))[:, 0], together[:, row], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_file_gives_back_the_policy(network: str, tmp_path) -> None:
    """Weights come back as they were, to half precision; the file is within its limit; names and settings stay."""
    policy = make_policy(make_spec({"network": network}, ENVIRONMENT), seed=2)
    file = save_policy(tmp_path, policy)
    assert file.stat().st_size < LARGEST
    again = load_policy(tmp_path)
    assert again.spec == policy.spec
    assert again.spec.settings["hidden"] == NETWORKS[network].hidden  # told, not left to what the defaults will be
    for name, value in policy.network.state_dict().items():
        assert_array_equal(again.network.state_dict()[name], value.half().float())


def test_settings_of_a_recipe_reach_the_network() -> None:
    """Those that are given, as deep as they are; the others stay."""
    table = {"network": "av_nav", "hidden": 64, "senses": {"map": False}, "cues": {"features": 32}}
    policy = make_policy(make_spec(table, ENVIRONMENT), seed=0)
    assert policy.network.memory.hidden_size == 64
    assert policy.sensors == ("depth", "audio", "pose")
    assert "map" not in policy.network.parts
    assert policy.network.settings.cues.features == 32
    assert policy.network.settings.cues.width == NETWORKS["av_nav"].cues.width


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"network": "av_naw"}, "av_nav"),
        ({"hiden": 3}, "hidden"),
        ({"senses": {"depht": True}}, "depth"),
        ({"senses": {"sound": "cue"}}, "cues"),
    ],
)
def test_wrong_names_are_told_with_the_right_one(table, message: str) -> None:
    """Of networks, settings, senses and inputs."""
    with pytest.raises(ValueError, match=message):
        make_spec(table, ENVIRONMENT)


def test_how_actions_are_chosen_is_kept_with_the_weights(tmp_path) -> None:
    """From the recipe into the file and back; a wrong number is told."""
    policy = make_policy(make_spec({"hidden": 32, "stop_probability": 0.9, "temperature": 0.5}, ENVIRONMENT), seed=0)
    save_policy(tmp_path, policy)
    assert load_policy(tmp_path).spec.choice == ChoiceSettings(0.9, 0.5)
    with pytest.raises(ValueError, match="stop_probability"):
        make_spec({"stop_probability": 2.0}, ENVIRONMENT)
    with pytest.raises(ValueError, match="temperature"):
        make_spec({"temperature": -1.0}, ENVIRONMENT)


def test_drawn_actions_do_not_depend_on_the_batch() -> None:
    """A row alone, and the same one in the second place of a batch, another episode ending beside it: same actions."""
    table = {"network": "point_nav", "hidden": 32, "temperature": 1.0, "senses": {"map": False, "way": False}}
    policy = make_policy(make_spec(table, ENVIRONMENT), seed=0)
    policy.network.actor.bias.data[0] = -5.0  # no stops
    goals = torch.randn(12, 1, 2, generator=torch.Generator().manual_seed(1)).abs()
    seen = {"depth": torch.ones(1, 64, 64, 1), "pose": torch.zeros(1, 4)}

    def walk(rows: int) -> list[int]:
        memory, actions = policy.begin(rows), []
        for at, goal in enumerate(goals):
            first = torch.tensor([at in (0, 5), at == 0])[-rows:]
            batch = {name: value.expand(rows, *value.shape[1:]) for name, value in {**seen, "goal": goal}.items()}
            chosen, memory = policy.act(batch, memory, first)
            actions.append(int(chosen[-1]))
        return actions

    alone = walk(1)
    assert walk(2) == alone
    assert len(set(alone)) > 1


def test_same_seed_same_weights() -> None:
    """And torch's own stream is where it was."""
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, other = (make_policy(make_spec({}, ENVIRONMENT), seed=4) for _ in range(2))
    assert_array_equal(torch.random.get_rng_state(), before)
    for name, value in one.network.state_dict().items():
        assert_array_equal(other.network.state_dict()[name], value)


def test_files_that_are_not_whole_or_not_ours_are_told(tmp_path) -> None:
    """Cut short, of something else, of another network, not there."""
    policy = make_policy(make_spec({}, ENVIRONMENT), seed=0)
    file = save_policy(tmp_path, policy)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="no whole file of weights"):
        load_policy(tmp_path)
    save_weights(file, {"x": torch.zeros(2)}, {"kind": "something"})
    with pytest.raises(ValueError, match=r"not avi_env\.policy of schema 1"):
        load_policy(tmp_path)
    file.write_bytes(whole)
    tensors, metadata = load_weights(file)
    save_weights(file, {**tensors, "actor.bias": torch.zeros(5)}, metadata)
    with pytest.raises(ValueError, match=r"does not fit.*actor\.bias"):
        load_policy(tmp_path)
    with pytest.raises(FileNotFoundError, match="avi train"):
        load_policy(_empty(tmp_path))


def _empty(folder):
    empty = folder / "empty"
    empty.mkdir()
    return empty
