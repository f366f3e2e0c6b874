"""What `avi bench speed` measures of the stages of a step and of whole steps, over sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import pairwise
from typing import Any

from avi_env.bench.speed_rows import SpeedEffort, SpeedFindings, at_least, at_most, ratio_row, time_row
from avi_env.bench.speed_stages import Hearing, Spectrograms, Views, Walking, arrays_work, measured_scene
from avi_env.bench.speed_steps import FULL, MODALITIES, Walk, saved
from avi_env.bench.speed_timing import Timing, Work, machine_device, timed_rounds
from avi_env.bench.variables import fresh_cache

__all__ = [
    "copies",
    "hearing",
    "navigation",
    "steps_batch",
    "steps_houses",
    "steps_modality",
    "steps_resolution",
    "steps_scene",
    "steps_sources",
    "vision",
]

_IMAGES = {"depth": ("depth",), "RGB-D": ("rgb", "depth")}
_DOUBLED = (1.8, 2.2)  # times as long with twice as many environments
_FINER = 1.15  # times as long with twice as many triangles, at most
_CUDA_STEPS, _CUDA_FRAMES = 50_000.0, 100_000.0  # a second
_NEVER = 10**12  # actions from one stop to the next
_SATURATED = {"cpu": 8, "cuda": 1024}  # environments beyond which twice as many take twice as long


def vision(effort: SpeedEffort) -> SpeedFindings:
    """Camera rays (a depth image) and shading (what colour takes on top), per view, over size, batch and triangles."""
    device, works = machine_device(effort.device), []
    scene = measured_scene(*effort.scenes[min(2, len(effort.scenes) - 1)])
    first = effort.counts[0]
    sized = [(f"{size}x{size}", first, size, scene) for size in effort.sizes]
    counted = [(f"N = {count}", count, effort.size, scene) for count in effort.counts[1::2]]
    scenes = [measured_scene(*of) for of in effort.scenes]
    cut = [(f"{_thousands(house)} triangles", effort.count, effort.size, house) for house in scenes]
    for what, count, size, house in (*sized, *counted, *cut):
        for kind, outputs in _IMAGES.items():
            works.append(Work(f"{kind}, {what}", Views(house, count, size, device, outputs), count))
    found = timed_rounds(works, effort.rounds, effort.seconds, device, effort.on_step)
    rows, curves = [], {}
    for key, cases in (("resolution", sized), ("count", counted), ("triangles", cut)):
        rays = [found[f"depth, {what}"] for what, *_ in cases]
        shading = [found[f"RGB-D, {what}"].less(ray) for ray, (what, *_) in zip(rays, cases, strict=True)]
        for (what, count, size, house), ray, shade in zip(cases, rays, shading, strict=True):
            note = f"a view of {size} x {size}, {len(house.triangles)} triangles, N = {count}"
            rows.append(time_row("stages", f"camera rays, {what}", ray, "us", note=note))
            rows.append(time_row("stages", f"shading, {what}", shade, "us", note=note))
        values = {"resolution": 2, "count": 1}.get(key)
        at = [len(case[3].triangles) if values is None else case[values] for case in cases]
        curves[f"vision_{key}"] = {"at": at, "camera rays": _micro(rays), "shading": _micro(shading)}
    if device.type == "cuda":
        name = f"RGB-D, {effort.sizes[0]}x{effort.sizes[0]}, N = {counted[-1][1]}"
        timing, limit = found[f"RGB-D, {counted[-1][0]}"], at_least(_CUDA_FRAMES)
        rows.append(time_row("targets", name, timing, "1/s", limit, f"images, {len(scene.triangles)} triangles"))
    return SpeedFindings(rows + _finer(found, cut), curves)


def _finer(found: Mapping[str, Timing], cases: Sequence[tuple[str, int, int, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of camera rays among twice as many triangles of the same surfaces."""
    rows = []
    for one, two in pairwise(cases):
        few, many = len(one[3].triangles), len(two[3].triangles)
        if many == 2 * few:
            limit = at_most(_FINER) if few < 60_000 else None
            name = f"camera rays, {one[0]} to {two[0]}"
            note = f"the same surfaces cut finer, {few} to {many}"
            rays = found[f"depth, {two[0]}"], found[f"depth, {one[0]}"]
            rows.append(ratio_row("doubling", name, *rays, 1.0, limit, note))
    return rows


