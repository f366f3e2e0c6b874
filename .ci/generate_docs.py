"""Writes what in docs/ is made from code and data: the materials page and the README's pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from avi_env.agents.load import load_planner
from avi_env.agents.loop import run_agent
from avi_env.bench.inventory import room_views
from avi_env.bench.recorder import Footage
from avi_env.bench.session import heard_words
from avi_env.bench.sound_picture import depth_picture, sound_picture
from avi_env.envs import AviEnv
from avi_env.scene import load_scene
from avi_env.scene.materials import materials_page
from avi_env.vision import topdown_map
from avi_env.whole_file import whole_file, write_whole

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
HOUSE, SEED, SOUND = "house:7", 0, "phone"
TURNS = (2, 2, 2, 2)  # actions before the observation that is shown
ROOMS = ("living_room", "kitchen")


def save(name: str, image: np.ndarray) -> None:
    """Writes one picture."""
    with whole_file(IMAGES / name) as part:
        Image.fromarray(image).save(part, optimize=True)


def house_picture() -> np.ndarray:
    """The house from above and two views into it, 1280 x 480."""
    scene = load_scene(HOUSE)
    chart = topdown_map(scene, pixels_per_metre=56, labels=True).image
    width = round(chart.shape[1] * 480 / chart.shape[0])
    chart = np.array(Image.fromarray(chart).resize((width, 480), Image.Resampling.LANCZOS))
    views = room_views(scene, (1280 - width) // 2, 480, "shadows")
    chosen = [next(view for name, view in views.items() if name.startswith(kind)) for kind in ROOMS]
    return np.concatenate([chart, *chosen], axis=1)


def observation_picture(env: AviEnv) -> np.ndarray:
    """What the agent gets in one step: RGB, depth, and the sound at both ears, 1280 x 320."""
    observation, _ = env.reset(seed=SEED)
    for action in TURNS:
        observation, *_ = env.step(action)
    side = 320
    rgb = np.array(Image.fromarray(observation["rgb"]).resize((side, side), Image.Resampling.BICUBIC))
    depth = np.array(
        Image.fromarray(depth_picture(observation["depth"])).resize((side, side), Image.Resampling.NEAREST)
    )
    ears = [sound_picture(ear, env.config.sample_rate, side, side) for ear in observation["audio"]]
    return np.concatenate([rgb, depth, *ears], axis=1)


def moment_picture(env: AviEnv) -> np.ndarray:
    """One frame of what `avi run` records."""
    observation, info = env.reset(seed=SEED)
    footage = Footage(env, "Which room is the ringing phone in?", f"{HOUSE}, planner rules")
    run_agent(
        env,
        load_planner("rules"),
        footage.title,
        observation=observation,
        info=info,
        on_step=lambda report: footage.add(
            dict(report.observation), report.call.to_text() if report.call else "listening", *heard_words(report.mind)
        ),
    )
    frames = list(footage.frames(1))
    return frames[round(0.6 * len(frames))]


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    write_whole(ROOT / "docs" / "materials.md", materials_page())
    environment = AviEnv(scene=HOUSE, sounds=(SOUND,), sensors=("rgb", "depth", "audio", "semantic", "pose"))
    save("house.png", house_picture())
    save("observation.png", observation_picture(environment))
    save("moment.png", moment_picture(environment))
