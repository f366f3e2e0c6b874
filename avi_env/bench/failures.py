"""Failed episodes of an evaluation, played again: the way that was walked, and what was heard at its end."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.actions import actions_of_text
from avi_env.bench.evaluate_plan import episode_seed
from avi_env.envs.single import AviEnv
from avi_env.tasks import Episode

__all__ = ["Failure", "chosen_failures", "replay_failure", "wav_bytes"]

Record = dict[str, Any]

_CLIP_SECONDS = 5.0
_PIXELS_PER_METRE = 28.0
_SAME = 1e-4  # [m] that the replay may end beside the recorded way: floats of another processor


class Failure(NamedTuple):
    """A failed episode as it is shown."""

    record: Record
    chart: npt.NDArray[np.uint8]
    """The house from above with way, start and goal, shape (h, w, 3)."""
    sound: npt.NDArray[np.float32]
    """What was heard last at both ears, shape (2, n), linear pressure; empty where nobody listens."""
    sample_rate: int
    exact: bool
    """Whether the replay ended where the record says."""


def chosen_failures(records: Sequence[Record], count: int) -> list[Record]:
    """Returns up to so many failures, spread evenly over those there are; lost episodes cannot be shown."""
    failed = [r for r in records if r["measures"] and not r["measures"].get("success", True) and r["actions"]]
    failed.sort(key=lambda record: (record["geodesic_distance"] or 0.0, record["episode_id"], record["seed"]))
    shown = min(count, len(failed))
    return [failed[(2 * k + 1) * len(failed) // (2 * shown)] for k in range(shown)]


def replay_failure(record: Record, episode: Episode) -> Failure:
    """Plays a record's actions again.

    Args:
        record: of an evaluation.
        episode: the suite's episode that it is of.
    """
    told = record["arguments"]
    kept = {name: value for name, value in told["environment"].items() if name not in ("sensors", "scenes")}
    given = {**kept, "task": told["task"], "scenes": episode.scene, "device": told["device"]}
    env = AviEnv(**{**given, "sensors": ("audio",), "prefetch": False})
    try:
        seed = episode_seed(record["suite"], record["split"], episode.episode_id, record["seed"])
        observation, info = env.reset(seed=seed, options={"episode": episode})
        sound, places, config = [observation["audio"]], [_place(env)], env.config
        for action in actions_of_text(record["actions"]):
            observation, _, _, _, info = env.step(action)
            sound.append(observation["audio"][:, -config.step_samples :])
            places.append(_place(env))
        heard = np.concatenate(sound, axis=1)[:2, -round(_CLIP_SECONDS * config.sample_rate) :]
        walked = record["measures"].get("path_length")
        exact = walked is None or math.isclose(walked, info["path_length"], abs_tol=_SAME)
        return Failure(record, _chart(env, episode, np.array(places)), heard, config.sample_rate, exact)
    finally:
        env.close()


def wav_bytes(sound: npt.NDArray[np.float32], sample_rate: int) -> bytes:
    """Returns stereo sound (2, n) as the content of a wav file of 16 bits, 1 dB below full scale."""
    gain = 10.0 ** (-1.0 / 20.0) / max(float(np.abs(sound).max(initial=0.0)), 1e-9)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.round(sound.T * gain * 32767.0).astype("<i2").tobytes())
    return buffer.getvalue()


def _place(env: AviEnv) -> list[float]:
    """Returns (x, y, z, yaw) of the agent."""
    state = env.batch.state
    return [*state.position[0].tolist(), float(state.yaw[0])]


def _chart(env: AviEnv, episode: Episode, places: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Draws the way on the storey on which it begins."""
    from avi_env.vision import draw_on_map, topdown_map

    scene = env.scene
    floors = [room.floor_y for room in scene.rooms if room.floor_y <= places[0, 1] + 0.5]
    chart = topdown_map(scene, _PIXELS_PER_METRE, labels=True, floor=max(floors, default=None))
    return draw_on_map(
        chart,
        trajectory=places[:, :3],
        agent=(places[-1, :3], float(places[-1, 3])),
        source=episode.source_position,
        start=places[0, :3],
        goal_radius=env.config.success_distance,
    )
