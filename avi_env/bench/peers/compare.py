"""The comparison: everybody who is installed renders the same poses of the same mesh, in turns with ours."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avi_env.bench.peers.peer import chosen_peers, ours
from avi_env.bench.peers.race import Missing, Race, Rate

if TYPE_CHECKING:
    from avi_env.bench.peers.mesh import Poses
    from avi_env.scene import Scene

__all__ = ["Comparison", "compare", "task_arrays", "write_house"]


class Comparison(NamedTuple):
    """Who was how fast."""

    size: int
    outputs: tuple[str, ...]
    triangles: int
    ours: tuple[Rate, ...]
    peers: tuple[Rate, ...]
    missing: tuple[Missing, ...]


def compare(
    size: int = 128,
    outputs: tuple[str, ...] = ("rgb", "depth"),
    rounds: int = 5,
    names: Sequence[str] | None = None,
    frames: int = 64,
    scene: Scene | None = None,
    device: str = "cpu",
    on_step: Callable[[], None] = lambda: None,
) -> Comparison:
    """Renders the same poses of the same mesh with everybody who is installed, in turns.

    A peer that is not installed, crashes, hangs, or sees something else than ours is told with its reason.

    Args:
        size: width and height of the images [pixel].
        outputs: "depth", or that and "rgb".
        rounds: how many times it is everybody's turn.
        names: of peers; None = all, () = none.
        frames: poses, all of which are rendered once a round.
        scene: what is rendered; None = the house of `speed_house`.
        device: where ours renders.
        on_step: called after each preparation and each round.

    Raises:
        ValueError: an unknown peer, or no depth among the outputs.
        ContestantError: our own renderer failed.
    """
    from avi_env.bench.peers.mesh import house_poses, speed_house

    if "depth" not in outputs:
        raise ValueError("peers are compared with depth among the outputs: it proves that all see the same")
    wanted, own = chosen_peers(names), ours(device)
    house = speed_house() if scene is None else scene
    with tempfile.TemporaryDirectory() as folder, Race(Path(folder), on_step) as race:
        write_house(Path(folder), house, any(peer.package == "habitat_sim" and peer.available() for peer in wanted))
        task = task_arrays(house, house_poses(house, frames)) | {"size": size, "outputs": list(outputs)}
        for peer in own:
            race.enter(peer, task)
        for peer in wanted:
            race.try_to_enter(peer, task)
        race.run(rounds, frames)
        rates = race.rates()
    by_ours = tuple(rates.pop(peer.name) for peer in own)
    return Comparison(size, outputs, len(house.triangles), by_ours, tuple(rates.values()), tuple(race.missing))


def write_house(folder: Path, house: Scene, glb: bool) -> None:
    """Writes those forms of a scene that contestants load instead of bare arrays: ours, and .glb for habitat-sim."""
    from avi_env.scene import save_scene

    (folder / "scene.pickle").write_bytes(pickle.dumps(house))
    if glb:
        save_scene(house, folder / "house.glb")


def task_arrays(house: Scene, poses: Poses) -> dict[str, Any]:
    """Returns a scene and poses as tasks name them: materials become colours."""
    return {
        "vertices": house.vertices,
        "triangles": house.triangles,
        "color_index": house.triangle_material,
        "colors": np.array([material.color for material in house.materials], np.float32),
        "position": poses.position,
        "yaw": poses.yaw,
    }
