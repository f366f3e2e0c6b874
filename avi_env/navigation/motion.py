"""Motion of many agents at once on their walkable grids, sliding along what is in the way."""
# mypy: disable-error-code="untyped-decorator,attr-defined"

from __future__ import annotations

from typing import NamedTuple

import torch
import warp as wp

from avi_env.navigation.grid_bank import GridBank
from avi_env.navigation.grid_device import GridArrays, advance, column_of, row_at
from avi_env.scene.rays_warp import wp_device

__all__ = ["Motion", "move"]

wp.set_module_options({"enable_backward": False})


class Motion(NamedTuple):
    """Where agents are after a move."""

    position: torch.Tensor
    """World (x, y, z) on the floor [m], shape (B, 3), float32."""
    yaw: torch.Tensor
    """Heading [rad], in (-pi, pi], shape (B,), float32."""
    collided: torch.Tensor
    """True where something was in the way, shape (B,)."""


@wp.kernel
def _move(
    grids: GridArrays,
    scene_index: wp.array[wp.int32],
    position: wp.array2d[wp.float32],
    yaw: wp.array[wp.float32],
    forward: wp.array[wp.float32],
    turn: wp.array[wp.float32],
    position_out: wp.array2d[wp.float32],
    yaw_out: wp.array[wp.float32],
    collided_out: wp.array[wp.bool],
) -> None:
    b = wp.tid()
    start = row_at(grids, scene_index[b], position[b, 0], position[b, 1], position[b, 2])
    end = advance(grids, start, position[b, 0], position[b, 2], yaw[b], forward[b], turn[b])
    k = int(end[3])
    c = column_of(grids, k, end[0], end[1])
    y = position[b, 1]
    if c[0] >= 0 and c[1] >= 0 and c[0] < grids.free.shape[1] and c[1] < grids.free.shape[2]:
        floor = grids.floor_y[k, c[0], c[1]]
        if wp.isfinite(floor):
            y = floor
    position_out[b, 0] = end[0]
    position_out[b, 1] = y
    position_out[b, 2] = end[1]
    heading = yaw[b] + turn[b]
    yaw_out[b] = heading - 2.0 * wp.pi * wp.ceil((heading - wp.pi) / (2.0 * wp.pi))
    collided_out[b] = end[2] > 0.5


def move(
    bank: GridBank,
    scene_index: torch.Tensor,
    position: torch.Tensor,
    yaw: torch.Tensor,
    forward: torch.Tensor,
    turn: torch.Tensor,
) -> Motion:
    """Moves agents: an arc of length `forward` that turns by `turn`, sliding along what is in the way.

    Steps are no longer than half a column, so nobody passes a wall. Where a step is blocked, its component into the
    obstacle is removed and the rest is kept, as in Habitat. Discrete and continuous actions are both this.
    Stairs and slopes lead to other layers of the grid; distances are those seen from above, y follows the floor.

    Args:
        bank: the grids.
        scene_index: the grid on which each agent walks, shape (B,), int32.
        position: world (x, y, z) of the feet [m], shape (B, 3), float32.
        yaw: heading [rad], shape (B,), float32.
        forward: distance to walk [m], shape (B,), float32; negative = backwards.
        turn: angle to turn while walking [rad], counter-clockwise, shape (B,), float32.
    """
    count = len(position)
    for name, tensor, shape in (
        ("scene_index", scene_index, (count,)),
        ("position", position, (count, 3)),
        ("yaw", yaw, (count,)),
        ("forward", forward, (count,)),
        ("turn", turn, (count,)),
    ):
        if tensor.shape != shape or tensor.device != bank.device:
            raise ValueError(
                f"move: {name} must have shape {shape} on {bank.device}, not {tuple(tensor.shape)} on {tensor.device}"
            )
    out = Motion(
        torch.empty((count, 3), dtype=torch.float32, device=bank.device),
        torch.empty(count, dtype=torch.float32, device=bank.device),
        torch.empty(count, dtype=torch.bool, device=bank.device),
    )
    if count:
        inputs = [
            bank.arrays,
            wp.from_torch(bank.checked_index(scene_index)),
            *(wp.from_torch(tensor.float().contiguous()) for tensor in (position, yaw, forward, turn)),
        ]
        outputs = [wp.from_torch(tensor) for tensor in out]
        wp.launch(_move, dim=count, inputs=inputs, outputs=outputs, device=wp_device(bank.device))
    return out
