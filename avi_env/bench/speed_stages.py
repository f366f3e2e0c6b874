"""The stages of a step, each as work of its own through public interfaces: what `avi bench speed` takes the time of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.soundscape import Soundscape
from avi_env.acoustics.spectrogram import spectrogram
from avi_env.bench.peers.mesh import EYE_HEIGHT, house_poses, speed_house
from avi_env.navigation import GridBank, distance_field, move, random_points, walkable_grid
from avi_env.scene import Scene, emission_point, emitting_objects, load_scene
from avi_env.scene.bank import SceneBank
from avi_env.sounds import make_clip
from avi_env.vision.camera import Camera
from avi_env.vision.render import render_views

__all__ = ["Hearing", "Spectrograms", "Views", "Walking", "arrays_work", "measured_scene"]

SAMPLE_RATE, STEP_SECONDS = 16000, 0.25
_PLACES = 64  # places that views are taken from, listeners stand at and walks begin at


@cache
def measured_scene(name: str, triangles: int) -> Scene:
    """Returns a house by name, or the peers' with "", cut to a number of triangles unless that is 0."""
    if name:
        return load_scene(name)
    return speed_house(triangles) if triangles else speed_house()


class Views:
    """N views of a house, from other places with each call."""

    def __init__(self, scene: Scene, count: int, size: int, device: torch.device, outputs: Sequence[str]) -> None:
        self.bank, self.camera, self.outputs = SceneBank((scene,), device), Camera(width=size, height=size), outputs
        poses = house_poses(scene, max(_PLACES, count))
        self._eyes, self._yaw = (torch.from_numpy(part).to(device) for part in poses)
        self._index = torch.zeros(count, dtype=torch.int32, device=device)
        self._first, self._count = 0, count

    def __call__(self) -> None:
        """Renders the next N views."""
        rows = slice(self._first, self._first + self._count)
        render_views(self.bank, self._index, self._eyes[rows], self._yaw[rows], self.camera, self.outputs)
        self._first += self._count
        if self._first + self._count > len(self._eyes):
            self._first = 0


class Hearing:
    """N listeners with S sources each, who walk on with every step of 0.25 s."""

    def __init__(self, scene: Scene, count: int, sources: int, device: torch.device, seed: int) -> None:
        self._bank, self._count = SceneBank((scene,), device), count
        objects = emitting_objects(scene)
        emitters = [
            Emitter(make_clip(item.emits[0], seed=seed, sample_rate=SAMPLE_RATE), emission_point(item).astype("f4"))
            for item in objects[: max(4, sources)]
        ]
        self._scape = Soundscape(count, sources, load_hrtf("kemar", SAMPLE_RATE), device=device)
        for row in range(count):
            for source in range(sources):
                self._scape.set_source(row, source, scene, emitters[(row + source) % len(emitters)])
        rng = np.random.default_rng((0x48454152, seed))
        places = random_points(walkable_grid(scene), rng, _PLACES * count) + np.array([0.0, EYE_HEIGHT, 0.0], "f4")
        self._ears = torch.from_numpy(places.reshape(_PLACES, count, 3)).to(device)
        self._rows = torch.arange(count, device=device)
        self._index = torch.zeros(count, dtype=torch.int32, device=device)
        self._yaw = torch.zeros(count, device=device)
        self._clock = torch.zeros(count, dtype=torch.int64, device=device)
        self._stream = self._scape.start(self._rows)
        self._step = 0

    def look_up(self) -> None:
        """Finds paths and fields at the ears, and the early responses that they make."""
        self._scape.responses(self._bank, self._rows, self._index, self._next(), self._yaw, self._clock)

    def listen(self) -> None:
        """Looks up and plays one step."""
        samples = round(SAMPLE_RATE * STEP_SECONDS)
        _, self._stream = self._scape.listen(
            self._bank, self._stream, self._rows, self._index, self._next(), self._yaw, self._clock, samples
        )
        self._clock = self._clock + samples

    def _next(self) -> torch.Tensor:
        self._step += 1
        self._yaw = self._yaw + 0.26
        return self._ears[self._step % _PLACES]


class Spectrograms:
    """The spectrograms of N binaural seconds."""

    def __init__(self, count: int, device: torch.device, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._audio = 0.05 * torch.randn(count, 2, SAMPLE_RATE, generator=generator).to(device)

    def __call__(self) -> None:
        """Computes them."""
        spectrogram(self._audio, SAMPLE_RATE)


class Walking:
    """N agents that move and look up how far it is to their goals."""

    def __init__(self, scene: Scene, count: int, device: torch.device, seed: int) -> None:
        grid = walkable_grid(scene)
        rng = np.random.default_rng((0x57414C4B, seed))
        places = random_points(grid, rng, count + 1)
        self._grids = GridBank([grid], device)
        field = self._grids.pad(distance_field(grid, places[:1]))
        self._fields = field.expand(count, *field.shape).contiguous()
        self._index = torch.zeros(count, dtype=torch.int32, device=device)
        self._position = torch.from_numpy(places[1:]).to(device)
        self._yaw = torch.from_numpy(rng.uniform(-np.pi, np.pi, count).astype("f4")).to(device)
        self._forward = torch.full((count,), 0.25, device=device)
        turns = np.radians(15.0) * rng.integers(-1, 2, size=(_PLACES, count))
        self._turns = torch.from_numpy(turns.astype("f4")).to(device)
        self._step = 0

    def __call__(self) -> None:
        """Moves all of them once."""
        self._step += 1
        turn = self._turns[self._step % _PLACES]
        motion = move(self._grids, self._index, self._position, self._yaw, self._forward, turn)
        self._position, self._yaw = motion.position, motion.yaw
        self._grids.lookup(self._fields, self._index, self._position)


@dataclass(frozen=True)
class _Arrays:
    """Observations that are brought to NumPy."""

    tensors: dict[str, torch.Tensor]

    def __call__(self) -> None:
        for tensor in self.tensors.values():
            tensor.cpu().numpy().copy()


def arrays_work(count: int, size: int, device: torch.device) -> Callable[[], Any]:
    """Returns work: the observations of N environments (RGB-D, a second of sound, its spectrogram) as NumPy copies."""
    shapes: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
        "rgb": ((size, size, 3), torch.uint8),
        "depth": ((size, size, 1), torch.float32),
        "audio": ((2, SAMPLE_RATE), torch.float32),
        "spectrogram": ((65, 26, 2), torch.float32),
    }
    made = {n: torch.zeros((count, *shape), dtype=dtype, device=device) for n, (shape, dtype) in shapes.items()}
    return _Arrays(made)