def hearing(effort: SpeedEffort) -> SpeedFindings:
    """Acoustic look-up, synthesis of a step's waveform, and spectrogram, per environment, over batch and sources."""
    device, works = machine_device(effort.device), []
    scene = measured_scene(*effort.scenes[min(1, len(effort.scenes) - 1)])
    counted = [(f"N = {count}", count, 1) for count in effort.counts]
    sourced = [(f"{number} sources", effort.count, number) for number in effort.sources[1:]]
    with fresh_cache():
        for what, count, sources in (*counted, *sourced):
            listeners = Hearing(scene, count, sources, device, effort.seed)
            works.append(Work(f"look-up, {what}", listeners.look_up, count))
            works.append(Work(f"listen, {what}", listeners.listen, count))
        for what, count, _ in counted:
            works.append(Work(f"spectrogram, {what}", Spectrograms(count, device, effort.seed), count))
        found = timed_rounds(works, effort.rounds, effort.seconds, device, effort.on_step)
    rows: list[dict[str, Any]] = []
    curves: dict[str, Any] = {}
    for key, cases in (("count", counted), ("sources", sourced)):
        looked = [found[f"look-up, {what}"] for what, *_ in cases]
        played = [found[f"listen, {what}"].less(look) for look, (what, *_) in zip(looked, cases, strict=True)]
        for (what, count, sources), look, play in zip(cases, looked, played, strict=True):
            note = f"0.25 s at 16 kHz, binaural, N = {count}, {sources} at once"
            rows.append(time_row("stages", f"acoustic look-up, {what}", look, "us", note=note))
            rows.append(time_row("stages", f"synthesis, {what}", play, "us", note=note))
        at = [case[1 if key == "count" else 2] for case in cases]
        curves[f"hearing_{key}"] = {"at": at, "acoustic look-up": _micro(looked), "synthesis": _micro(played)}
    times = [found[f"spectrogram, {what}"] for what, *_ in counted]
    note = "1 s, binaural"
    for (what, *_), timing in zip(counted, times, strict=True):
        rows.append(time_row("stages", f"spectrogram, {what}", timing, "us", note=note))
    curves["hearing_count"]["spectrogram"] = _micro(times)
    return SpeedFindings(rows, curves)


def navigation(effort: SpeedEffort) -> SpeedFindings:
    """Moves, sliding included, and distances to the goals, per environment, over the batch."""
    device = machine_device(effort.device)
    scene = measured_scene(*effort.scenes[min(1, len(effort.scenes) - 1)])
    works = [Work(str(n), Walking(scene, n, device, effort.seed), n) for n in effort.counts]
    return _over_counts("navigation", works, effort, "a move of 0.25 m and its distance to the goal")


def copies(effort: SpeedEffort) -> SpeedFindings:
    """Observations brought to NumPy, per environment, over the batch."""
    device = machine_device(effort.device)
    works = [Work(str(n), arrays_work(n, effort.size, device), n) for n in effort.counts]
    note = f"RGB-D {effort.size} x {effort.size}, 1 s of audio; steps on the CPU make none"
    return _over_counts("observation copy", works, effort, note)


def _over_counts(stage: str, works: list[Work], effort: SpeedEffort, note: str) -> SpeedFindings:
    found = timed_rounds(works, effort.rounds, effort.seconds, machine_device(effort.device), effort.on_step)
    rows = [time_row("stages", f"{stage}, N = {n}", timing, "us", note=note) for n, timing in found.items()]
    return SpeedFindings(rows, {stage.replace(" ", "_"): {"at": list(effort.counts), stage: _micro(found.values())}})


def steps_batch(effort: SpeedEffort) -> SpeedFindings:
    """Whole steps with all sensors over the number of environments; twice as many must take twice as long.

    The scenes stay as they are meanwhile: nobody stops. What resets cost is measured by itself.
    """
    cases = [(str(n), n, {"scenes": f"houses:{effort.houses}", "stop_every": _NEVER}) for n in effort.counts]
    found = _walked(cases, effort, rehearsed=True)
    note = f"{effort.houses} houses, {effort.size} x {effort.size}, bakes known, nobody stops"
    rows = _step_rows(found, "N = {}", note)
    if effort.device.startswith("cuda"):
        for count in (n for n in effort.counts if n >= _SATURATED["cuda"]):
            name, limit = f"full step, {effort.size}x{effort.size}, N = {count}", at_least(_CUDA_STEPS)
            rows.append(time_row("targets", name, found[str(count)], "1/s", limit, note))
    for one, two in pairwise(effort.counts):
        if two == 2 * one and one >= min(_SATURATED[effort.device.split(":")[0]], effort.counts[-2]):
            note = "time of a step of the whole batch, fixed houses"
            timings = found[str(two)], found[str(one)]
            rows.append(ratio_row("doubling", f"whole steps, N = {one} to {two}", *timings, 2.0, _DOUBLED, note))
    return SpeedFindings(rows, {"steps_batch": _curve(effort.counts, found)})


