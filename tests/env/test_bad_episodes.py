"""Episodes and scenes that cannot be: each is an error that names the culprit and the remedy, never NaN (issue 3)."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import avi_env  # noqa: F401
from avi_env.tasks import Episode

ROOM = "shoebox:6x3x4:absorber"


def first_second(scene: str, episode: Episode | None = None) -> np.ndarray:
    """What is heard in the first steps of an episode."""
    env = gym.make("avi_env/AudioNav-v0", scene=scene, sensors=("audio",), bake_paths=64)
    observation, _ = env.reset(seed=0, options={"episode": episode} if episode is not None else None)
    for action in (1, 2):
        observation, *_ = env.step(action)
    return np.asarray(observation["audio"])


def episode(source: tuple[float, ...], start: tuple[float, ...] = (3.0, 0.0, 2.0), yaw: float = 0.0) -> Episode:
    """A steady sound somewhere, the agent somewhere."""
    return Episode(ROOM, start, yaw, source, (source[0], 0.0, source[2]), -1, "vacuum_cleaner", 0, 1.5, 9)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (episode((np.nan, 1.2, 2.0)), "NaN or infinity"),
        (episode((9.0, 1.0, 1.0)), r"source .* outside scene"),
        (episode((1.0, 1.0, 2.0), start=(np.nan, 0.0, 2.0)), "starts at a finite position"),
        (episode((1.0, 1.0, 2.0), yaw=np.inf), "starts at a finite position and yaw"),
        (episode((1.0, 1.0, 2.0), start=(9.0, 0.0, 1.0)), r"3\.20 m from the nearest place"),
    ],
)
def test_impossible_episodes_are_refused(bad: Episode, message: str) -> None:
    """A source or a start that is not finite, or outside: named before anything is heard."""
    with pytest.raises(ValueError, match=message):
        first_second(ROOM, bad)


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        ("shoebox:10000x3x10000", "spans 10000 m x 10000 m.*metres"),
        ("shoebox:80x3x60", r"19200 places 0\.5 m apart are more than the 8000"),
        ("shoebox:0.001x0.001x0.001", "no place for an agent.*metres"),
    ],
)
def test_scenes_without_room_or_end_are_refused(scene: str, message: str) -> None:
    """Kilometres and millimetres: an error that asks for the unit."""
    with pytest.raises(ValueError, match=message):
        first_second(scene)


@pytest.mark.parametrize("source", [(3.0, 1.25, 2.0), (3.001, 1.25, 2.0), (0.0, 1.0, 2.0), (3.0, 0.0, 2.0)])
def test_a_source_anywhere_in_the_air_is_heard(source: tuple[float, ...]) -> None:
    """In the agent's head, 1 mm beside it, on the wall, on the floor: finite, and not silent."""
    audio = first_second(ROOM, episode(source))
    assert np.all(np.isfinite(audio))
    assert np.abs(audio).max() > 0.0
