"""Runs the stages of a recipe: iterations, validation, the best policy, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from avi_env.content import name_error
from avi_env.policies.checkpoints import CheckpointFacts, load_checkpoint, save_checkpoint
from avi_env.policies.files import WEIGHTS
from avi_env.policies.learner import Learner, learner_part, make_learner
from avi_env.policies.recipe import Recipe
from avi_env.policies.training_log import TrainingLog
from avi_env.whole_file import write_whole

__all__ = ["Best", "Trained", "Watch", "better", "train", "working_folder"]

_CHECKPOINT_SECONDS = 600.0  # at most between two checkpoints: a replay of a gigabyte takes some 10 s to write
_STAGE_SEEDS = 1000  # between the seeds of two stages: rows of an environment are seeded one after the other


class Best(NamedTuple):
    """The best policy so far."""

    value: float
    """Of the recipe's measure."""
    steps: int
    """Of the training, all stages together."""
    stage: int
    measures: dict[str, float]
    """All of that validation."""


@dataclass(frozen=True)
class Watch:
    """Who is told what happens, and who may stop it; called between iterations."""

    began: Callable[[int], None] = lambda steps: None
    """With the steps that were done before."""
    iterated: Callable[[Mapping[str, Any]], None] = lambda record: None
    """With each record of progress.jsonl."""
    film: Callable[[Any, int, TrainingLog], None] | None = None
    """With a policy, the steps so far and the log: films an episode; None = nobody does."""
    stop: Callable[[], bool] = lambda: False
    """Whether to stop: then a checkpoint is written."""


@dataclass(frozen=True)
class Trained:
    """What a training has come to."""

    complete: bool
    """Whether all stages are done; otherwise it can be resumed."""
    steps: int
    best: Best | None
    seconds: Mapping[str, float]
    """Wall time by what it went into [s]: "wall" in all; "STAGE/iterations" and of these, as its learner tells them,
    "STAGE/environment", "STAGE/inference", "STAGE/learning"; "STAGE/validation", "STAGE/film", "STAGE/checkpoint"."""
    stage_steps: tuple[int, ...]
    """Steps of each stage."""


def better(measures: Mapping[str, float], best: Best | None, measure: str, lower_is_better: bool) -> bool:
    """Returns whether measures beat the best so far: of equals the earlier one stays, and what is no number never does.

    Raises:
        ValueError: there is no such measure.
    """
    if measure not in measures:
        raise name_error("measure of the validation", measure, measures)
    value = measures[measure]
    if best is None or math.isnan(value):
        return not math.isnan(value)
    return value < best.value if lower_is_better else value > best.value


def working_folder(folder: Path) -> Path:
    """Returns where a training keeps what is no part of the policy: checkpoints, TensorBoard's files, films."""
    return folder / "training"


def train(recipe: Recipe, folder: Path, *, resume: bool = False, watch: Watch | None = None) -> Trained:
    """Trains a policy; the best one is always `folder`/weights.safetensors, the curve `folder`/progress.jsonl.

    The same recipe gives the same files on the CPU, whether it was interrupted or not.

    Args:
        recipe: what to do.
        folder: exists.
        resume: goes on from its checkpoint.
        watch: who is told.

    Raises:
        FileNotFoundError: there is no checkpoint to go on from.
        FileExistsError: the folder holds a training that was not asked to go on.
        ValueError: the checkpoint is corrupt or of another recipe, or nothing of the measure was ever a number.
        OSError: the folder is closed or the disk is full; the last checkpoint is as it was.
    """
    return _Training(recipe, folder, watch or Watch()).run(resume)


