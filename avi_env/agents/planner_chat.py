"""The chat planner: any OpenAI-compatible endpoint picks the next skill, through pydantic-ai.

Mode "tools": skills are external tools; the model's call is deferred, the environment carries it out, and its result
resumes the conversation. Mode "json": one object by JSON schema a turn, for small local models without tool templates.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from avi_env.agents.chat_endpoint import (
    ChatSettings,
    endpoint_error,
    endpoint_model,
    filled_in,
    request_settings,
    require_library,
)
from avi_env.agents.chat_schema import call_schema, decision_of_object, scalar, skills_text, tool_schema
from avi_env.agents.offer import as_decision, call_error
from avi_env.agents.protocol import Answer, Invalid, PlannerObservation, SkillCall, SkillResult, SkillSpec, Usage
from avi_env.agents.transcript import Transcript

if TYPE_CHECKING:
    from pydantic_ai import Agent, AgentRunResult
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model
    from pydantic_ai.usage import UsageLimits

__all__ = ["ChatPlanner", "ChatSettings"]

_KEPT_RESULTS = 6  # results of earlier calls told in mode "json"
_VARYING = ("conversation_id", "provider_response_id", "run_id", "timestamp")


class _Refused(Exception):
    """A reply that is no valid call."""

    def __init__(self, reply: str, reason: str) -> None:
        super().__init__(reason)
        self.reply, self.reason = reply[:500], reason


class ChatPlanner:
    """Plans with a chat model.

    Args:
        settings: endpoint, model and caps.
        instructions: what the model is told before everything else.
        model: replaces the endpoint, for the library's doubles and other providers.
        people: what it is told, too, where there is somebody to talk to.
    """

    def __init__(self, settings: ChatSettings, instructions: str, model: Model | None = None, people: str = "") -> None:
        self.settings = filled_in(settings)
        require_library()
        self._instructions, self._people = instructions, people
        self._model = model if model is not None else endpoint_model(self.settings)
        self.reset()

    @property
    def name(self) -> str:
        """Name that is printed and logged, with the model's."""
        return f"chat ({self._model.model_name})"

    @property
    def usage(self) -> Usage:
        """Requests and tokens since `reset`, as the endpoint counts them."""
        return self.transcript.usage

    def reset(self) -> None:
        """Ends the conversation."""
        self.transcript = Transcript()
        self._turns: list[list[ModelMessage]] = []

    def plan(
        self, observation: PlannerObservation, skills: tuple[SkillSpec, ...], history: tuple[SkillResult, ...]
    ) -> SkillCall | Answer | Invalid:
        """Asks the model; a bad reply is counted and asked again once with the reason, then the turn is `Invalid`.

        Raises:
            ConnectionError: the endpoint cannot be reached or fails; the message names the setting.
            ValueError: the endpoint refuses the model or the key; the message names the setting.
        """
        self.transcript.begin_turn()
        refused = _Refused("", "")
        for _ in range(2):
            cap = self._cap(observation)
            if cap:
                return Invalid("", cap, final=True)
            try:
                return self._ask(observation, skills, history, refused)
            except _Refused as error:
                refused = error
                self.transcript.refuse(error.reply, error.reason)
        return Invalid(refused.reply, refused.reason)

    def _cap(self, observation: PlannerObservation) -> str:
        """Returns which cap is reached, "" = none."""
        usage, limits = self.usage, self.settings
        if usage.requests >= limits.max_requests:
            return f"the cap of {limits.max_requests} requests an episode is reached (setting max_requests)"
        if usage.prompt_tokens + usage.completion_tokens >= limits.max_tokens:
            return f"the cap of {limits.max_tokens} tokens an episode is reached (setting max_tokens)"
        if observation.time_s >= limits.max_sim_seconds:
            return f"the cap of {limits.max_sim_seconds:g} simulated seconds is reached (setting max_sim_seconds)"
        return ""

    def _ask(
        self,
        observation: PlannerObservation,
        skills: tuple[SkillSpec, ...],
        history: tuple[SkillResult, ...],
        refused: _Refused,
    ) -> SkillCall | Answer:
        prompt = observation.to_text()
        if self.settings.mode == "json":
            earlier = [r.to_text() for r in history[-_KEPT_RESULTS:-1]]
            prompt += ("\nEarlier: " + "; ".join(earlier) if earlier else "") + f"\n\n{skills_text(skills)}"
        if refused.reason:
            prompt += f"\n\nYour last reply was refused: {refused.reason}. Reply again with exactly one valid call."
        self.transcript.add("prompt", prompt)
        if self.settings.mode == "json":
            decision = self._ask_for_object(prompt, skills)
        else:
            decision = self._ask_for_call(prompt, skills, history)
        reason = call_error(decision, skills)
        if reason:
            raise _Refused(_words(decision), reason)
        self.transcript.add("reply", _words(decision), {"reason": decision.reason})
        return decision

    def _ask_for_object(self, prompt: str, skills: tuple[SkillSpec, ...]) -> SkillCall | Answer:
        from pydantic_ai import NativeOutput, StructuredDict

        kind = StructuredDict(call_schema(skills), name="call", description="The next skill to call.")
        agent = self._agent(NativeOutput(kind), skills)
        value = self._run(agent, prompt).output
        return decision_of_object(value)

    def _ask_for_call(
        self, prompt: str, skills: tuple[SkillSpec, ...], history: tuple[SkillResult, ...]
    ) -> SkillCall | Answer:
        from pydantic_ai import DeferredToolRequests, DeferredToolResults, ExternalToolset, ToolDefinition
        from pydantic_ai.messages import ToolCallPart

        tools = [
            ToolDefinition(name=s.name, description=s.description, parameters_json_schema=tool_schema(s))
            for s in skills
        ]
        agent = self._agent([str, DeferredToolRequests], skills)
        past = self._window()
        pending = [p for p in past[-1].parts if isinstance(p, ToolCallPart)] if past else []
        told = history[-1].to_text() if history else "not carried out"
        result = self._run(
            agent,
            prompt,
            message_history=past or None,
            deferred_tool_results=DeferredToolResults(calls={p.tool_call_id: told for p in pending})
            if pending
            else None,
            toolsets=[ExternalToolset(tools)],
        )
        if not isinstance(result.output, DeferredToolRequests) or not result.output.calls:
            raise _Refused(str(result.output), "it calls no skill")
        call = result.output.calls[0]
        try:
            arguments = call.args_as_dict(raise_if_invalid=True)
        except (ValueError, AssertionError) as error:
            raise _Refused(str(call.args), f"the arguments of {call.tool_name} are no JSON object") from error
        self._remember(result.new_messages(), call)
        said = getattr(result.response, "text", None) or ""
        return as_decision(SkillCall(call.tool_name, {k: scalar(v) for k, v in arguments.items()}, said.strip()))

    def _agent(self, output: Any, skills: tuple[SkillSpec, ...]) -> Agent[Any, Any]:
        from pydantic_ai import Agent

        talks = self._people and any(skill.name == "say" for skill in skills)
        return Agent(
            self._model,
            output_type=output,
            instructions=f"{self._instructions}\n\n{self._people}" if talks else self._instructions,
            retries=0,
            model_settings=request_settings(self.settings),
        )

    def _run(self, agent: Agent[Any, Any], prompt: str, **options: Any) -> AgentRunResult[Any]:
        """Sends one request, logs and bills it."""
        from pydantic_ai import capture_run_messages
        from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior, UsageLimitExceeded

        began = time.perf_counter()
        with capture_run_messages() as messages:
            try:
                result = agent.run_sync(prompt, usage_limits=self._limits(), **options)
            except UsageLimitExceeded as error:
                self._bill(messages, began)
                raise _Refused(_last_reply(messages), f"over the limit: {error}") from error
            except UnexpectedModelBehavior as error:
                self._bill(messages, began)
                raise _Refused(_last_reply(messages), _cause(error)) from error
            except ModelAPIError as error:
                raise endpoint_error(self.settings, error) from error
        self._bill(messages, began)
        return result

    def _limits(self) -> UsageLimits:
        from pydantic_ai.usage import UsageLimits

        left = self.settings.max_tokens - self.usage.prompt_tokens - self.usage.completion_tokens
        return UsageLimits(request_limit=1, total_tokens_limit=max(left, 1))

    def _bill(self, messages: list[ModelMessage], began: float) -> None:
        """Counts the request's cost and logs the messages as sent and received."""
        from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse

        seconds = time.perf_counter() - began
        reply = messages[-1] if messages and isinstance(messages[-1], ModelResponse) else None
        counted = reply.usage if reply is not None else None
        tokens = (counted.input_tokens, counted.output_tokens) if counted is not None else (0, 0)
        self.transcript.bill(Usage(1, tokens[0], tokens[1], 0, seconds))
        sent = _lasting(ModelMessagesTypeAdapter.dump_python(messages[-2:], mode="json"))
        self.transcript.add("note", "exchange", {"messages": sent, "tokens": list(tokens)}, seconds)

    def _remember(self, messages: list[ModelMessage], call: Any) -> None:
        """Keeps the exchange, with the one call that is carried out."""
        from pydantic_ai.messages import ModelResponse, ToolCallPart

        kept: list[ModelMessage] = []
        for message in messages:
            if isinstance(message, ModelResponse):
                parts = [
                    p for p in message.parts if not isinstance(p, ToolCallPart) or p.tool_call_id == call.tool_call_id
                ]
                kept.append(dataclasses.replace(message, parts=parts))
            else:
                kept.append(message)
        self._turns.append(kept)

    def _window(self) -> list[ModelMessage]:
        """Returns the last turns; the first of them without results of calls that are no longer shown."""
        from pydantic_ai.messages import ModelRequest, ToolReturnPart

        messages = [m for turn in self._turns[-self.settings.window :] for m in turn]
        if messages and isinstance(messages[0], ModelRequest):
            parts = [p for p in messages[0].parts if not isinstance(p, ToolReturnPart)]
            messages[0] = dataclasses.replace(messages[0], parts=parts)
        return messages


def _lasting(value: Any) -> Any:
    """Drops from logged messages what is empty or differs between two equal runs: times and random ids."""
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in _VARYING and v not in (None, {}, [])}
    return [_lasting(v) for v in value] if isinstance(value, list) else value


def _words(decision: SkillCall | Answer) -> str:
    return decision.to_text() if isinstance(decision, SkillCall) else f"answer({decision.text})"


def _last_reply(messages: list[ModelMessage]) -> str:
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart

    reply = next((m for m in reversed(messages) if isinstance(m, ModelResponse)), None)
    parts = reply.parts if reply is not None else []
    texts = [p.content for p in parts if isinstance(p, TextPart)]
    calls = [f"{p.tool_name}({p.args})" for p in parts if isinstance(p, ToolCallPart)]
    return " ".join([*texts, *calls])


def _cause(error: Exception) -> str:
    inner = error.__cause__ or error
    said = " ".join(str(inner).partition("For further information")[0].split())
    return f"it is no valid call: {said[:300]}"
