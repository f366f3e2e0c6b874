"""What the acoustics cost: bake, step, traced response, memory, and impulse responses a second.

Times are CPU time of this process, the least of several runs after a warm-up: what one undisturbed core would take.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.bake import bake_field
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.formulas import eyring_rt60, kuttruff_rt60
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.metrics import room_metrics
from avi_env.acoustics.rir import render_rir, render_rirs
from avi_env.acoustics.soundscape import Soundscape
from avi_env.bench.acoustics_crosscheck import hybrid_room
from avi_env.bench.acoustics_rows import Effort, Findings, Row
from avi_env.bench.acoustics_scenes import SIZE, SOURCE, SURFACE, VOLUME, box_room
from avi_env.bench.variables import fresh_cache
from avi_env.scene import Scene, emission_point, emitting_objects, generate_house
from avi_env.scene.bank import SceneBank
from avi_env.sounds import make_clip

__all__ = ["HOUSE_SEED", "bake", "large_house", "memory", "rir_rate", "seconds_of", "step", "traced_rir"]

FloatArray = npt.NDArray[np.floating[Any]]

HOUSE_SEED = 8
"""Six rooms and more than 20 000 triangles."""

_ROOMS = 6
_RATE = 16000
_STEP_SECONDS = 0.25
_SOURCES = 4  # in the house, shared by the rows of a batch
_STEPS = 20  # timed together: one of them is too short for the clock
_BAKES = 8  # sources that are baked
_MORE = 4  # times as many runs of what takes milliseconds
_RATE_ABSORPTION, _RATE_SCATTERING = 0.2, 1.0  # diffuse walls: the room that the formulas are about
_RATE_BANDS = (2, 3, 4)  # 500 Hz to 2 kHz
_FREE = 0.6  # [m] of the listeners from the walls: more than the detector sphere of the peer


def large_house() -> Scene:
    """Returns the furnished house that bakes are timed in."""
    return generate_house(HOUSE_SEED, rooms=_ROOMS)


def seconds_of(work: Callable[[int], object], repeats: int) -> float:
    """Returns the least CPU time [s] of some runs of `work`, which gets the run's number, after one to warm up."""
    work(0)
    found = []
    with _one_thread():
        for run in range(1, repeats + 1):
            start = time.process_time()
            work(run)
            found.append(time.process_time() - start)
    return min(found)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch to one thread: more of them spin for work this small, and CPU time counts their spinning."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def bake(effort: Effort) -> Findings:
    """Bakes the fields of some sources over all listener cells of a furnished house of six rooms."""
    scene = large_house()
    chosen = emitting_objects(scene)[: _BAKES if effort.repeats > 1 else 1]
    times = [
        1e3 * seconds_of(partial(_bake_anew, scene, emission_point(item), effort), effort.repeats) for item in chosen
    ]
    cells = len(bake_field(scene, emission_point(chosen[0]), seed=effort.seed, device=effort.device).cells)
    note = f"{len(scene.rooms)} rooms, {len(scene.triangles)} triangles, {cells} cells"
    if len(times) > 1:
        note += f"; median of {len(times)} sources, {min(times):.0f} to {max(times):.0f} ms"
    return Findings((Row("bake of one source", float(np.median(times)), "ms", at_most=500.0, note=note),))


def _bake_anew(scene: Scene, source: FloatArray, effort: Effort, run: int) -> None:
    bake_field(scene, source, seed=effort.seed + run, device=effort.device, cached=False)


def memory(effort: Effort) -> Findings:
    """What one baked source takes: energies of all cells, wavefront of all columns."""
    scene = large_house()
    field = bake_field(scene, emission_point(emitting_objects(scene)[0]), seed=effort.seed, device=effort.device)
    size = _bytes(field)
    note = f"{size / len(field.cells) / 1e3:.1f} kB a cell, wavefront included"
    return Findings((Row("memory of one source", size / 1e6, "MB", note=note),))


def _bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if dataclasses.is_dataclass(value):
        return sum(_bytes(getattr(value, item.name)) for item in dataclasses.fields(value))
    return 0


def step(effort: Effort) -> Findings:
    """Lookup and synthesis of a step of 0.25 s with one source at 16 kHz, for one listener and for a batch."""
    scene = large_house()
    emitters = [
        Emitter(make_clip(item.emits[0], seed=0, sample_rate=_RATE), emission_point(item).astype(np.float32))
        for item in emitting_objects(scene)[:_SOURCES]
    ]
    rows = []
    for count in effort.batches:
        listen = _listeners(scene, emitters, count, effort)
        micro = 1e6 * seconds_of(listen, _MORE * effort.repeats) / _STEPS
        target = 1500.0 if count == 1 else None
        rate = (
            f"{1e6 / micro * count:.0f} steps a second and core, {1e6 * _STEP_SECONDS * count / micro:.0f} x real time"
        )
        rows.append(Row(f"step of 0.25 s, batch of {count}", micro, "us", at_most=target, note=rate))
    return Findings(tuple(rows))