class _Training:
    """The state of a training between two iterations."""

    def __init__(self, recipe: Recipe, folder: Path, watch: Watch) -> None:
        self.recipe, self.folder, self.watch = recipe, folder, watch
        self.work = working_folder(folder)
        self.best: Best | None = None
        self.seconds: dict[str, float] = {}
        self.stage_steps: list[int] = []
        self.validations = 0
        self._checked = self._begun = time.perf_counter()

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(self.stage_steps)

    def run(self, resume: bool) -> Trained:
        """Runs the stages that are left."""
        learnt, records = self._resumed() if resume else (None, 0)
        if not resume and (self.work / "checkpoint.json").is_file():
            raise FileExistsError(
                f"{self.folder} holds a training: go on with --resume, choose another folder, or remove {self.work}"
            )
        self.work.mkdir(exist_ok=True)
        self.log = TrainingLog(self.folder, self.work / "tensorboard", records=records, steps=self.steps)
        self.watch.began(self.steps)
        policy = None
        try:
            for number in range(max(len(self.stage_steps) - 1, 0), len(self.recipe.stages)):
                learner = self._learner(number, policy, learnt)
                learnt = None
                try:
                    complete = self._learn(learner, number)
                    policy = learner.policy()
                finally:
                    learner.close()
                if not complete:
                    break
        finally:
            self.log.close()
        if complete and self.best is None:
            raise ValueError(f"no validation gave a number for {self.recipe.validation.measure!r}: nothing was learnt")
        return Trained(complete, self.steps, self.best, self._spent(), tuple(self.stage_steps))

    def _resumed(self) -> tuple[dict[str, Any], int]:
        """Goes back to the checkpoint; returns the learner's state and how long progress.jsonl was."""
        facts, state = load_checkpoint(self.work, self.recipe.table)
        best = facts.notes["best"]
        self.best = None if best is None else Best(*best)
        self.validations, self.stage_steps = facts.notes["validations"], list(facts.notes["stage_steps"])
        self.seconds = dict(facts.seconds)
        if state["weights"] is not None:
            write_whole(self.folder / WEIGHTS, state["weights"])
        return state["learner"], facts.records

    def _learner(self, number: int, last: Any, state: dict[str, Any] | None) -> Learner:
        """Returns the learner of a stage, at its beginning or, with a state, where it was."""
        recipe, stage = self.recipe, self.recipe.stages[number]
        if number == 0 or state is not None:  # a state has the weights; only the policy's form is needed
            policy = learner_part(stage.learner, "begin")(recipe.policy, recipe.environment, recipe.seed)
        elif stage.start == "best" and self.best is not None:
            policy = learner_part(stage.learner, "load")(self.folder)
        else:
            policy = last
        seed = recipe.seed + _STAGE_SEEDS * number
        learner = make_learner(stage.learner, recipe.environment, policy, stage.settings, seed, recipe.device)
        if state is not None:
            learner.restore(state)
        else:
            self.stage_steps.append(0)
        return learner

    def _learn(self, learner: Learner, number: int) -> bool:
        """Lets a stage come to its end; returns whether it did, and was not stopped."""
        stage, every = self.recipe.stages[number], self.recipe.validation.every
        while learner.steps < stage.steps:
            before, started = self.steps, time.perf_counter()
            scalars = learner.iterate()
            self._spend(number, "iterations", time.perf_counter() - started)
            self.stage_steps[number] = learner.steps
            for tag, value in scalars.items():
                if tag.startswith("time/"):
                    self._spend(number, tag.removeprefix("time/").removesuffix("_s"), value)
            self._record("iteration", number, scalars)
            done = learner.steps >= stage.steps
            if done or before // every != self.steps // every:
                self._validate(learner, number)
            stopped = self.watch.stop()
            if done or stopped or self._checkpoint_due(before // every != self.steps // every):
                self._checkpoint(learner, number)
            if stopped:
                return done and number == len(self.recipe.stages) - 1
        return True

    def _record(self, kind: str, number: int, scalars: Mapping[str, float], **more: Any) -> None:
        learner = self.recipe.stages[number].learner
        record = {"kind": kind, "stage": number, "learner": learner, "steps": self.steps, "scalars": dict(scalars)}
        self.log.add({**record, **more}, self.steps)
        self.watch.iterated({**record, **more})

    def _validate(self, learner: Learner, number: int) -> None:
        """Tries the present policy, keeps it if it is the best, and films it now and then."""
        recipe, name = self.recipe, self.recipe.stages[number].learner
        started = time.perf_counter()
        policy = learner.policy()
        measures = learner_part(name, "validate")(policy, recipe.validation, recipe.environment, recipe.device)
        chosen = better(measures, self.best, recipe.validation.measure, recipe.validation.lower_is_better)
        if chosen:
            self.best = Best(measures[recipe.validation.measure], self.steps, number, dict(measures))
            learner_part(name, "save")(self.folder, policy)
        self._spend(number, "validation", time.perf_counter() - started)
        self._record("validation", number, {f"validation/{k}": v for k, v in measures.items()}, best=chosen)
        self.validations += 1
        every = recipe.validation.film_every
        if self.watch.film is not None and every and self.validations % every == 0:
            started = time.perf_counter()
            self.watch.film(policy, self.steps, self.log)
            self._spend(number, "film", time.perf_counter() - started)

    def _checkpoint_due(self, validated: bool) -> bool:
        """Returns whether it is time: after a validation, or when the last one is long ago."""
        return validated or time.perf_counter() - self._checked > _CHECKPOINT_SECONDS

    def _checkpoint(self, learner: Learner, number: int) -> None:
        started = time.perf_counter()
        weights = (self.folder / WEIGHTS).read_bytes() if self.best is not None else None
        notes = {"best": self.best, "validations": self.validations, "stage_steps": self.stage_steps}
        facts = CheckpointFacts(
            dict(self.recipe.table), number, learner.steps, self.steps, self.log.records, self._spent(), notes
        )
        save_checkpoint(self.work, facts, {"learner": learner.state(), "weights": weights})
        self._checked = time.perf_counter()
        self._spend(number, "checkpoint", self._checked - started)

    def _spend(self, number: int, what: str, seconds: float) -> None:
        key = f"{number}/{what}"
        self.seconds[key] = self.seconds.get(key, 0.0) + seconds

    def _spent(self) -> dict[str, float]:
        """Returns the times so far, those of the processes before this one, too."""
        now = time.perf_counter()
        self.seconds["wall"] = self.seconds.get("wall", 0.0) + now - self._begun
        self._begun = now
        return dict(self.seconds)
