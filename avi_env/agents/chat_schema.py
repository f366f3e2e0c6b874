"""Skills as JSON schema: tools for chat models, one object for small local ones. Enums name only what is known now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avi_env.agents.offer import as_decision
from avi_env.agents.protocol import Answer, Argument, SkillCall, SkillSpec

__all__ = ["call_schema", "decision_of_object", "scalar", "skills_text", "tool_schema"]

_REASON = {"type": "string", "description": "why, in a few words", "maxLength": 160}
_TEXT_LENGTH = 80


def tool_schema(skill: SkillSpec) -> dict[str, Any]:
    """Returns the JSON schema of a skill's arguments."""
    return {
        "type": "object",
        "properties": {a.name: _argument_schema(a) for a in skill.arguments},
        "required": [a.name for a in skill.arguments if a.required],
        "additionalProperties": False,
    }


def call_schema(skills: tuple[SkillSpec, ...]) -> dict[str, Any]:
    """Returns the JSON schema of one call of any of the skills: {"call": {"skill": ..., arguments..., "reason": ...}}.

    Every argument is required here, so that a grammar leaves a small model no way to forget one.
    """
    return {
        "type": "object",
        "properties": {"call": {"anyOf": [_one_call(s) for s in skills]}},
        "required": ["call"],
        "additionalProperties": False,
    }


def _one_call(skill: SkillSpec) -> dict[str, Any]:
    arguments = {a.name: _argument_schema(a) for a in skill.arguments}
    properties = {"skill": {"type": "string", "enum": [skill.name]}, **arguments, "reason": _REASON}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _argument_schema(argument: Argument) -> dict[str, Any]:
    if argument.choices:
        return {"type": "string", "description": argument.description, "enum": list(argument.choices)}
    if argument.low is not None and argument.high is not None:
        return {
            "type": "number",
            "description": argument.description,
            "minimum": argument.low,
            "maximum": argument.high,
        }
    return {"type": "string", "description": argument.description, "maxLength": _TEXT_LENGTH}


def skills_text(skills: tuple[SkillSpec, ...]) -> str:
    """Returns the skills in words, for models that are not given them as tools."""
    lines = ["Skills:"]
    for skill in skills:
        arguments = ", ".join(f"{a.name}: {_range_text(a)}" for a in skill.arguments)
        lines.append(f"- {skill.name}({arguments}): {skill.description}")
    lines.append('Reply with one JSON object: {"call": {"skill": NAME, ARGUMENTS, "reason": TEXT}}')
    return "\n".join(lines)


def _range_text(argument: Argument) -> str:
    if argument.choices:
        return "|".join(argument.choices)
    if argument.low is not None and argument.high is not None:
        return f"{argument.low:g}..{argument.high:g}"
    return "text"


def decision_of_object(value: Any) -> SkillCall | Answer:
    """Returns the call in an object of `call_schema`; one of another shape becomes a call that no check lets pass."""
    call = value.get("call") if isinstance(value, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(call.get("skill"), str):
        return SkillCall("no_skill_named")
    given = {k: v for k, v in call.items() if k not in ("skill", "reason")}
    return as_decision(SkillCall(call["skill"], {k: scalar(v) for k, v in given.items()}, str(call.get("reason", ""))))


def scalar(value: Any) -> str | float:
    """Returns an argument's value as number or text."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