def _listeners(scene: Scene, emitters: list[Emitter], count: int, effort: Effort) -> Callable[[int], None]:
    """Returns some steps of listeners that walk on a little with each, every one of them with a source of its own."""
    bank = SceneBank((scene,), effort.device)
    scape = Soundscape(count, 1, load_hrtf("kemar", _RATE), device=effort.device)
    for row in range(count):
        scape.set_source(row, 0, scene, emitters[row % len(emitters)])
    cells = bake_field(scene, emitters[0].position, device=effort.device).cells
    chosen = np.random.default_rng(effort.seed).integers(len(cells), size=(_STEPS, count))
    ears = torch.from_numpy(cells[chosen]).to(bank.device)
    rows = torch.arange(count, device=bank.device)
    index, yaw = torch.zeros_like(rows, dtype=torch.int32), torch.zeros(count, device=bank.device)
    samples = round(_STEP_SECONDS * _RATE)

    def listen(run: int) -> None:
        stream = scape.start(rows)
        for number in range(_STEPS):
            clock = torch.full_like(rows, number * samples)
            _, stream = scape.listen(bank, stream, rows, index, ears[number], yaw + number, clock, samples)
        if bank.device.type == "cuda":
            torch.cuda.synchronize()

    return listen


def traced_rir(effort: Effort) -> Findings:
    """A traced binaural response in the same house, and the baked one."""
    scene = large_house()
    source = emission_point(emitting_objects(scene)[0])
    listener = np.array([*np.array(scene.rooms[0].polygon).mean(axis=0), 1.5])[[0, 2, 1]]
    rows = []
    for mode in ("traced", "baked"):
        seconds = seconds_of(
            lambda run, mode=mode: render_rir(scene, source, listener, 0.0, _RATE, mode, seed=effort.seed + 8000),  # type: ignore[misc]
            max(effort.repeats // 2, 1),
        )
        note = "binaural, 16 kHz" + (", field already baked" if mode == "baked" else "")
        rows.append(Row(f"one {mode} response", 1e3 * seconds, "ms", note=note))
    return Findings(tuple(rows))


def rir_rate(effort: Effort) -> Findings:
    """Impulse responses a second for a shoebox of listeners, and how right their decay is, against the hybrid's."""
    rng = np.random.default_rng(effort.seed)
    listeners = _FREE + rng.random((effort.listeners, 3)) * (np.array(SIZE) - 2.0 * _FREE)
    scene = box_room(_RATE_ABSORPTION, _RATE_SCATTERING)
    count = len(listeners)

    def ours(run: int) -> FloatArray:
        return render_rirs(scene, [SOURCE], listeners, 0.0, _RATE, "baked", "mono", seed=effort.seed + run)[0, :, 0]

    with fresh_cache():
        rate = count / seconds_of(ours, max(effort.repeats // 2, 1))
        own = _decay_errors(list(ours(0)))
    hybrid, note = "pyroomacoustics hybrid", f"mean of {count} listeners, 500 Hz to 2 kHz"
    rows = []
    # Its rays end at an energy: by default so early that tails are cut; whole tails take it longer.
    for what, threshold, target in (("", 1e-7, 20.0), (", tails whole", 1e-10, None)):
        responses: list[FloatArray] = []
        peer = count / seconds_of(partial(_hybrid_responses, listeners, effort.rays, threshold, responses), 1)
        given = f"{count} listeners, mono, 16 kHz"
        rows.append(Row("impulse responses" + what, rate, "1/s", hybrid + what, peer, relative=True, note=given))
        rows.append(Row("times pyroomacoustics" + what, rate / peer, "x", at_least=target))
        for formula, error, other in zip(("Eyring", "Kuttruff"), own, _decay_errors(responses), strict=True):
            rows.append(Row(f"T30 error against {formula}{what}", error, "of 1", hybrid + what, other, note=note))
    return Findings(tuple(rows))


def _hybrid_responses(
    listeners: FloatArray, rays: int, threshold: float, responses_out: list[FloatArray], _run: int
) -> None:
    """Lets the other simulator compute the responses at all listeners; every run traces the same rays."""
    room = hybrid_room(_RATE_ABSORPTION, _RATE_SCATTERING, listeners, rays, threshold)
    room.compute_rir()
    responses_out[:] = [np.asarray(row[0], dtype=np.float64) for row in room.rir]


def _decay_errors(responses: list[FloatArray]) -> tuple[float, float]:
    """Returns the mean T30 of responses against Eyring's and Kuttruff's, as shares."""
    bands = list(_RATE_BANDS)
    found = np.nanmean([room_metrics(response, _RATE).T30[bands] for response in responses], axis=0)
    air = AIR_ENERGY_PER_METRE[bands]
    eyring, kuttruff = (
        float(np.mean(found / formula(VOLUME, SURFACE, _RATE_ABSORPTION, air) - 1.0))
        for formula in (eyring_rt60, kuttruff_rt60)
    )
    return eyring, kuttruff
