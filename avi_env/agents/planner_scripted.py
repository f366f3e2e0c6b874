"""The scripted planner: a fixed list of calls, for tests and for replaying a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avi_env.agents.offer import as_decision, call_error
from avi_env.agents.protocol import Answer, Invalid, PlannerObservation, SkillCall, SkillResult, SkillSpec, Usage
from avi_env.agents.transcript import Transcript

__all__ = ["ScriptedPlanner", "ScriptedSettings"]

Step = SkillCall | Answer | str


@dataclass(frozen=True)
class ScriptedSettings:
    """The script."""

    calls: tuple[Step, ...] = ()
    """Calls in order; a string is short for a call without arguments; one that is no skill is a bad reply."""


class ScriptedPlanner:
    """Says its calls in order. One that is not valid this turn counts as a bad reply, and the next one is the retry."""

    def __init__(self, calls: Sequence[Step] | ScriptedSettings = ()) -> None:
        self.settings = calls if isinstance(calls, ScriptedSettings) else ScriptedSettings(tuple(calls))
        self.reset()

    @property
    def name(self) -> str:
        """Name that is printed and logged."""
        return "scripted"

    @property
    def usage(self) -> Usage:
        """Counts bad replies; there is no model."""
        return self.transcript.usage

    def reset(self) -> None:
        """Goes back to the first call."""
        self.transcript = Transcript()
        self._next = 0

    def plan(
        self, observation: PlannerObservation, skills: tuple[SkillSpec, ...], history: tuple[SkillResult, ...]
    ) -> SkillCall | Answer | Invalid:
        """Returns the script's next call; `Invalid` after two bad ones, and when the script has ended."""
        self.transcript.begin_turn()
        self.transcript.add("prompt", observation.to_text())
        refusal = Invalid("", "")
        for _ in range(2):
            if self._next >= len(self.settings.calls):
                return Invalid("", "the script has ended", final=True)
            step = self.settings.calls[self._next]
            self._next += 1
            call = as_decision(SkillCall(step) if isinstance(step, str) else step)
            said = call.to_text() if isinstance(call, SkillCall) else f"answer({call.text})"
            reason = call_error(call, skills)
            if not reason:
                self.transcript.add("reply", said)
                return call
            self.transcript.refuse(said, reason)
            refusal = Invalid(said, reason)
        return refusal
