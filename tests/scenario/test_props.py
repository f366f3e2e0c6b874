"""Lamps and things of a scenario: seen, walked into and heard when they are there, and only then."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics import render_rir
from avi_env.envs.batch import EnvBatch
from avi_env.envs.variants import LARGE, Variant, heard_scene, seen_scene, standing, with_pose
from avi_env.navigation import walkable_grid
from avi_env.scenario.cases import cases
from avi_env.scenario.effects import LightOff, LightOn, ObjectAppear, ObjectFall, ObjectRemove
from avi_env.scenario.falls import GRAVITY
from avi_env.scenario.names import Names
from avi_env.scenario.parts import Place
from avi_env.scenario.prop_effects import PropError, Props, declared_ids
from avi_env.scenario.props import make_prop, object_boxes, place_at
from avi_env.scenario.reading import parse_scenario
from avi_env.scenario.run import run_case
from avi_env.scenario.surroundings import Prop, World
from avi_env.scene import load_scene, with_doors
from avi_env.scene.variants import drawn_like
from avi_env.tasks import Episode
from avi_env.vision import render

FLAT = "house:1:living_room+bedroom"
SCENE = load_scene(FLAT)
FORWARD, LEFT, RIGHT = 1, 2, 3


class Flat:
    """A flat with things, in which an agent plays."""

    def __init__(
        self, start: tuple[float, float], yaw: float, effects: Mapping[str, Any], sensors: tuple[str, ...], **world: Any
    ) -> None:
        declared = World(scene=FLAT, **world)
        self.ids = declared_ids(SCENE, declared)
        self.props = Props(SCENE, declared, Names(SCENE, (), self.ids), effects, seed=3)
        given = {"scene": FLAT, "width": 48, "height": 48, "bake_paths": 128, "distractors": 1, "sound_level": -200.0}
        self.env: Any = gym.make("avi_env/AudioNav-v0", sensors=sensors, **given).unwrapped
        self.batch: EnvBatch = self.env.batch
        self.batch.world.first_variant = self.props.first
        feet = (start[0], 0.0, start[1])
        episode = Episode(FLAT, feet, yaw, (start[0], 1.0, start[1]), feet, -1, "vacuum_cleaner", 0, 0.5, 3)
        self.seen, _ = self.env.reset(seed=0, options={"episode": episode})

    def step(self, action: int = LEFT) -> dict[str, Any]:
        """One step in which things go on."""
        self.props.advance(self.batch)
        self.seen = self.env.step(action)[0]
        return self.seen

    def apply(self, effect: Any, seconds: float | None = None) -> Any:
        """Lets something happen, now if no time is given."""
        return self.props.apply(self.batch, effect, self.batch.seconds(0) if seconds is None else seconds)

    def pixels(self, number: int) -> int:
        """How many pixels of a thing were seen in the last step."""
        return int((self.seen["semantic"] == number).sum())

    @property
    def feet(self) -> np.ndarray:
        """Where the agent stands."""
        return self.batch.state.position[0].numpy().astype(np.float64)


def open_floor() -> tuple[tuple[float, float], float]:
    """Place and heading of an agent with 2 m of free floor ahead."""
    grid = walkable_grid(SCENE)
    for at in grid.center(np.argwhere(grid.clearance > 0.29)):
        for yaw in (0.0, math.pi / 2, math.pi, -math.pi / 2):
            ahead = at + np.arange(0.0, 2.01, 0.05)[:, None] * [-math.sin(yaw), -math.cos(yaw)]
            if grid.is_free(ahead).all():
                return (float(at[0]), float(at[1])), yaw
    raise AssertionError("the flat has free floor")


def ahead(distance: float) -> list[float]:
    """A point on the open floor, so far ahead."""
    (x, z), yaw = open_floor()
    return [x - distance * math.sin(yaw), 0.0, z - distance * math.cos(yaw)]


def test_a_thing_that_appears_is_seen_and_walked_into_and_one_that_is_removed_is_not() -> None:
    """Where the agent stands it waits; a snapshot keeps it."""
    box = {"crate": Prop(category="box", place=Place(position=ahead(1.4)), hidden=True)}
    effects = {"timeline[0]": ObjectAppear(object="crate"), "timeline[1]": ObjectRemove(object="crate")}
    flat = Flat(*open_floor(), effects, ("semantic", "pose"), objects=box)
    crate = flat.ids["crate"]
    assert (flat.pixels(crate), flat.props.present(crate)) == (0, False)
    assert flat.env.semantic_categories[crate] == "box"
    place = flat.apply(ObjectAppear(object="crate"))
    assert_allclose(place[[0, 2]], np.array(ahead(1.4))[[0, 2]], atol=1e-6)
    shown = seen_scene(SCENE, flat.batch.world.variant(int(flat.batch.seats.seats[0])))
    low, high = object_boxes(shown)[crate][:, [0, 2]]

    def gap() -> float:
        """From the agent's axis to the crate's box [m]."""
        return float(np.hypot(*np.maximum(np.maximum(low - flat.feet[[0, 2]], flat.feet[[0, 2]] - high), 0.0)))

    flat.step(FORWARD)
    assert flat.pixels(crate) > 0
    assert flat.props.present(crate)
    while gap() > 0.4 and flat.batch.seconds(0) < 2.0:
        flat.step(FORWARD)
    flat.step(FORWARD)
    assert 0.15 < gap() < 0.45  # a cell of the grid less than the agent's radius
    kept = flat.batch.snapshot()
    flat.apply(ObjectRemove(object="crate"))
    while gap() > 0.0 and flat.batch.seconds(0) < 4.0:
        flat.step(FORWARD)
    assert gap() == 0.0  # it stands where the crate was
    assert (flat.pixels(crate), flat.props.present(crate)) == (0, False)
    flat.apply(ObjectAppear(object="crate"))
    assert not flat.props.present(crate)  # somebody stands there
    while gap() < 0.35 and flat.batch.seconds(0) < 6.0:
        flat.step(FORWARD)
    flat.step(LEFT)
    assert flat.props.present(crate)
    flat.batch.restore(pickle.loads(pickle.dumps(kept)))
    for _ in range(2):
        flat.env.step(FORWARD)
    assert 0.15 < gap()


def test_a_lamp_that_is_off_darkens_its_room_alone_and_is_not_heard() -> None:
    """On again, each pixel is as it was."""
    effects = {"timeline[0]": LightOff(room="living_room"), "timeline[1]": LightOn(room="living_room")}
    flat = Flat(*open_floor(), effects, ("rgb", "audio"), lights={"bedroom": "off"})
    assert (flat.props.lit(1), flat.props.lit(0)) == (False, True)
    kept = flat.batch.snapshot()
    lit = flat.step()
    flat.batch.restore(kept)
    flat.apply(LightOff(room="living_room"))
    assert not flat.props.lit(0)
    dark = flat.step()
    assert_array_equal(dark["audio"], lit["audio"])
    assert dark["rgb"].mean() < 0.8 * lit["rgb"].mean()  # it is day
    flat.apply(LightOn(room="living_room"))
    assert_array_equal(flat.env.batch.observe()["rgb"][0], lit["rgb"])


def test_lamps_do_not_shine_into_rooms_that_they_do_not_light() -> None:
    """A windowless dark room is almost black; another one keeps every bit, as exposure is that of the lit house."""
    pair = with_doors(SCENE, {0: 0.0})
    walls = [replace(item, category="wall") if item.category == "window" else item for item in pair.objects]
    pair = replace(pair, objects=tuple(walls))
    dark = seen_scene(pair, Variant(frozenset({0})))
    here, there = (3.0, 1.25, 2.3), (3.9, 1.25, 6.0)
    lit, off = (render(scene, here, 0.0, width=32, height=32)["rgb"].mean() for scene in (pair, dark))
    assert off < 0.25 * lit
    one, other = (render(scene, there, math.pi, width=32, height=32)["rgb"] for scene in (pair, dark))
    assert_array_equal(one, other)
    shaded = [render(s, here, 0.0, width=32, height=32, quality="shadows")["rgb"].mean() for s in (pair, dark)]
    assert shaded[1] < 0.25 * shaded[0]
    assert heard_scene(pair, Variant(frozenset({0}))) is pair


def test_a_thing_falls_in_the_time_that_gravity_takes_and_its_impact_comes_from_there() -> None:
    """Within 4 ms of when and on the side from which it must be heard, after complete silence."""
    (x, z), _ = open_floor()
    things = {"mug": Prop(category="cup", place=Place(object="table"))}
    effects = {"timeline[0]": ObjectFall(object="mug")}
    table = next(item for item in SCENE.objects if item.category == "table")
    yaw = math.atan2(-(table.center[0] - x), -(table.center[2] - z)) + 0.6
    flat = Flat((x, z), yaw, effects, ("audio", "semantic"), objects=things)
    mug = flat.ids["mug"]
    assert flat.props.objects[mug].center[1] - flat.props.objects[mug].size[1] / 2 > 0.6  # on the table
    for _ in range(4):
        flat.step(LEFT), flat.step(RIGHT)
    assert np.abs(flat.seen["audio"]).max() < 1e-6
    heights, heard = [flat.props.objects[mug].center[1]], []
    place = flat.apply(ObjectFall(object="mug"), flat.batch.seconds(0) + 0.1)
    for action in (LEFT, RIGHT) * 4:
        heard.append(flat.step(action)["audio"][:, -4000:])
        heights.append(flat.props.objects[mug].center[1])
    (sound,) = flat.props.sounds
    drop = heights[0] - heights[-1]
    landing = math.sqrt(2 * drop / GRAVITY)
    assert heights[-1] == place[1] < 0.1
    in_flight = [h for h in heights if heights[-1] < h < heights[0]]
    assert in_flight == sorted(in_flight, reverse=True)
    assert_allclose(in_flight[0], heights[0] - GRAVITY / 2 * 0.15**2, atol=1e-6)  # seen a step after the moment
    audio = np.concatenate(heard, axis=1)
    onset = np.argmax(np.abs(audio).max(axis=0) > 0.05 * np.abs(audio).max()) / 16000
    ears = flat.feet + np.array([0.0, 1.25, 0.0])
    travel = float(np.linalg.norm(sound.position - ears)) / 343.0
    assert_allclose(onset, 0.1 + landing + travel, atol=0.004)
    side = math.sin(math.atan2(-(place[0] - ears[0]), -(place[2] - ears[2])) - yaw)  # > 0: to the left
    left, right = np.square(audio).sum(axis=1)
    assert abs(side) > 0.2
    assert (left > right) == (side > 0.0)
    with pytest.raises(ValueError, match="has fallen already"):
        flat.apply(ObjectFall(object="mug"))


@pytest.mark.parametrize(
    ("world", "effect", "message"),
    [
        ({"objects": {"a": {"category": "vaze", "place": {"object": "table"}}}}, None, "Did you mean 'vase'"),
        ({"objects": {"a": {"category": "sofa", "place": {"object": "table"}}}}, None, "fits on top of table"),
        ({"objects": {"a": {"category": "vase", "place": {"position": [90, 0, 0]}}}}, None, "in no room"),
        ({"objects": {"a": {"category": "vase", "place": {"room": "kitchen"}}}}, None, "kitchen"),
        ({}, ObjectFall(object="sofa"), "stands on the floor"),
        ({}, ObjectFall(object="nightstand"), "carries table_lamp"),
        ({}, ObjectRemove(object="nightstand"), "carries table_lamp"),
        ({}, ObjectRemove(object="window_1"), "part of the house"),
        ({}, LightOff(room="attic"), "attic"),
    ],
)
def test_what_cannot_be_is_told_before_the_first_step(world: dict[str, Any], effect: Any, message: str) -> None:
    """With the place in the file."""
    declared = World.model_validate({"scene": FLAT, **world})
    names = Names(SCENE, (), declared_ids(SCENE, declared))
    with pytest.raises(PropError, match=message) as told:
        Props(SCENE, declared, names, {} if effect is None else {"timeline[0]": effect}, seed=3)
    assert told.value.where.startswith("world.objects.a." if effect is None else "timeline[0].")


def test_a_small_thing_leaves_the_sound_of_a_room_as_it_is_and_a_large_one_makes_another() -> None:
    """Traced anew with the thing, no octave differs by 1 dB, the just noticeable difference; here by 0.6 dB."""
    bag = make_prop("bag", "backpack", 3)
    assert 0.8 * LARGE < math.dist(bag.size, (0, 0, 0)) <= LARGE
    number, feet = len(SCENE.objects), np.array(ahead(0.0))
    with_bag = with_pose(Variant(props=(bag,)), number, place_at(SCENE, bag.size, ahead(1.0)))
    assert heard_scene(SCENE, with_bag) is SCENE
    source, ears = np.array(ahead(2.0)) + np.array([0, 1.0, 0]), feet + np.array([0, 1.25, 0])
    # The scene is copied, so that the shared one keeps nothing; both are drawn alike, so that chance is no difference.
    plain, placed = replace(SCENE), drawn_like(replace(seen_scene(SCENE, with_bag)), SCENE)
    given = {"sample_rate": 16000, "path_count": 512, "layout": "mono"}
    spectra = [np.abs(np.fft.rfft(render_rir(s, source, ears, **given)[0], 2**15)) ** 2 for s in (plain, placed)]
    hertz = np.fft.rfftfreq(2**15, 1 / 16000)
    for center in (250, 500, 1000, 2000, 4000):
        one, other = (p[(hertz > center / 2**0.5) & (hertz < center * 2**0.5)].sum() for p in spectra)
        assert abs(10 * math.log10(one / other)) < 1.0
    sofa = next(item for item in SCENE.objects if item.category == "sofa")
    away = with_pose(Variant(), sofa.id, None)
    assert heard_scene(SCENE, away) is seen_scene(SCENE, away) is not SCENE
    back = with_pose(Variant(), sofa.id, standing(sofa))
    assert_allclose(object_boxes(seen_scene(SCENE, back)), object_boxes(SCENE), atol=1e-5)


SCENARIO = """
schema: 1
name: falling_mug
world:
  scene: "house:1:living_room+bedroom"
  seed: 3
  objects:
    mug: {category: cup, place: {object: table}}
    crate: {category: box, place: {room: bedroom}, hidden: true}
agent: {planner: rules, start: {room: living_room}}
task: {type: free, instruction: "Find out what fell."}
timeline:
  - {id: drop, at: 1.1, do: object.fall, object: mug}
  - {id: dark, at: 1.5, do: light.off, room: living_room}
  - {id: there, after: dark, delay: 0.25, do: object.appear, object: crate}
  - {id: gone, after: there, do: object.remove, object: phone}
expect:
  - {eventually: "audible(mug)", within: 1, after: drop}
  - {eventually: "not lit(living_room)", within: 0.5, after: dark}
  - {never: "present(crate)", until: there}
  - {eventually: "present(crate) and not present(phone)", within: 0.5, after: gone}
solution: [{wait: 2.5}]
"""


def test_a_scenario_with_all_of_them_passes_and_repeats_bit_for_bit() -> None:
    """Also after it has been played once."""
    (case,) = cases(parse_scenario(SCENARIO, "falling_mug.scenario.yaml"))
    first, second = run_case(case, "solution"), run_case(case, "solution")
    assert first.outcome == "pass", first
    assert first.trace.digest == second.trace.digest
