"""Writes what in docs/ and the README is made from code and data: materials, acoustics, recordings, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from avi_env.acoustics import bake_field
from avi_env.agents.load import load_planner
from avi_env.agents.loop import run_agent
from avi_env.bench.acoustics_page import committed_report, rendered_page
from avi_env.bench.acoustics_plots import draw_plots
from avi_env.bench.audibility import chosen_source
from avi_env.bench.audibility_picture import audibility_picture
from avi_env.bench.benchmarks_page import committed_summaries, rendered_benchmarks_page
from avi_env.bench.difficulty_picture import difficulty_picture
from avi_env.bench.files import write_json
from avi_env.bench.recorder import Footage
from avi_env.bench.recordings import RECORDINGS, cues, write_opus
from avi_env.bench.room_views import room_views
from avi_env.bench.scene_sheet import overview, overview_tile
from avi_env.bench.scene_show import scene_table
from avi_env.bench.scenes_page import committed_scene_report, draw_scene_plots, rendered_scene_page
from avi_env.bench.session import heard_words
from avi_env.bench.sound_picture import depth_picture, sound_picture
from avi_env.bench.sound_sheet import show_sounds
from avi_env.bench.sounds_page import committed_sound_report, rendered_sound_page
from avi_env.bench.speed_page import committed_speed_report, draw_speed_plots, rendered_speed_page
from avi_env.bench.tasks_page import write_task_pages
from avi_env.envs import AviEnv
from avi_env.scenario.reference_page import rendered_scenarios_page
from avi_env.scene import emitting_objects, load_scene, scene_names
from avi_env.scene.materials import materials_page
from avi_env.scene.outline import outline_area
from avi_env.vision import topdown_map
from avi_env.whole_file import whole_file, write_whole

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
HOUSE, SEED, SOUND = "house:7", 0, "phone"
TURNS = (2, 2, 2, 2)  # actions before the observation that is shown
OVERVIEW = "houses:12"
RESULTS = ROOT / "benchmarks" / "acoustics" / "results"
PAGES = (ROOT / "README.md", ROOT / "docs" / "acoustics.md")
AUDIBLE = "house:8"


def save(name: str, image: np.ndarray) -> None:
    """Writes one picture."""
    with whole_file(IMAGES / name) as part:
        Image.fromarray(image).save(part, optimize=True)


def house_picture() -> np.ndarray:
    """The house from above and views into its two largest rooms, 1280 x 480."""
    scene = load_scene(HOUSE)
    chart = topdown_map(scene, pixels_per_metre=56, labels=True).image
    width = round(chart.shape[1] * 480 / chart.shape[0])
    chart = np.array(Image.fromarray(chart).resize((width, 480), Image.Resampling.LANCZOS))
    views = room_views(scene, (1280 - width) // 2, 480, "shadows")
    largest = sorted(scene.rooms, key=lambda room: -outline_area(room.polygon))[:2]
    chosen = [views[room.name] for room in largest]
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


def recordings() -> None:
    """Renders the recordings for the ear and what is measured in them."""
    folder = ROOT / "docs" / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, make in RECORDINGS.items():
        recording = make(None)
        write_opus(folder / name, recording.audio)
        found[name] = cues(recording)
    write_json(RESULTS / "recordings.json", found)


def overview_picture() -> np.ndarray:
    """Twelve houses: from above, and the largest room of each."""
    tiles = []
    for name in scene_names(OVERVIEW):
        scene = load_scene(name)
        tiles.append(overview_tile(scene, scene_table(scene)))
    return few_colours(overview(tiles))


def few_colours(picture: np.ndarray) -> np.ndarray:
    """A picture with a palette of 128 colours: a third of the bytes."""
    return np.array(Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE).convert("RGB"))


def audibility() -> np.ndarray:
    """Levels of a ringing phone in a house, from above."""
    scene = load_scene(AUDIBLE)
    source = chosen_source(scene, (emitting_objects(scene, "phone")[0].name,))
    return few_colours(audibility_picture(scene, bake_field(scene, source.position), source))


def acoustics_pages() -> None:
    """Writes the tables and plots of the committed acoustic report into the pages."""
    report = committed_report()
    draw_plots(report, IMAGES)
    for page in PAGES:
        write_whole(page, rendered_page(page.read_text(encoding="utf-8"), report))


def scene_pages() -> None:
    """Writes the tables and plots of the committed report on scenes into their page."""
    report = committed_scene_report()
    draw_scene_plots(report, IMAGES)
    page = ROOT / "docs" / "scenes.md"
    write_whole(page, rendered_scene_page(page.read_text(encoding="utf-8"), report))


def sound_page() -> None:
    """Writes the tables of the sound classes, and how well they are told apart, into their page."""
    page = ROOT / "docs" / "sounds.md"
    write_whole(page, rendered_sound_page(page.read_text(encoding="utf-8"), committed_sound_report()))


def benchmarks_page() -> None:
    """Writes the tables of the committed evaluations into their page."""
    page = ROOT / "docs" / "benchmarks.md"
    write_whole(page, rendered_benchmarks_page(page.read_text(encoding="utf-8"), committed_summaries()))


def scenarios_page() -> None:
    """The table of predicates on the page on scenario tests."""
    page = ROOT / "docs" / "scenarios.md"
    write_whole(page, rendered_scenarios_page(page.read_text(encoding="utf-8")))


def speed_page() -> None:
    """Writes the tables and plots of the committed report on speed into their page."""
    report = committed_speed_report()
    draw_speed_plots(report, IMAGES)
    page = ROOT / "docs" / "performance.md"
    write_whole(page, rendered_speed_page(page.read_text(encoding="utf-8"), report))


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    recordings()
    acoustics_pages()
    scene_pages()
    sound_page()
    speed_page()
    write_task_pages(ROOT / "docs" / "tasks")
    benchmarks_page()
    scenarios_page()
    show_sounds((), IMAGES / "sounds.png")
    save("houses.png", overview_picture())
    save("audibility.png", audibility())
    save("difficulty.png", few_colours(difficulty_picture()))
    write_whole(ROOT / "docs" / "materials.md", materials_page())
    environment = AviEnv(scene=HOUSE, sounds=(SOUND,), sensors=("rgb", "depth", "audio", "semantic", "pose"))
    save("house.png", house_picture())
    save("observation.png", observation_picture(environment))
    save("moment.png", moment_picture(environment))
