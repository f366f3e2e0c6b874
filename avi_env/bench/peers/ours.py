"""Our own renderer as a contestant: the scene with its materials, patterns and baked light."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

from avi_env.bench.peers.protocol import Contestant, Images, load_task


def start(path: Path) -> Contestant:
    """Loads scene.pickle of the task's folder; options: `batch` views a call, `threads` (0 = as it is), `device`."""
    task = load_task(path)
    import torch

    from avi_env.scene.bank import SceneBank
    from avi_env.vision import Camera, render_views

    if task.options["threads"]:
        torch.set_num_threads(task.options["threads"])
    device = torch.device(task.options["device"])
    scene = pickle.loads((Path(task.folder) / "scene.pickle").read_bytes())
    bank = SceneBank((scene,), device)
    batch = task.options["batch"]
    position, yaw = (torch.from_numpy(array).to(device) for array in (task.position, task.yaw))
    index = torch.zeros(len(yaw), dtype=torch.int32, device=device)
    camera = Camera(width=task.size, height=task.size)

    def render(poses: Sequence[int]) -> Images:
        rows = torch.tensor(poses, device=device)
        views = render_views(bank, index[rows], position[rows], yaw[rows], camera, task.outputs)
        images = {name: view.cpu().numpy() for name, view in views.items()}
        depth = images.get("depth")
        return Images(images.get("rgb"), None if depth is None else depth[..., 0])

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "Embree"
    return Contestant(render, len(task.yaw), name, batch)
