"""Which cells of a baked field a listener sees: sound leaks through no thin wall."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import torch
import warp as wp

from avi_env.acoustics.scene_arrays import SceneArrays, scene_arrays
from avi_env.acoustics.straight_paths import is_blocked
from avi_env.scene.bank import SceneBank
from avi_env.scene.launches import launch

__all__ = ["cells_in_sight"]

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _sight_kernel(
    scenes: wp.array[SceneArrays],
    scene_index: wp.array[wp.int32],
    ears: wp.array[wp.vec3],
    cells: wp.array2d[wp.vec3],
    seen_out: wp.array2d[wp.bool],
) -> None:
    row, corner = wp.tid()
    mesh = scenes[0].mesh[scene_index[row]]
    seen_out[row, corner] = not is_blocked(mesh, wp.vec3d(ears[row]), wp.vec3d(cells[row, corner]))


def cells_in_sight(bank: SceneBank, scene_index: torch.Tensor, ears: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Returns whether each listener sees each of the cells around it, shape (F, 4), bool.

    Args:
        bank: the scenes.
        scene_index: scene of each listener in the bank, shape (F,), int32.
        ears: centres of the heads [m], shape (F, 3), world frame.
        cells: centres of the cells [m], shape (F, 4, 3), world frame.

    Raises:
        ValueError: shapes that do not fit together.
    """
    count = len(scene_index)
    if ears.shape != (count, 3) or cells.ndim != 3 or cells.shape[::2] != (count, 3):
        raise ValueError(
            f"cells_in_sight needs scene_index (F,), ears (F, 3), cells (F, 4, 3), not {tuple(scene_index.shape)}, "
            f"{tuple(ears.shape)}, {tuple(cells.shape)}"
        )
    seen = torch.empty(cells.shape[:2], dtype=torch.bool, device=bank.device)
    places = (ears.to(torch.float32).contiguous(), cells.to(torch.float32).contiguous())
    index = scene_index.to(torch.int32).contiguous()
    launch(_sight_kernel, (count, cells.shape[1]), [scene_arrays(bank), index, *places, seen], bank.device)
    return seen
