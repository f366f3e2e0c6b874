"""The kernel of a whole step against the functions that each do a part of it, on random agents."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.navigation import GridBank, distance_field, move, random_points, walkable_grid
from avi_env.scene import load_scene
from avi_env.tasks import AudioNavTask, NavRules, evaluate, sna, soft_spl, spl
from avi_env.tasks.sound_localization import estimate_action
from avi_env.tasks.transition import COUNTS, FLAGS, NUMBERS, PLACES, SLOTS, Columns, Rules, Transition

COUNT = 64
LIMIT = 7  # actions
LEAD, STEP = 16000, 4000  # samples


def random_columns(points: np.ndarray, rng: np.random.Generator) -> Columns:
    """Agents in the middle of their episodes, on two grids, on every other of 2 COUNT seats."""
    places = rng.uniform(0.0, 5.0, (len(PLACES), COUNT, 3)).astype(np.float32)
    places[0] = points
    numbers = rng.uniform(0.1, 9.0, (len(NUMBERS), COUNT)).astype(np.float32)
    numbers[:2] = rng.uniform(-3.0, 3.0, (2, COUNT))
    counts = rng.integers(1, LIMIT + 1, (len(COUNTS), COUNT))
    counts[COUNTS.index("seat")] = 2 * np.arange(COUNT) + 1
    flags = rng.uniform(size=(len(FLAGS), COUNT)) < 0.3
    slots = np.tile(np.arange(COUNT) % 2, (len(SLOTS), 1)).astype(np.int32)
    return Columns(*(torch.from_numpy(table) for table in (places, numbers, slots, counts, flags)))


def test_step(device: str) -> None:
    """`_step`: motion, distance, reward, ends, measures and clocks are those of the functions; idle rows stay."""
    rng, task = np.random.default_rng(3), AudioNavTask(success_distance=3.0)
    grids = [walkable_grid(load_scene(name)) for name in ("shoebox:6x3x4", "house:1:living_room+bedroom")]
    bank = GridBank(grids, device)
    points = np.concatenate([random_points(grids[k % 2], rng, 1) for k in range(COUNT)])
    before = random_columns(points, rng)
    seats = [distance_field(grids[k // 2 % 2], random_points(grids[k // 2 % 2], rng, 1)) for k in range(2 * COUNT)]
    fields = torch.stack([bank.pad(field) for field in seats])[:, None].contiguous()
    action = torch.from_numpy(rng.integers(0, 4, COUNT))
    rules = Rules(task, 0.25, math.radians(15.0), 1.25, STEP, LEAD, LIMIT)
    arguments = (bank, fields, action.to(device), Columns(*(table.to(device) for table in before)))
    after = Columns(*(table.cpu() for table in Transition(rules, torch.device(device))(*arguments)))

    number = {name: after.numbers[row] for row, name in enumerate(NUMBERS)}
    known = {name: before.numbers[row] for row, name in enumerate(NUMBERS)}
    flag = {name: after.flags[row] for row, name in enumerate(FLAGS)}
    idle = before.flags[FLAGS.index("ended")]
    forward = 0.25 * ((action == 1) & ~idle)
    turn = math.radians(15.0) * ((action == 2).float() - (action == 3).float()) * ~idle
    cpu, slot = GridBank(grids), before.slots[0]
    motion = move(cpu, slot, before.places[0], known["yaw"], forward.float(), turn)
    distance = cpu.lookup(fields[1::2, 0].cpu(), slot, motion.position)
    outcome = evaluate((action == 0) & ~idle, distance, known["distance"], task)
    assert outcome.success.any()
    assert not outcome.success.all()
    assert_allclose(after.places[0], motion.position, rtol=0, atol=1e-5)
    assert_allclose(after.places[PLACES.index("ears")], motion.position + torch.tensor([0, 1.25, 0]), rtol=0, atol=1e-5)
    assert_array_equal(after.places[1:3], before.places[1:3])
    source, heard = PLACES.index("source"), PLACES.index("heard")
    assert_array_equal(after.places[source], before.places[source])
    assert_array_equal(after.places[heard], before.places[source])
    assert_allclose(number["yaw"], motion.yaw, rtol=0, atol=1e-6)
    assert_array_equal(flag["collided"], motion.collided)
    assert_allclose(number["distance"], distance, rtol=0, atol=1e-4)
    length = known["path_length"] + torch.linalg.vector_norm(motion.position - before.places[0], dim=1)
    assert_allclose(number["path_length"], length, rtol=0, atol=1e-5)
    assert_allclose(number["reward"], outcome.reward * ~idle, rtol=0, atol=1e-4)
    for name in ("start_yaw", "start_distance"):
        assert_array_equal(number[name], known[name])

    count = {name: after.counts[row] for row, name in enumerate(COUNTS)}
    earlier = {name: before.counts[row] for row, name in enumerate(COUNTS)}
    assert_array_equal(count["step_count"], earlier["step_count"] + (~idle).long())
    assert_array_equal(count["clock"], earlier["clock"] + 1)
    assert_array_equal(count["sound_clock"], LEAD + earlier["clock"] * STEP)
    assert_array_equal(flag["terminated"], outcome.terminated)
    assert_array_equal(flag["truncated"], (count["step_count"] >= LIMIT) & ~outcome.terminated & ~idle)
    assert_array_equal(flag["ended"], flag["terminated"] | flag["truncated"])
    assert_array_equal(flag["success"], outcome.success)
    start = known["start_distance"]
    assert_allclose(number["spl"], spl(outcome.success, start, length), rtol=0, atol=1e-5)
    assert_allclose(number["soft_spl"], soft_spl(distance, start, length), rtol=0, atol=1e-4)
    assert_allclose(number["sna"], sna(outcome.success, earlier["oracle_actions"], count["step_count"]), rtol=1e-6)


def shoebox_step(device: str, rules: Rules, action: np.ndarray, before: Columns) -> Columns:
    """A step of agents in a shoebox in which all goals are in one place."""
    grid = walkable_grid(load_scene("shoebox:6x3x4"))
    bank = GridBank([grid], device)
    field = bank.pad(distance_field(grid, random_points(grid, np.random.default_rng(1), 1)))
    fields = field.expand(2 * COUNT, 1, *field.shape).contiguous()
    columns = Columns(*(table.to(device) for table in before))
    moved = Transition(rules, torch.device(device))(bank, fields, torch.from_numpy(action).to(device), columns)
    return Columns(*(table.cpu() for table in moved))


def in_a_shoebox(rng: np.random.Generator) -> Columns:
    """Agents that have not ended, all in one shoebox."""
    columns = random_columns(random_points(walkable_grid(load_scene("shoebox:6x3x4")), rng, COUNT), rng)
    columns.slots[:] = 0
    columns.flags[FLAGS.index("ended")] = False
    return columns


def test_step_of_estimates(device: str) -> None:
    """`_step` judges estimates: azimuth and distance from the ears as they were, class, reward, averages."""
    rng = np.random.default_rng(5)
    rules = NavRules(step_penalty=0.0, progress_weight=0.0, success_reward=0.5, range_reward=0.5)
    before = in_a_shoebox(rng)
    row = {name: NUMBERS.index(name) for name in NUMBERS}
    count, kind = 5, rng.integers(0, 51, COUNT)
    named_before = rng.integers(0, count, COUNT)  # of 4 estimates; as many of those in place
    hits_before = np.minimum(rng.integers(0, count, COUNT), named_before)
    before.counts[COUNTS.index("step_count")], before.counts[COUNTS.index("answer")] = count - 1, torch.from_numpy(kind)
    before.numbers[row["lr_cd"]] = torch.from_numpy(named_before / (count - 1))
    before.numbers[row["er20"]] = torch.from_numpy(1.0 - hits_before / (count - 1))
    shift = (before.places[PLACES.index("heard")] - before.places[PLACES.index("ears")]).double().numpy()
    azimuth = np.arctan2(-shift[:, 0], -shift[:, 2]) - before.numbers[0].double().numpy()
    azimuth = azimuth + np.radians(rng.uniform(-40, 40, COUNT))
    away = np.linalg.norm(shift, axis=1) * rng.uniform(0.5, 2.5, COUNT)
    said = np.where(rng.uniform(size=COUNT) < 0.7, kind, (kind + 1) % 51)
    action = estimate_action(azimuth, away, said, rng.integers(1, 4, COUNT))
    code = action @ np.cumprod([1, 4, 360, 200])
    after = shoebox_step(device, Rules(rules, 0.25, 0.3, 1.25, STEP, LEAD, 0, answers="estimates"), code, before)

    told = np.radians(action[:, 1]) - (np.arctan2(-shift[:, 0], -shift[:, 2]) - before.numbers[0].double().numpy())
    apart = np.degrees(np.abs(np.arctan2(np.sin(told), np.cos(told))))
    exact = np.linalg.norm(shift, axis=1)
    wrong = np.abs(0.2 * 200.0 ** (action[:, 2] / 199) - exact) / exact
    named = said == kind
    right = named & (apart <= 20.0)
    assert 0 < right.sum() < named.sum() < COUNT
    names, hits = named_before + named, hits_before + right
    mean = {}
    for name, new in (("le_cd", apart), ("relative_distance_error", wrong)):
        old = before.numbers[row[name]].double().numpy()
        mean[name] = np.where(named, (np.where(named_before > 0, old * named_before, 0.0) + new) / names.clip(1), old)
    expected: dict[str, np.ndarray] = {
        "azimuth_error": apart,
        "range_error": wrong,
        "er20": 1.0 - hits / count,
        "f20": hits / (names + 0.5 * (count - names)),
        "lr_cd": names / count,
        "reward": right * (0.5 + 0.5 * np.maximum(1.0 - wrong, 0.0)),
        **mean,
    }
    e20, f20, le, lr = (expected[name] for name in ("er20", "f20", "le_cd", "lr_cd"))
    expected["seld"] = (e20 + 1 - f20 + le / 180 + 1 - lr) / 4
    for name, value in expected.items():
        assert_allclose(
            after.numbers[row[name]], value, rtol=1e-4, atol=2e-3 if "azimuth" in name else 1e-4, err_msg=name
        )
    assert_array_equal(after.flags[FLAGS.index("success")], right)
    assert not after.flags[FLAGS.index("ended")].any()


def test_step_of_answers(device: str) -> None:
    """`_step` ends with an answer, right or wrong, or with giving up; other actions move on."""
    rng = np.random.default_rng(6)
    before = in_a_shoebox(rng)
    before.counts[COUNTS.index("answer")] = torch.from_numpy(rng.integers(0, 8, COUNT))
    action = rng.integers(0, 12, COUNT)
    action[:8] = 4 + before.counts[COUNTS.index("answer"), :8].numpy()
    rules = NavRules(progress_weight=0.0)
    after = shoebox_step(device, Rules(rules, 0.25, 0.3, 1.25, STEP, LEAD, 0, answers="options"), action, before)
    right = action - 4 == before.counts[COUNTS.index("answer")].numpy()
    assert 8 <= right.sum() < COUNT
    assert_array_equal(after.flags[FLAGS.index("success")], right)
    assert_array_equal(after.flags[FLAGS.index("answered")], action >= 4)
    assert_array_equal(after.flags[FLAGS.index("terminated")], (action >= 4) | (action == 0))
    assert_allclose(after.numbers[NUMBERS.index("reward")], -0.01 + 10.0 * right, rtol=1e-6)
    moved = (after.places[0] - before.places[0]).norm(dim=1) > 0.0
    assert not moved[torch.from_numpy(action) != 1].any()
