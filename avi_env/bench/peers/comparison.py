"""The comparison: everybody who is installed renders the same poses of the same mesh, in turns with ours."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.peers.peer import Peer, chosen_peers, ours
from avi_env.bench.peers.process import ContestantError
from avi_env.bench.peers.race import Missing, Race, Rate

if TYPE_CHECKING:
    from avi_env.bench.peers.mesh import Poses
    from avi_env.scene import Scene

__all__ = ["AGREEING", "Comparison", "compare", "our_rates", "same_view", "task_arrays", "write_house"]

AGREEING = 0.99
"""Share of pixels whose depths must agree with ours: of two surfaces at an edge either may be seen."""

_TOLERANCE = 0.02, 0.01  # [m], and share of the depth, whichever is more: for depth of 16 bits


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
    seconds: float = 0.5,
    on_step: Callable[[], None] = lambda: None,
) -> Comparison:
    """Renders the same poses of the same mesh with everybody who is installed, in turns.

    A peer that is not installed, crashes, hangs, or sees something else than ours is told with its reason.

    Args:
        size: width and height of the images [pixel].
        outputs: "depth", or that and "rgb".
        rounds: how many times it is everybody's turn.
        names: of peers; None = all, () = none.
        frames: poses, all of which are rendered in each round.
        scene: what is rendered; None = the house of `speed_house`.
        device: where ours renders.
        seconds: length of a turn of who renders them faster [s]: they are rendered several times.
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
    with tempfile.TemporaryDirectory() as folder, Race(Path(folder), same_view, on_step) as race:
        write_house(Path(folder), house, any(peer.package == "habitat_sim" and peer.available() for peer in wanted))
        task = task_arrays(house, house_poses(house, frames)) | {"size": size, "outputs": list(outputs)}
        for peer in own:
            race.enter(peer, task)
        for peer in wanted:
            race.try_to_enter(peer, task)
        race.run(rounds, frames, seconds)
        rates = race.rates()
    by_ours = our_rates(race, rates, own)
    return Comparison(size, outputs, len(house.triangles), by_ours, tuple(rates.values()), tuple(race.missing))


def our_rates(race: Race, rates: dict[str, Rate], own: Sequence[Peer]) -> tuple[Rate, ...]:
    """Takes our own rates out of all.

    Raises:
        ContestantError: one of ours failed in a round; without it there is nothing to compare with.
    """
    for missing in race.missing:
        if missing.name in {peer.name for peer in own}:
            raise ContestantError(f"{missing.name}: {missing.reason}")
    return tuple(rates.pop(peer.name) for peer in own)


def same_view(found: Mapping[str, npt.NDArray[Any]], reference: Mapping[str, npt.NDArray[Any]]) -> float:
    """Returns the share of pixels whose depths are the same within 2 cm or 1 %.

    Args:
        found: "depth" [m], shape (n, H, W), and "rgb" where there is one.
        reference: the same of another renderer; depth 0 = nothing was hit, and is not counted.

    Raises:
        ContestantError: too few pixels agree, shapes differ, or pictures show nothing.
    """
    depth, wanted = found["depth"], reference["depth"]
    if depth.shape != wanted.shape:
        raise ContestantError(f"its depth images have shape {depth.shape}, not {wanted.shape}")
    if "rgb" in found and np.ptp(found["rgb"]) == 0:
        raise ContestantError("its pictures are of one colour")
    hit = wanted > 0.0
    near = np.abs(depth - wanted) <= np.maximum(_TOLERANCE[0], _TOLERANCE[1] * wanted)
    share = float(np.mean(near[hit])) if hit.any() else 0.0
    if share < AGREEING:
        raise ContestantError(
            f"sees something else: {100 * share:.1f} % of its depths are ours, not {100 * AGREEING:g} %"
        )
    return share


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
