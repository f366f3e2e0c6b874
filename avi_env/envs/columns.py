"""What changes about the agents as few tables: rows of them are replaced at once, and readers see them as a State."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.soundscape import ShiftedStream
from avi_env.acoustics.stream import StreamState
from avi_env.envs.config import EnvConfig
from avi_env.envs.seats import Arrival
from avi_env.envs.world import World
from avi_env.navigation.fields import lookup_fields
from avi_env.navigation.grid_bank import rows_at
from avi_env.sounds import class_of_sound
from avi_env.state import State
from avi_env.tasks import Episode, soft_spl
from avi_env.tasks.audio_visual_qa import encoded_question
from avi_env.tasks.episode_key import episode_key
from avi_env.tasks.transition import COUNTS, FLAGS, NUMBERS, PLACES, SLOTS, Columns

__all__ = [
    "Tables",
    "cloned",
    "empty_tables",
    "first_tables",
    "rows_of",
    "state_of",
    "table_bytes",
    "with_rows",
]

_PLACE, _NUMBER, _SLOT, _COUNT, _FLAG = (
    {name: row for row, name in enumerate(names)} for names in (PLACES, NUMBERS, SLOTS, COUNTS, FLAGS)
)


class Tables(NamedTuple):
    """All that a reset replaces, N agents."""

    columns: Columns
    """Second axis: the agent."""
    source: torch.Tensor
    """Shape (N, S, 3), as in `State`; so are those that follow."""
    target: torch.Tensor
    stream: StreamState | ShiftedStream
    audio: torch.Tensor
    text: torch.Tensor
    """Question and options as `encoded_question` gives them, shape (N, bytes), uint8; no bytes where none is asked."""


def state_of(tables: Tables) -> State:
    """Returns the state that tables hold; its tensors are views of them, and stay as they are."""
    places, numbers, slots, counts, flags = tables.columns
    return State(
        scene_index=slots[_SLOT["scene_index"]],
        home_index=slots[_SLOT["home_index"]],
        position=places[_PLACE["position"]],
        yaw=numbers[_NUMBER["yaw"]],
        start_position=places[_PLACE["start_position"]],
        start_yaw=numbers[_NUMBER["start_yaw"]],
        source=tables.source,
        target=tables.target,
        goal=places[_PLACE["goal"]],
        distance=numbers[_NUMBER["distance"]],
        start_distance=numbers[_NUMBER["start_distance"]],
        path_length=numbers[_NUMBER["path_length"]],
        oracle_actions=counts[_COUNT["oracle_actions"]],
        step_count=counts[_COUNT["step_count"]],
        clock=counts[_COUNT["clock"]],
        collided=flags[_FLAG["collided"]],
        success=flags[_FLAG["success"]],
        stream=tables.stream,
        audio=tables.audio,
    )


def with_rows(tables: Tables, other: Tables, rows: torch.Tensor) -> Tables:
    """Returns tables, in new memory, of which some agents are those of other tables.

    Args:
        tables: of N agents.
        other: of R agents.
        rows: which of the N they are, shape (R,), int64.
    """
    return _mapped(lambda axis, old, new: old.index_copy(axis, rows, new), tables, other)


def rows_of(tables: Tables, rows: torch.Tensor) -> Tables:
    """Returns the tables of some agents, shape (R,), int64."""
    return _mapped(lambda axis, table: table.index_select(axis, rows), tables)


def empty_tables(like: Tables, count: int) -> Tables:
    """Returns tables for a number of agents, of the kind of others."""

    def empty(axis: int, table: torch.Tensor) -> torch.Tensor:
        return table.new_zeros(*table.shape[:axis], count, *table.shape[axis + 1 :])

    return _mapped(empty, like)


def cloned(tables: Tables, device: torch.device | None = None) -> Tables:
    """Returns a copy of tables, on another device if one is given."""
    return _mapped(lambda _, table: table.to(device, copy=True), tables)


def table_bytes(tables: Tables) -> int:
    """Returns the memory of tables [bytes]."""
    wide = [tables.source, tables.target, tables.audio, tables.text, *_leaves(tables.stream)]
    return sum(table.nbytes for table in (*tables.columns, *wide))


def _leaves(stream: Any) -> Iterator[torch.Tensor]:
    for part in stream:
        if isinstance(part, torch.Tensor):
            yield part
        else:
            yield from _leaves(part)


def _mapped(function: Callable[..., torch.Tensor], first: Tables, *others: Tables) -> Tables:
    mapped: Tables = _joined(function, first, *others)
    return mapped


def _joined(function: Callable[..., torch.Tensor], first: Any, *others: Any) -> Any:
    """Applies a function (axis of the agents, tensors ...) to all tensors of some tables of one kind."""
    if isinstance(first, torch.Tensor):
        return function(0, first, *others)
    if isinstance(first, Columns):
        return type(first)(*(function(1, *tensors) for tensors in zip(first, *others, strict=True)))
    return type(first)(*(_joined(function, *parts) for parts in zip(first, *others, strict=True)))


def first_tables(world: World, arrivals: list[Arrival], seats: list[int], slots: list[tuple[int, int, int]]) -> Tables:
    """Returns the agents at the start of their episodes, before any sound.

    Args:
        world: where the episodes have been installed.
        arrivals: the episodes, one an agent.
        seats: where each was installed.
        slots: of the scene of each as its doors stand, without any event, and by which it sounds.
    """
    config, device, count = world.config, world.bank.device, len(arrivals)
    episodes = [arrival.prepared.episode for arrival in arrivals]
    feet = np.array([e.start_position for e in episodes], dtype=np.float32)
    places = np.zeros((len(PLACES), count, 3), dtype=np.float32)
    places[_PLACE["position"]] = places[_PLACE["start_position"]] = feet
    places[_PLACE["goal"]] = [e.goal_position for e in episodes]
    places[_PLACE["source"]] = places[_PLACE["heard"]] = [e.source_position for e in episodes]
    places[_PLACE["ears"]] = feet + np.array([0.0, config.eye_height, 0.0], dtype=np.float32)
    numbers = torch.zeros(len(NUMBERS), count)
    numbers[_NUMBER["le_cd"]] = 180.0  # as where no estimate was right
    numbers[_NUMBER["er20"]] = numbers[_NUMBER["seld"]] = 1.0
    yaw = torch.tensor([e.start_yaw for e in episodes], dtype=torch.float32)
    numbers[_NUMBER["yaw"]] = numbers[_NUMBER["start_yaw"]] = torch.atan2(torch.sin(yaw), torch.cos(yaw))
    counts = np.zeros((len(COUNTS), count), dtype=np.int64)
    counts[_COUNT["seat"]] = seats
    counts[_COUNT["oracle_actions"]] = [e.oracle_actions for e in episodes]
    counts[_COUNT["key"]] = [episode_key(e) for e in episodes]
    counts[_COUNT["answer"]] = [_answer(e, config) for e in episodes]
    columns = Columns(
        torch.from_numpy(places).to(device),
        numbers.to(device),
        torch.tensor(slots, dtype=torch.int32).T.contiguous().to(device),
        torch.from_numpy(counts).to(device),
        torch.zeros(len(FLAGS), count, dtype=torch.bool, device=device),
    )
    distance = _goal_distance(world, columns)
    # A goal that walks is first met elsewhere than where it is now.
    meeting = torch.tensor([e.geodesic_distance if e.source_walk else np.nan for e in episodes], device=device).float()
    start = torch.where(torch.isnan(meeting), distance, meeting)
    columns.numbers[_NUMBER["distance"]], columns.numbers[_NUMBER["start_distance"]] = distance, start
    columns.numbers[_NUMBER["soft_spl"]] = soft_spl(distance, start, torch.zeros_like(distance))
    return Tables(
        columns,
        torch.tensor([_source_places(e, config) for e in episodes], dtype=torch.float32, device=device),
        torch.tensor([_target(e, config) for e in episodes], dtype=torch.float32, device=device),
        world.soundscape.start(columns.counts[_COUNT["seat"]]),
        torch.zeros(count, config.channels, config.window_samples, device=device),
        torch.from_numpy(np.array([_text(e, config) for e in episodes])).to(device),
    )


def _goal_distance(world: World, columns: Columns) -> torch.Tensor:
    """Distance from where the agents stand to their goals, shape (N,)."""
    grids, fields = world.grids, world.goals.fields
    home, feet = columns.slots[_SLOT["home_index"]], columns.places[_PLACE["position"]]
    first = grids.first[home.long()]
    row = columns.counts[_COUNT["seat"]].int() * fields.shape[1] + rows_at(grids, home, feet) - first
    return lookup_fields(fields.view(-1, *fields.shape[2:]), row, grids.origin[first.long()], grids.cell, feet)


def _source_places(episode: Episode, config: EnvConfig) -> list[tuple[float, float, float]]:
    """Where the goal and the distractors are at first [m]; missing distractors are where the goal is."""
    places = [episode.source_position, *(other.position for other in episode.distractors)]
    return places + [episode.source_position] * (1 + config.distractors - len(places))


def _target(episode: Episode, config: EnvConfig) -> list[float]:
    """1 at the class or category that is sought; nowhere in episodes that lead to a point."""
    sought = episode.goal_category or (class_of_sound(episode.sound) if episode.sound else "")
    return [float(name == sought) for name in config.target_classes]


def _answer(episode: Episode, config: EnvConfig) -> int:
    """The right option of the question, or the class of the sound where that is estimated; -1 elsewhere."""
    if config.played.answers == "options":
        assert episode.question is not None, "preparation has checked it"
        return episode.question.answer
    return config.target_classes.index(class_of_sound(episode.sound)) if config.played.answers == "estimates" else -1


def _text(episode: Episode, config: EnvConfig) -> npt.NDArray[np.uint8]:
    if config.played.answers != "options":
        return np.zeros(0, dtype=np.uint8)
    assert episode.question is not None, "preparation has checked it"
    return encoded_question(episode.question)
