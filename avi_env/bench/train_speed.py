"""`avi bench train`: what an environment step of training costs, by learner and stage, in one interleaved run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avi_env.policies.learner import Learner

__all__ = ["TrainSpeedSettings", "bench_train"]

STAGES = ("environment", "inference", "learning")
_NEVER = -20.0  # logit of stopping
_ROOM = {"task": "PointNav", "sensors": ("depth", "pose", "goal")}
_SOUND = {"task": "AudioNav", "sensors": ("depth", "audio", "pose"), "sounds": ("split:heard",)}


@dataclass(frozen=True)
class TrainSpeedSettings:
    """Times learners side by side: environment, inference and learning by the clock, all of it in processor time."""

    learners: tuple[str, ...] = ("ppo", "recurrent_ppo", "torchrl_ppo")
    """Of recipes' stages; the first is the one that the others are compared with."""
    network: str = "av_nav"
    """"av_nav", "avnet" or "point_nav"."""
    scenes: str = "house:1"
    """Scene, or "houses:K"."""
    num_envs: int = 8
    """Rows of the vector environment."""
    n_steps: int = 32
    """Steps of each row between updates."""
    batch_size: int = 64
    """Steps in a batch of the update."""
    iterations: int = 5
    """Rollouts of each learner that are timed, taken in turns, after one that is not."""
    seed: int = 0
    """Of everything."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    json: Path | None = None
    """File for the results."""

    def __post_init__(self) -> None:
        if self.iterations < 1 or not self.learners:
            raise ValueError("avi bench train times at least one iteration of at least one learner")


def bench_train(settings: TrainSpeedSettings) -> int:
    """Times, prints, writes; returns 0."""
    from rich.console import Console

    from avi_env.bench.files import write_json
    from avi_env.bench.spec import machine_facts, run_spec

    console = Console()
    with console.status("timing"):
        times = _times(settings)
    results = _rows(times, settings)
    _print(times, console)
    if settings.json is not None:
        arguments = {**dataclasses.asdict(settings), "json": str(settings.json)}
        spec = {**run_spec(settings.device, [settings.seed], arguments), "machine": machine_facts()}
        write_json(settings.json, {"spec": spec, "results": results})
    return 0


def _learners(settings: TrainSpeedSettings) -> dict[str, Learner]:
    """Returns the learners, each with an environment of its own and the same policy."""
    from avi_env.policies.beginning import begin_policy
    from avi_env.policies.learner import EnvironmentSettings, learner_settings, make_learner

    keywords = _ROOM if settings.network == "point_nav" else _SOUND
    if settings.network == "avnet":
        keywords = {**keywords, "sensors": ("depth", "spectrogram")}
    size = {"width": 64, "height": 64, "scenes": settings.scenes}
    environment = EnvironmentSettings(num_envs=settings.num_envs, keywords={**keywords, **size})
    policy = begin_policy({"network": settings.network}, environment, settings.seed)
    # one that has learnt walks long before it stops; chance stops every fourth step, and resets would be timed
    policy.network.actor.bias.data[0] = _NEVER
    made = {}
    for name in settings.learners:
        sizes = {"n_steps": settings.n_steps, "batch_size": settings.batch_size}
        own = learner_settings(name, sizes)
        made[name] = make_learner(name, environment, policy, own, settings.seed, settings.device)
    return made


def _times(settings: TrainSpeedSettings) -> dict[str, dict[str, float]]:
    """Returns milliseconds a step by learner: each stage by the clock, "processor" for all; medians of iterations."""
    import statistics
    import time

    learners = _learners(settings)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in learners}
    for iteration in range(settings.iterations + 1):
        for name, learner in learners.items():
            before, began = learner.steps, time.process_time()
            scalars = learner.iterate()
            processor = time.process_time() - began
            per_step = 1e3 / (learner.steps - before)
            if iteration > 0:  # the first one compiles and bakes
                stages = {stage: scalars[f"time/{stage}_s"] * per_step for stage in STAGES}
                found[name].append({**stages, "processor": processor * per_step})
    for learner in learners.values():
        learner.close()
    return {
        name: {stage: statistics.median(one[stage] for one in all_) for stage in (*STAGES, "processor")}
        for name, all_ in found.items()
    }


def _rows(times: dict[str, dict[str, float]], settings: TrainSpeedSettings) -> list[dict[str, Any]]:
    """Returns the results; each is compared with the same of the first learner."""
    first = settings.learners[0]
    rows = []
    for name, values in times.items():
        for stage, value in values.items():
            peer = times[first][stage]
            told = {"name": f"{name}: {stage}", "value": value, "unit": "ms/step"}
            rows.append({**told, "peer": first, "peer_value": peer, "ratio": value / peer if peer > 0 else None})
    return rows


def _print(times: dict[str, dict[str, float]], console: Any) -> None:
    from rich.table import Table

    table = Table(title="milliseconds an environment step", title_justify="left")
    for heading in ("learner", *STAGES, "steps/s", "processor time"):
        table.add_column(heading, justify="left" if heading == "learner" else "right")
    for name, values in times.items():
        rate = 1e3 / sum(values[stage] for stage in STAGES)
        table.add_row(name, *(f"{values[s]:.2f}" for s in STAGES), f"{rate:.0f}", f"{values['processor']:.2f}")
    console.print(table)
