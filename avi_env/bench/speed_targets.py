"""What issue and design ask of the whole: rates of full steps, resets, several processes, memory."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from avi_env.bench.scenes_suite import result_row
from avi_env.bench.speed_memory import watched_memory
from avi_env.bench.speed_rows import SpeedEffort, SpeedFindings, at_least, at_most, ratio_row, time_row
from avi_env.bench.speed_steps import DEPTH_SOUND, ENVIRONMENT, FULL, Walk
from avi_env.bench.speed_timing import Load, Timing, Work, machine_device, settle, synchronize, timed_rounds
from avi_env.bench.variables import fresh_cache, variable
from avi_env.envs.seats import Waits

__all__ = ["memory", "rates", "resets", "several_processes"]

_ONE, _EIGHT, _DEPTH, _TWO = 150.0, 200.0, 400.0, 1.7  # environment steps a second; times one process
_RESIDENT, _GROWTH = 1500.0, 20.0  # [MB]
_DEVICE_MEMORY = 1.0  # [MB] an environment beyond the shared scenes
_RESET_RATIO = 1.0
_WORKERS = {"context": "spawn", "copy": False}
"""Of Gymnasium's asynchronous environment: what a step returns holds until the next one, as training takes it."""


def rates(effort: SpeedEffort) -> SpeedFindings:
    """Full steps a second of one environment and of a batch, and of the usual input of reinforcement learning."""
    return _cuda_rates(effort) if effort.device.startswith("cuda") else _cpu_rates(effort)


