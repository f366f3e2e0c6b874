"""What skills and percepts are made of: the classical code, learned policies, or the simulator's truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from avi_env.agents.approach import approach, enter_room
from avi_env.agents.policy_agent import PolicyPlayer
from avi_env.agents.policy_leads import PolicyLead
from avi_env.agents.recognition import Recognition, SoundRecognition
from avi_env.agents.skills import Leads
from avi_env.content import name_error

__all__ = ["BACKENDS", "RECOGNITIONS", "SkillBackends", "make_leads", "make_recognition", "parse_backends"]

BACKENDS = ("classical", "policy", "oracle")
"""What a skill that walks can be carried out by."""

RECOGNITIONS = ("templates", "tagger")
"""What a sound can be recognised by."""

_WALKING = ("go_to_sound", "go_to_object", "go_to_room")


@dataclass(frozen=True)
class SkillBackends:
    """What skills and percepts are made of: [skills] of an agent.toml, `--skills` of the command line."""

    go_to_sound: str = "classical"
    """One of `BACKENDS`, as the next two."""
    go_to_object: str = "classical"
    go_to_room: str = "classical"
    sound_policy: str = "av_nav"
    """Policy of go_to_sound: a name of policies/ or a path."""
    place_policy: str = "point_nav"
    """Policy of go_to_object and go_to_room."""
    recognition: str = "templates"
    """One of `RECOGNITIONS`."""
    tagger: str = "sound_tagger"
    """Policy of the recognition "tagger"."""

    def __post_init__(self) -> None:
        for skill in _WALKING:
            if getattr(self, skill) not in BACKENDS:
                raise name_error(f"backend of {skill}", getattr(self, skill), BACKENDS)
        if self.recognition not in RECOGNITIONS:
            raise name_error("recognition", self.recognition, RECOGNITIONS)

    @property
    def privileged(self) -> bool:
        """Whether a skill is led by what no agent can know."""
        return "oracle" in (self.go_to_sound, self.go_to_object, self.go_to_room)

    @property
    def changed(self) -> dict[str, str]:
        """What is not as it is by default, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }

    def label(self, agent: str) -> str:
        """Returns an agent's name with what its skills are carried out by: "rules (go_to_sound=oracle, privileged)"."""
        told = [f"{name}={value}" for name, value in self.changed.items()] + ["privileged"] * self.privileged
        return f"{agent} ({', '.join(told)})" if told else agent


def parse_backends(given: str | Mapping[str, str], base: Mapping[str, str] | None = None) -> SkillBackends:
    """Returns backends from a table, or from words: "policy" for all skills that walk, "go_to_sound=oracle" for one.

    Args:
        given: keys and values of `SkillBackends`, or words, parted by commas, of which later ones count more.
        base: what holds where nothing is given: [skills] of an agent.toml.

    Raises:
        ValueError: no such skill or backend, with the nearest name.
    """
    table = dict(base or {})
    if isinstance(given, str):
        for word in filter(None, (part.strip() for part in given.split(","))):
            key, equals, value = word.partition("=")
            table |= {key: value} if equals else dict.fromkeys(_WALKING, word)
    else:
        table |= given
    known = [field.name for field in dataclasses.fields(SkillBackends)]
    for key in table:
        if key not in known:
            raise name_error("setting of skills", key, known)
    return SkillBackends(**table)


def make_recognition(backends: SkillBackends, sample_rate: int, step_seconds: float) -> Recognition:
    """Returns what tells sounds apart.

    Args:
        backends: what was chosen.
        sample_rate: of the audio observation [Hz].
        step_seconds: simulated time between observations [s].

    Raises:
        ValueError: no such tagger, or it cannot hear sound of this rate.
        FileNotFoundError: the tagger has no weights.
    """
    if backends.recognition == "templates":
        return SoundRecognition(sample_rate, step_seconds)
    from avi_env.agents.tagged_recognition import TaggedRecognition
    from avi_env.policies.tagger import load_tagger

    return TaggedRecognition(load_tagger(backends.tagger), sample_rate)


def make_leads(backends: SkillBackends, env: Any) -> Leads:
    """Returns who leads the skills in an environment; policies are loaded when they are first asked.

    Args:
        backends: what was chosen.
        env: the environment itself, unwrapped.

    Raises:
        ValueError: a skill is to be led by the truth, and this is no environment of avi-env, or nothing sounds in it.
    """
    make = {"classical": _classical, "policy": _by_policy, "oracle": _by_oracle}
    chosen = {name: make[getattr(backends, name)](backends, env) for name in _WALKING}
    return Leads(chosen["go_to_object"].to_object, chosen["go_to_room"].to_room, chosen["go_to_sound"].to_sound)


def _classical(backends: SkillBackends, env: Any) -> Leads:
    return Leads()


def _by_policy(backends: SkillBackends, env: Any) -> Leads:
    place, sound = _policy_lead(backends.place_policy, env, ("goal",)), _policy_lead(backends.sound_policy, env)
    to_object, to_room = partial(approach, walk=place.walk), partial(enter_room, walk=place.walk)
    return Leads(to_object, to_room, sound.to_sound)


def _policy_lead(name: str, env: Any, told: tuple[str, ...] = ()) -> PolicyLead:
    def make_player() -> PolicyPlayer:
        from avi_env.policies.files import load_policy

        return PolicyPlayer(name, load_policy(name), env.config, told)

    return PolicyLead(make_player)


def _by_oracle(backends: SkillBackends, env: Any) -> Leads:
    from avi_env.agents.oracle_leads import OracleLead

    if not hasattr(env, "batch"):
        raise ValueError(f"skills led by the truth need an environment of avi-env, not {type(env).__name__}")
    if backends.go_to_sound == "oracle" and env.config.played.goal != "sound":
        raise ValueError(f"go_to_sound=oracle leads to what is sought, and in {env.config.task} that does not sound")
    lead = OracleLead(env)
    return Leads(lead.to_object, lead.to_room, lead.to_sound)
