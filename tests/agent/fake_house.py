"""A small house with a door between each two rooms, and an environment around it that is simple enough to reason about.

Sight is the real renderer; the sound is a clip through the real head from the first bend of the shortest way to the
source, 1/r quieter, 6 dB less for each bend: no reverberation.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
from scipy import signal

from avi_env.acoustics.hrtf import load_hrtf
from avi_env.navigation import geodesic_distance, shortest_path, walkable_grid
from avi_env.scene import Room, Scene, emission_point
from avi_env.scene.rays import occluded
from avi_env.scene.shapes import SceneBuilder, shape_row
from avi_env.sounds import make_clip
from avi_env.vision import render

RATE = 16000
STEP = 0.25
EYE = 1.25

ROOMS = {"living_room": (0.0, 0.0, 6.0, 5.0), "kitchen": (6.1, 0.0, 10.0, 5.0), "bathroom": (0.0, 5.1, 6.0, 8.0)}
THINGS = (  # category, room, center, size
    ("sofa", 0, (1.0, 0.4, 0.6), (1.8, 0.8, 0.8)),
    ("television", 0, (5.6, 0.9, 0.4), (0.3, 0.6, 1.0)),
    ("stove", 1, (9.6, 0.45, 0.6), (0.6, 0.9, 0.6)),
    ("fridge", 1, (9.6, 0.9, 4.4), (0.6, 1.8, 0.6)),
    ("phone", 1, (9.5, 0.98, 2.0), (0.2, 0.06, 0.1)),
    ("table", 1, (9.6, 0.9, 2.0), (0.8, 0.1, 2.2)),
    ("toilet", 2, (0.5, 0.3, 7.6), (0.5, 0.6, 0.6)),
    ("dog", 2, (5.2, 0.3, 7.2), (0.5, 0.5, 0.3)),
)


def make_house() -> Scene:
    """Returns living room, kitchen and bathroom, linked by two doorways of 0.9 m."""
    build = SceneBuilder()
    plaster = build.add_material("plaster")

    def block(
        category: str, room: int, center: tuple[float, ...], size: tuple[float, ...], emits: tuple[str, ...] = ()
    ) -> None:
        thing = build.add_object(category, room, center, size, emits=emits)  # type: ignore[arg-type]
        build.add_shape("box", shape_row(center, size), plaster, thing)  # type: ignore[arg-type]

    for number, (x0, z0, x1, z1) in enumerate(ROOMS.values()):
        block("floor", number, ((x0 + x1) / 2, -0.05, (z0 + z1) / 2), (x1 - x0 + 0.1, 0.1, z1 - z0 + 0.1))
        block("ceiling", number, ((x0 + x1) / 2, 2.65, (z0 + z1) / 2), (x1 - x0 + 0.1, 0.1, z1 - z0 + 0.1))
    walls = [  # x0, z0, x1, z1
        (-0.1, -0.1, 10.1, 0.0), (-0.1, 0.0, 0.0, 8.1), (10.0, 0.0, 10.1, 5.1), (0.0, 8.0, 6.1, 8.1),
        (6.0, 5.0, 6.1, 8.0), (6.1, 5.0, 10.0, 5.1), (6.0, 0.0, 6.1, 3.4), (6.0, 4.3, 6.1, 5.0),
        (0.0, 5.0, 2.0, 5.1), (2.9, 5.0, 6.0, 5.1),
    ]  # fmt: skip
    for x0, z0, x1, z1 in walls:
        block("wall", -1, ((x0 + x1) / 2, 1.3, (z0 + z1) / 2), (x1 - x0, 2.6, z1 - z0))
    for category, room, center, size in THINGS:
        block(category, room, center, size, {"phone": ("phone",), "dog": ("dog_bark",)}.get(category, ()))
    rooms = [
        Room(k, name, ((x0, z0), (x1, z0), (x1, z1), (x0, z1)))
        for k, (name, (x0, z0, x1, z1)) in enumerate(ROOMS.items())
    ]
    return build.build("fake", rooms)


class FakeHouseEnv(gym.Env[dict[str, Any], np.int64]):
    """The agent's side of an environment: the same keys, actions and conventions."""

    def __init__(
        self,
        source: str = "phone",
        sound: str = "phone",
        start: tuple[float, float, float] = (3.0, 2.5, 0.0),
        scene: Scene | None = None,
    ) -> None:
        self.scene = scene or make_house()
        self.thing = next(o for o in self.scene.objects if o.category == source)
        self.source = emission_point(self.thing)
        self.config = SimpleNamespace(sample_rate=RATE, step_seconds=STEP, hfov=90.0, eye_height=EYE, hrtf="kemar")
        self.semantic_categories = tuple(o.category for o in self.scene.objects)
        names = ("depth", "semantic", "audio", "pose")
        self.observation_space = gym.spaces.Dict({n: gym.spaces.Box(-np.inf, np.inf, (1,)) for n in names})
        self.action_space = gym.spaces.Discrete(4)  # type: ignore[assignment]
        self.start = start
        self.clip = np.tile(make_clip(sound, 3, RATE).samples.astype(np.float64), 3)
        self.grid = walkable_grid(self.scene)
        self.head = load_hrtf("kemar", RATE)

    def reset(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # type: ignore[override]
        """Starts."""
        self.position = np.array([self.start[0], 0.0, self.start[1]])
        self.yaw = self.start[2]
        self.steps = 0
        self.audio = np.zeros((2, RATE))
        return self._observe(), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Moves; a step into an obstacle is not made."""
        if action == 1:
            ahead = self.position + 0.25 * np.array([-math.sin(self.yaw), 0.0, -math.cos(self.yaw)])
            cell = np.round((ahead[[0, 2]] - np.array(self.grid.origin)) / self.grid.cell).astype(int)
            if np.all(cell >= 0) and np.all(cell < self.grid.free.shape) and self.grid.free[tuple(cell)]:
                self.position = ahead
        elif action in (2, 3):
            self.yaw += math.radians(15.0) * (1 if action == 2 else -1)
        self.steps += 1
        distance = self.distance_to_goal()
        stopped = action == 0
        return self._observe(), 0.0, bool(stopped), False, {"success": bool(stopped and distance < 1.0)}

    def distance_to_goal(self) -> float:
        """Geodesic distance to the walkable point nearest to the source [m]."""
        return geodesic_distance(self.scene, self.position, self.source * [1.0, 0.0, 1.0])

    def _observe(self) -> dict[str, Any]:
        eye = self.position + np.array([0.0, EYE, 0.0])
        sight = render(self.scene, eye, self.yaw)
        self.audio = np.concatenate([self.audio, self._sound(eye)], axis=1)[:, -RATE:]
        sin, cos = math.sin(self.start[2]), math.cos(self.start[2])
        dx, dz = self.position[0] - self.start[0], self.position[2] - self.start[1]
        pose = [dx * cos - dz * sin, 0.0, dx * sin + dz * cos, self.yaw - self.start[2]]
        return {
            "depth": sight["depth"],
            "semantic": sight["semantic"],
            "audio": self.audio.astype(np.float32),
            "pose": np.array(pose, np.float32),
        }

    def _sound(self, ear: np.ndarray) -> np.ndarray:
        """The newest step of sound at both ears, shape (2, n)."""
        length, bends, toward = float(np.linalg.norm(self.source - ear)), 0, self.source - ear
        if occluded(self.scene, ear[None], self.source[None])[0]:
            path = shortest_path(self.scene, self.position, self.source * [1.0, 0.0, 1.0])
            if len(path) > 2:
                length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
                bends, toward = len(path) - 2, path[1] + np.array([0.0, EYE, 0.0]) - ear
        sin, cos = math.sin(self.yaw), math.cos(self.yaw)
        x, y, z = toward / np.linalg.norm(toward)
        k = int(np.argmax(self.head.directions @ np.array([x * cos - z * sin, y, x * sin + z * cos])))
        count, lead = round(STEP * RATE), 512
        first = (self.steps * count) % (len(self.clip) // 3) + len(self.clip) // 3
        dry = self.clip[first - lead : first + count] / length * 0.5**bends
        spectrum = np.fft.rfft(dry, 2 * len(dry))
        frequency = np.fft.rfftfreq(2 * len(dry), 1.0 / RATE)
        ears = []
        for side in (0, 1):
            delay = 0.001 + (-0.5, 0.5)[side] * float(self.head.itd[k])
            late = np.fft.irfft(spectrum * np.exp(-2j * math.pi * frequency * delay))[: len(dry)]
            ears.append(signal.lfilter(self.head.taps[k, side], [1.0], late)[lead:])
        return np.stack(ears)
