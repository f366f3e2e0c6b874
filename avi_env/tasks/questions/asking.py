"""Draws a question about an episode: first what may be true, all alike likely, then the episode in which it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from avi_env.content import name_error
from avi_env.scene import Scene
from avi_env.tasks.episodes import Episode
from avi_env.tasks.questions import about_pairs, about_places, about_sounds, about_times
from avi_env.tasks.questions.question import Question
from avi_env.tasks.questions.staging import Body, Draft, Stage, routed_episode, staged_episode

__all__ = ["TEMPLATES", "Asked", "Template", "draw_question", "question_families", "shape_episode"]

_PURPOSE = 0x51
_TRIES = 6  # drafts of a template before another one is tried: a house may not have what it needs
_SIGHT, _HEARING, _BOTH = ("sight",), ("hearing",), ("sight", "hearing")


class Asked(NamedTuple):
    """A question and the episode in which its answer is the right one."""

    question: Question
    episode: Episode


class Template(NamedTuple):
    """One kind of question."""

    draft: Callable[[Stage], Draft | None]
    """Returns a question with a staging for each of its options; None = the scene has not what it needs."""
    senses: tuple[str, ...]


TEMPLATES: dict[str, Template] = {
    "existential.sound": Template(about_sounds.is_there, _HEARING),
    "existential.room": Template(about_sounds.is_room_loud, _BOTH),
    "existential.object": Template(about_places.is_object_there, _BOTH),
    "counting.sounds": Template(about_sounds.how_many_sounds, _HEARING),
    "counting.rooms": Template(about_sounds.in_how_many_rooms, _BOTH),
    "counting.objects": Template(about_places.how_many_objects, _BOTH),
    "location.room": Template(about_sounds.which_room, _BOTH),
    "location.last": Template(about_times.where_is_last, _BOTH),
    "comparative.longer": Template(about_times.which_is_longer, _HEARING),
    "comparative.nearer": Template(about_places.which_is_nearer, _HEARING),
    "temporal.first": Template(about_times.which_is_first, _HEARING),
    "temporal.after_door": Template(about_times.what_after_door, _BOTH),
    "egocentric.direction": Template(about_places.which_direction, _HEARING),
    "egocentric.room": Template(about_places.how_many_rooms_away, _BOTH),
    "egocentric.object": Template(about_places.where_is_object, _SIGHT),
    "identity.room": Template(about_sounds.what_sounds_in_room, _BOTH),
    "identity.start": Template(about_sounds.what_sounds_here, _BOTH),
    "acoustic.reverberant": Template(about_places.which_is_more_reverberant, _HEARING),
    "acoustic.floor": Template(about_places.which_floor, _BOTH),
    "acoustic.carpet": Template(about_places.is_start_carpeted, _SIGHT),
    "both_senses.room": Template(about_pairs.which_of_two_alike, _BOTH),
    "both_senses.side": Template(about_pairs.which_side, _BOTH),
    "both_senses.object": Template(about_pairs.which_of_two_kinds, _BOTH),
}
"""Templates by "family.name"."""


def question_families() -> tuple[str, ...]:
    """Returns the families of questions, in order."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in TEMPLATES))


def draw_question(
    scene: Scene,
    episode: Episode,
    seed: int,
    families: Sequence[str] = (),
    *,
    sounds: tuple[str, ...] = (),
    body: Body = Body(),  # noqa: B008 - frozen
) -> Asked:
    """Draws a question and the episode in which its answer is true; the route to its goal is not measured.

    A draft has one staging for each of its options, and which of them becomes the episode is drawn last and uniformly:
    neither the text nor the options tell anything about the answer.

    Args:
        scene: where it happens.
        episode: an episode in it: start, doors that turn.
        seed: of this question.
        families: of which to draw, each alike likely; empty = all, of templates that the scene has no content for
            others are drawn.
        sounds: that may be heard, as `expand_sounds` takes them; empty = all.
        body: of the agent.

    Raises:
        ValueError: an unknown family, too few sounds, or no template of the families fits the scene.
    """
    for family in families:
        if family not in question_families():
            raise name_error("family of questions", family, question_families())
    key = [_PURPOSE, seed % 2**64, int(scene.digest[:16], 16)]
    rng = np.random.default_rng(key)
    stage = Stage(scene, episode, rng, sounds, body)
    for family in stage.shuffled(tuple(families) or question_families()):
        for name in stage.shuffled([name for name in TEMPLATES if name.partition(".")[0] == family]):
            for _ in range(_TRIES):
                draft = TEMPLATES[name].draft(stage)
                if draft is not None:
                    return _asked(stage, name, draft)
    raise ValueError(
        f"scene {scene.name!r} has no content for questions of {', '.join(families) or 'any family'}: "
        f"it needs rooms with names, and things and floors in them"
    )


def _asked(stage: Stage, name: str, draft: Draft) -> Asked:
    """The option that is to be right, then the options' order, then the episode."""
    chosen = int(stage.rng.integers(len(draft.options)))
    order = [int(k) for k in stage.rng.permutation(len(draft.options))]
    staging = draft.stagings[chosen]
    question = Question(
        draft.text,
        (draft.options[chosen],),
        tuple(draft.options[k] for k in order),
        order.index(chosen),
        name.partition(".")[0],
        name,
        TEMPLATES[name].senses,
        staging.evidence,
        staging.answerable,
    )
    return Asked(question, replace(staged_episode(stage.episode, staging, stage.rng), question=question))


def shape_episode(
    scene: Scene,
    episode: Episode,
    seed: int,
    families: Sequence[str] = (),
    *,
    sounds: tuple[str, ...] = (),
    body: Body = Body(),  # noqa: B008 - frozen
) -> Episode:
    """Returns an episode with a question: `draw_question`'s, with the route to its first source measured."""
    return routed_episode(scene, draw_question(scene, episode, seed, families, sounds=sounds, body=body).episode, body)
