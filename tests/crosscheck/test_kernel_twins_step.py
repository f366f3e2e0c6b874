"""The kernel of a whole step against the functions that each do a part of it, on random agents."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.navigation import GridBank, distance_field, move, random_points, walkable_grid
from avi_env.scene import load_scene
from avi_env.tasks import AudioNavTask, evaluate, sna, soft_spl, spl
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