def _cpu_rates(effort: SpeedEffort) -> SpeedFindings:
    device, houses, batch = machine_device("cpu"), f"houses:{effort.houses}", min(8, effort.counts[-1])
    threads = f"{torch.get_num_threads()} threads"
    small = {"size": effort.size // 2, "modality": DEPTH_SOUND}
    cases: tuple[tuple[str, int, dict[str, Any], float | None, str], ...] = (
        ("full step, one environment", 0, {"size": effort.size}, _ONE, f"gym.make, {FULL.name}"),
        (f"full step, batch of {batch}", batch, {"size": effort.size}, _EIGHT, f"gym.make_vec, {FULL.name}"),
        ("depth and spectrogram, one environment", 0, small, None, "gym.make"),
        (f"depth and spectrogram, batch of {batch}", batch, small, _DEPTH, "gym.make_vec"),
    )
    with ExitStack() as stack:
        stack.enter_context(fresh_cache())
        works = []
        for number, (name, count, given, *_) in enumerate(cases):
            seed = effort.seed + 7000 + number
            walk = Walk(count, device, seed, scenes=houses, stop_every=effort.stop_every, **given)
            walk.rehearse(effort.rehearsal // max(count, 1))
            works.append(stack.enter_context(closing(walk)).work(name))
            effort.on_step()
        found = timed_rounds(works, effort.rounds, 2.0 * effort.step_seconds, device, effort.on_step)
    rows = []
    for name, _, given, target, how in cases:
        note = f"{how}, {given['size']} x {given['size']}, {effort.houses} generated houses, {threads}"
        rows.append(time_row("targets", name, found[name], "1/s", None if target is None else at_least(target), note))
    return SpeedFindings(rows, {})


def _cuda_rates(effort: SpeedEffort) -> SpeedFindings:
    """Returns the rates at the larger size; those at the smaller one are the curve over the batch."""
    device, size = machine_device(effort.device), effort.sizes[-1]
    counts = [count for count in (256, 1024, 4096) if count <= effort.counts[-1]] or [effort.counts[-1]]
    with ExitStack() as stack:
        stack.enter_context(fresh_cache())
        works = []
        for number, count in enumerate(counts):
            options: dict[str, Any] = {"scenes": f"houses:{effort.houses}", "size": size}
            walk = Walk(count, device, effort.seed + 7000 + number, stop_every=effort.stop_every, **options)
            works.append(stack.enter_context(closing(walk)).work(f"full step, {size}x{size}, N = {count}"))
            effort.on_step()
        found = timed_rounds(works, effort.rounds, 2.0 * effort.step_seconds, device, effort.on_step)
    note = f"{FULL.name}, {effort.houses} generated houses, tensors on the device"
    return SpeedFindings([time_row("targets", name, timing, "1/s", note=note) for name, timing in found.items()], {})


def several_processes(effort: SpeedEffort) -> SpeedFindings:
    """Gymnasium's asynchronous vector environment over two processes of one thread each, against one such process.

    All of them play the same episodes by different actions: nobody waits because another one has the larger house. What
    they hear is baked before.
    """
    if effort.device.startswith("cuda"):
        return SpeedFindings([], {})
    options: dict[str, Any] = {"scenes": f"houses:{effort.houses}", "width": effort.size, "height": effort.size}
    with ExitStack() as stack:
        stack.enter_context(fresh_cache())
        stack.enter_context(variable("OMP_NUM_THREADS", "1"))
        rounds, steps = 2 * effort.rounds, list[_Steps]()
        for count in (1, 2):
            envs = gym.make_vec(
                ENVIRONMENT, num_envs=count, vectorization_mode="async", vector_kwargs=_WORKERS, **options
            )
            steps.append(_Steps(stack.enter_context(closing(envs)), effort.seed, effort.rehearsal // rounds))
            steps[-1].rehearse(rounds + 3)  # one below, two to warm up
            effort.on_step()
        for one in steps:  # next episodes are ordered with the first steps, and prepared in the workers
            one()
        time.sleep(effort.prepare_seconds)
        works = [Work(str(one.count), one, one.count * one.block) for one in steps]
        found = timed_rounds(works, rounds, 0.0, torch.device("cpu"), effort.on_step)
    note = f"{FULL.name}, {effort.size} x {effort.size}, copy=False, one thread each, {os.cpu_count()} cores"
    rows = [
        time_row("targets", f"asynchronous, {count} process{'es' if count == '2' else ''}", found[count], "1/s")
        | {"note": note}
        for count in found
    ]
    rows.append(ratio_row("targets", "two processes over one", found["1"], found["2"], 1.0, at_least(_TWO), note))
    return SpeedFindings(rows, {})


class _Steps:
    """Blocks of steps of random walks in a vector environment of Gymnasium's own, whose rows play the same episodes.

    However fast it is, block k is of the same episodes: what a step costs depends on the house.
    """

    def __init__(self, envs: Any, seed: int, block: int) -> None:
        self._envs, self._seed = envs, seed
        self.count: int = envs.num_envs
        self.block = block
        self._begin()

    def __call__(self) -> None:
        for _ in range(self.block):
            self._envs.step(self._rng.choice(np.array([1, 1, 2, 3]), size=self.count))

    def rehearse(self, blocks: int) -> None:
        """Walks some blocks and goes back to the beginning."""
        for _ in range(blocks):
            self()
        self._begin()

    def _begin(self) -> None:
        self._rng = np.random.default_rng(self._seed)
        self._envs.reset(seed=[self._seed] * self.count)


def resets(effort: SpeedEffort) -> SpeedFindings:
    """Steps in which an environment begins a new episode against steps in which none does: 99th percentiles."""
    device, count = machine_device(effort.device), effort.count
    quiet: list[float] = []
    loud: list[float] = []
    load = Load()
    with fresh_cache():
        options: dict[str, Any] = {"scenes": f"houses:{effort.houses}", "size": effort.size}
        walk = Walk(count, device, effort.seed + 8000, stop_every=effort.reset_every, **options)
        walk.rehearse(effort.reset_steps)
        settle()
        before, begun = walk.env.unwrapped.waits, np.zeros(count, dtype=bool)
        with closing(walk), load:
            for step in range(effort.reset_steps):
                synchronize(device)
                begin = time.perf_counter()
                ended = walk.ended()
                if step >= min(20, effort.reset_steps // 4):  # warm by then
                    (loud if begun.any() else quiet).append(time.perf_counter() - begin)
                begun = ended  # NEXT_STEP: the reset is in the step after the end
            after, tables = walk.env.unwrapped.waits, walk.env.unwrapped.memory()
    waits = Waits(after.steps - before.steps, after.seconds - before.seconds)
    rows = _reset_rows(quiet, loud, waits, load, f"N = {count}, {effort.houses} houses")
    return SpeedFindings(rows + _table_rows(tables, count, effort.houses), {})


def _reset_rows(quiet: Sequence[float], loud: Sequence[float], waits: Waits, load: Load, note: str) -> list[Any]:
    rows, others = [], load.others
    tails = {}
    for name, values in (("without a reset", quiet), ("with a reset", loud)):
        if not values:
            continue
        tails[name] = float(np.quantile(values, 0.99))
        for share, value in (("median", float(np.median(values))), ("99 %", tails[name])):
            timing = Timing((value,), (value,), others)
            row = time_row("reset", f"step {name}, {share}", timing, "ms", note=f"{len(values)} steps, {note}")
            rows.append({k: v for k, v in row.items() if k != "by_process_time"})
    if len(tails) == 2:
        ratio = tails["with a reset"] / tails["without a reset"]
        row = result_row("reset", "step with a reset over one without, 99 %", ratio, "x", at_most(_RESET_RATIO), note)
        rows.append(row | {"others": round(others, 3)})
    note = f"{waits.seconds:.2f} s in all"
    rows.append(result_row("reset", "steps that waited for an episode", waits.steps, "", note=note))
    return rows


def _table_rows(tables: dict[str, int], count: int, houses: int) -> list[Any]:
    """Returns the rows of what the tables on the device take, those that environments share told from their own."""
    shared = sum(size for name, size in tables.items() if name == "grids" or name.startswith("scenes."))
    clips = tables["clips"]
    own = (tables["total"] - shared - clips) / count
    return [
        result_row("memory", f"tables of {houses} houses", shared / 1e6, "MB", note="shared by all environments"),
        result_row("memory", "clips with their reverberation", clips / 1e6, "MB", note="one for all that play it"),
        result_row("memory", "tables of an environment", own / 1e6, "MB", note=f"N = {count}, next episode included"),
    ]


def memory(effort: SpeedEffort) -> SpeedFindings:
    """Resident memory of environments in a process of their own, its growth over many steps, and device memory."""
    cuda, houses = effort.device.startswith("cuda"), f"houses:{effort.houses}"
    count = effort.memory_count
    found = watched_memory(effort.memory_steps, count, effort.device, houses, effort.size, effort.seed + 9000)
    effort.on_step()
    at, resident = np.array(found["step"]), np.array(found["resident_mb"])
    half = at >= at[-1] / 2
    slope = float(np.polyfit(at[half], resident[half], 1)[0])
    growth = slope * float(at[-1] - at[half][0])
    each = f"{1e3 * slope:.3f} kB a step"
    note = f"{effort.memory_steps} steps, {found['resets']} resets, {houses}, {effort.size} x {effort.size}"
    rows = [
        result_row("memory", "resident, most", found["peak_mb"], "MB", None if cuda else at_most(_RESIDENT), note),
        result_row("memory", "resident, at the end", float(resident[-1]), "MB", note=note),
        result_row("memory", "growth over the last half", growth, "MB", at_most(_GROWTH), each),
    ]
    if cuda and count:
        fewer = watched_memory(20, max(count // 4, 1), effort.device, houses, effort.size, effort.seed + 9000)
        more = (found["device_mb"] - fewer["device_mb"]) / (count - max(count // 4, 1))
        rows.append(result_row("memory", "device, an environment more", more, "MB", at_most(_DEVICE_MEMORY), note))
        rows.append(result_row("memory", f"device, {count} environments", found["device_mb"], "MB", note=note))
    return SpeedFindings(rows, {"memory": {"step": found["step"], "resident_mb": found["resident_mb"]}})