def steps_resolution(effort: SpeedEffort) -> SpeedFindings:
    """Whole steps with all sensors over the size of the images."""
    given = {"scenes": f"houses:{effort.houses}"}
    found = _walked([(str(size), effort.count, {"size": size, **given}) for size in effort.sizes], effort)
    rows = _step_rows(found, "{0}x{0}", f"N = {effort.count}, {effort.houses} houses")
    return SpeedFindings(rows, {"steps_resolution": _curve(effort.sizes, found)})


def steps_modality(effort: SpeedEffort) -> SpeedFindings:
    """Whole steps over what is sensed."""
    given = {"scenes": f"houses:{effort.houses}"}
    found = _walked([(m.name, effort.count, {"modality": m, **given}) for m in MODALITIES], effort)
    note = f"N = {effort.count}, {effort.houses} houses, {effort.size} x {effort.size}"
    names = [modality.name for modality in MODALITIES]
    return SpeedFindings(_step_rows(found, "{}", note), {"steps_modality": _curve(names, found)})


def steps_scene(effort: SpeedEffort) -> SpeedFindings:
    """Whole steps with all sensors over the triangles of the house."""
    scenes = [measured_scene(*of) for of in effort.scenes]
    with fresh_cache() as folder:
        files = [saved(scene, folder) for scene in scenes]
        cases = [(_thousands(s), effort.count, {"scenes": f}) for s, f in zip(scenes, files, strict=True)]
        found = _walked(cases, effort)
    rows = _step_rows(found, "{} triangles", f"N = {effort.count}, one house, {effort.size} x {effort.size}")
    return SpeedFindings(rows, {"steps_scene": _curve([len(scene.triangles) for scene in scenes], found)})


def steps_sources(effort: SpeedEffort) -> SpeedFindings:
    """Whole steps with all sensors over the number of sounds at once."""
    cases = [
        (str(n), effort.count, {"scenes": f"houses:{effort.houses}", "distractors": n - 1}) for n in effort.sources
    ]
    found = _walked(cases, effort)
    rows = _step_rows(found, "{} sources", f"N = {effort.count}, {effort.houses} houses, {effort.size} x {effort.size}")
    return SpeedFindings(rows, {"steps_sources": _curve(effort.sources, found)})


def steps_houses(effort: SpeedEffort) -> SpeedFindings:
    """Whole steps with all sensors over the number of houses that the environments share."""
    found = _walked([(str(n), effort.count, {"scenes": f"houses:{n}"}) for n in effort.banks], effort)
    rows = _step_rows(found, "{} houses", f"N = {effort.count}, {effort.size} x {effort.size}")
    return SpeedFindings(rows, {"steps_houses": _curve(effort.banks, found)})


def _walked(
    cases: Sequence[tuple[str, int, dict[str, Any]]], effort: SpeedEffort, *, rehearsed: bool = False
) -> dict[str, Timing]:
    """Returns the times of environments' steps by case: (name, number of environments, keywords).

    Rehearsed, what the environments will hear is baked before; else the bakes of next episodes take part of the cores.
    """
    device = machine_device(effort.device)
    with ExitStack() as stack:
        stack.enter_context(fresh_cache())
        works = []
        for number, (name, count, given) in enumerate(cases):
            options = {"size": effort.size, "modality": FULL, "stop_every": effort.stop_every, **given}
            walk = stack.enter_context(closing(Walk(count, device, effort.seed + 100 * number, **options)))
            if rehearsed:
                walk.rehearse(effort.rehearsal // max(count, 1))
            works.append(walk.work(name))
            effort.on_step()
        seconds = (2.0 if rehearsed else 1.0) * effort.step_seconds
        return timed_rounds(works, effort.rounds, seconds, device, effort.on_step)


def _step_rows(found: Mapping[str, Timing], name: str, note: str) -> list[dict[str, Any]]:
    return [
        time_row("steps", f"steps, {name.format(key)}", timing, "1/s", note=f"environment steps: {note}")
        for key, timing in found.items()
    ]


def _curve(at: Sequence[Any], found: Mapping[str, Timing]) -> dict[str, Any]:
    times = list(found.values())
    return {"at": list(at), "us": _micro(times), "spread_us": [_both(t.spread) for t in times]}


def _both(seconds: tuple[float, float]) -> list[float]:
    return [round(1e6 * value, 3) for value in seconds]


def _micro(times: Any) -> list[float]:
    return [round(1e6 * timing.median, 3) for timing in times]


def _thousands(scene: Any) -> str:
    return f"{round(len(scene.triangles) / 1000)} k"
