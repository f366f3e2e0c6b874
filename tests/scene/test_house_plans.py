"""Floor plans, links, doors and windows of generated houses, and the specifications that they follow."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from avi_env.navigation import walkable_grid
from avi_env.scene import Room, Scene, generate_house, load_scene, scene_names
from avi_env.scene.doors import scene_doors
from avi_env.scene.health import escaped_share
from avi_env.scene.house_board import Board
from avi_env.scene.house_layout import linkable_pairs, room_areas, wall_runs
from avi_env.scene.house_links import choose_links, ideal_cost, tree_of_links
from avi_env.scene.house_plan import Plan, make_plan
from avi_env.scene.house_program import DEAD_ENDS, ROOM_CELLS
from avi_env.scene.house_specs import SPLITS, choose_spec, house_arguments, house_name, house_specs, read_specs
from avi_env.scene.house_stream import Stream

_EMPTY = [(split, seed) for split in SPLITS for seed in range(200, 210)]


@lru_cache(maxsize=32)
def _empty(split: str, seed: int) -> Scene:
    return generate_house(seed, furniture=False, split=split)


@lru_cache(maxsize=1)
def _plans() -> tuple[Plan, ...]:
    plans = []
    for seed in range(60):
        split = SPLITS[seed % 3]
        spec = choose_spec(Stream(seed, "program", 0, split), None, split)
        plans.append(make_plan(Stream(seed, "plan", 0, split), spec))
    return tuple(plans)


def _inside(room: Room, points: np.ndarray) -> np.ndarray:
    """Whether points (x, z) lie in the room's outline: an odd number of its edges is crossed."""
    x, z = np.asarray(points, dtype=np.float64).T
    inside = np.zeros(len(x), dtype=bool)
    for (ax, az), (bx, bz) in zip(room.polygon, (*room.polygon[1:], room.polygon[0]), strict=True):
        if az != bz:
            inside ^= ((az > z) != (bz > z)) & (x < (bx - ax) * (z - az) / (bz - az) + ax)
    return inside


@pytest.mark.parametrize("split", SPLITS)
def test_empty_houses_are_closed_and_can_be_walked_through(split: str) -> None:
    """Over ten houses of each split an agent of radius 0.2 m and height 1.5 m enters every room; no ray escapes."""
    for seed in range(200, 210):
        scene = _empty(split, seed)
        grid = walkable_grid(scene)
        cells = np.argwhere(grid.island == 0) * grid.cell + np.array(grid.origin)
        for room in scene.rooms:
            least = 0.25 if room.type in ("hallway", "closet") else 0.45
            x, z = np.array(room.polygon).T
            area = abs(np.dot(x, np.roll(z, 1)) - np.dot(z, np.roll(x, 1))) / 2
            assert _inside(room, cells).sum() * grid.cell**2 > least * area, (split, seed, room.name)
        starts = [light.position for light in scene.lights]
        assert escaped_share(scene, starts, rays=1000, bounces=8, seed=seed) < 1e-4, (split, seed)


@pytest.mark.parametrize("split", ["val", "test"])
def test_furnished_houses_of_held_out_splits_can_be_walked_through(split: str) -> None:
    """Every room of four furnished houses has a place that can be walked to from the others."""
    for seed in range(4):
        scene = generate_house(seed, split=split)
        grid = walkable_grid(scene)
        cells = np.argwhere(grid.island == 0) * grid.cell + np.array(grid.origin)
        for room in scene.rooms:
            assert _inside(room, cells).sum() * grid.cell**2 > 0.5, (split, seed, room.name)


def test_each_house_has_one_front_door_and_its_parts() -> None:
    """One front door, shut; each portal with a leaf has a door that turns; windows of several sizes."""
    windows, states = Counter[str](), Counter[str]()
    sizes = set()
    for split, seed in _EMPTY:
        scene = _empty(split, seed)
        kinds = Counter(item.category for item in scene.objects)
        assert kinds["front_door"] == 1
        assert kinds["door"] == len(scene_doors(scene)) == sum(p.kind == "door" for p in scene.portals)
        windows.update(item.category for item in scene.objects if item.category == "window")
        sizes |= {item.size[:2] for item in scene.objects if item.category == "window"}
        for portal in scene.portals:
            states["ajar" if 0 < portal.openness < 1 else portal.kind if portal.openness else "shut"] += 1
            assert portal.height <= scene.rooms[0].height
            assert portal.width >= 0.85 - 1e-9
    assert windows["window"] > 2 * len(_EMPTY)
    assert len(sizes) > 0.8 * windows["window"]
    assert min(states[kind] for kind in ("door", "ajar", "opening", "doorway", "shut")) >= 3, states


def test_leaves_do_not_meet() -> None:
    """As they stand in the house, no leaf's box reaches into another one's."""
    for split, seed in _EMPTY:
        scene = _empty(split, seed)
        boxes = []
        for item in scene.objects:
            if item.category == "door":
                c, s = abs(np.cos(item.yaw)), abs(np.sin(item.yaw))
                half = np.array([item.size[0] * c + item.size[2] * s, item.size[0] * s + item.size[2] * c]) / 2
                middle = np.array([item.center[0], item.center[2]])
                boxes.append((middle - half, middle + half))
        for (low, high), (other_low, other_high) in combinations(boxes, 2):
            assert np.any(low > other_high) or np.any(other_low > high), (split, seed)


def test_plans_follow_their_specification() -> None:
    """Areas overlap with those wanted by 80 % on average, bathrooms have a 2 x 2 block, most plans have no slivers."""
    overlaps, thin = [], 0
    for plan in _plans():
        total = sum(child.ratio for child in plan.spec.tree.children)
        wanted = np.zeros(len(plan.types))
        for room, path in plan.spec.tree.leaves():
            share, siblings = 1.0, total
            for node in path:
                share *= node.ratio / siblings
                siblings = sum(child.ratio for child in getattr(node, "children", ()))
            wanted[room.number] = share
        got = np.bincount(plan.owner[plan.owner >= 0], minlength=len(wanted)) / (plan.owner >= 0).sum()
        overlaps.append(np.minimum(wanted, got).sum())
        for room, kind in enumerate(plan.types):
            mine = np.pad(plan.owner == room, 1)
            block = mine[:-1, :-1] & mine[1:, :-1] & mine[:-1, 1:] & mine[1:, 1:]
            if kind not in ("hallway", "closet"):
                assert block.any(), (plan.spec.name, kind)
                covered = np.zeros_like(mine)
                for i, j in np.argwhere(block):
                    covered[i : i + 2, j : j + 2] = True
                thin += int((mine & ~covered).any())
    assert np.mean(overlaps) > 0.8
    assert thin <= 0.05 * sum(len(plan.types) for plan in _plans())


def test_dead_ends_and_loops() -> None:
    """Bathrooms, laundries and closets have one needed door; many houses have a loop; every room is in the tree."""
    passages = loops = 0
    for number, plan in enumerate(_plans()):
        pairs = linkable_pairs(wall_runs(plan))
        links = choose_links(Stream(number, "links"), plan.spec, pairs)
        needed = [link.rooms for link in links if link.needed]
        assert len(needed) == len(plan.types) - 1
        assert all(link.openness >= 0.6 for link in links if link.needed)
        loops += any(not link.needed for link in links)
        degree = Counter(room for pair in needed for room in pair)
        passages += sum(degree[k] > 1 for k, kind in enumerate(plan.types) if kind in DEAD_ENDS)
        tree = tree_of_links(plan.spec, dict.fromkeys(pairs, 0.0))
        assert tree is not None
        assert tree.cost >= ideal_cost(plan.spec) - 1e-9
    assert passages <= 2
    assert loops >= 0.4 * len(_plans())


def test_splits_have_layouts_of_their_own() -> None:
    """The same seed gives another house in each split, and a house says which it is; "train" is the default."""
    digests = {_empty(split, 200).digest for split in SPLITS}
    assert len(digests) == 3
    assert _empty("val", 200).name == "house:val:200"
    assert _empty("val", 200).meta["split"] == "val"
    assert load_scene("house:test:3:2").digest == generate_house(3, 2, split="test").digest
    assert load_scene("house:train:3:2").digest == generate_house(3, 2).digest
    named = generate_house(3, ("office", "kitchen"), split="test")
    assert load_scene(named.name).digest == named.digest


def test_specifications_are_split() -> None:
    """Each split has specifications of 1 to 10 rooms; validation and test have some that training never sees."""
    for split in SPLITS:
        mine = [spec for spec in house_specs() if split in spec.splits]
        assert {len(spec.rooms) for spec in mine} == set(range(1, 11))
        assert {kind for spec in mine for kind in spec.types} == set(ROOM_CELLS)
    held_out = [spec for spec in house_specs() if "train" not in spec.splits]
    assert len(house_specs()) >= 16
    assert len(held_out) >= 10
    drawn = {choose_spec(Stream(seed, "program"), None, "train").name for seed in range(300)}
    assert not drawn & {spec.name for spec in held_out}


def test_a_specification_by_name() -> None:
    """Its rooms are built, in its order."""
    scene = generate_house(1, spec="walk_in", furniture=False)
    assert tuple(room.type for room in scene.rooms) == ("living_room", "kitchen", "bedroom", "closet")
    assert scene.meta["spec"] == "walk_in"
    with pytest.raises(ValueError, match=r"unknown house spec 'vila'\. Did you mean 'villa'"):
        generate_house(1, spec="vila")
    with pytest.raises(ValueError, match="either rooms"):
        generate_house(1, 3, spec="villa")
    with pytest.raises(ValueError, match=r"unknown split 'valid'\. Did you mean 'val'"):
        generate_house(1, split="valid")


def test_names_of_houses() -> None:
    """Names carry seed, rooms and split; wrong ones say how to write them."""
    assert house_arguments("house:7") == (7, None, "train", None)
    assert house_arguments("house:val:7:5") == (7, 5, "val", None)
    assert house_arguments("house:7:two_bedrooms") == (7, None, "train", "two_bedrooms")
    assert house_arguments("house:test:7:office+bedroom") == (7, ("office", "bedroom"), "test", None)
    for name in ("house:7", "house:val:7:5", "house:7:villa", "house:test:7:office", "house:7:office+bedroom"):
        assert house_name(house_arguments(name)) == name
    assert scene_names("houses:2,houses:val:1,houses:test:7-8") == (
        *("house:0", "house:1", "house:val:0"),
        *("house:test:7", "house:test:8"),
    )
    for name, message in (("house:7:", "write 'house:SEED'"), ("house:tset:7", "Did you mean 'test'")):
        with pytest.raises(ValueError, match=message):
            house_arguments(name)
    with pytest.raises(ValueError, match="write 'houses:COUNT'"):
        scene_names("houses:many")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = 2", "schema 2, but this version reads 1"),
        ("schema = ", "not valid TOML"),
        ("schema = 1", r"no \[\[house\]\]"),
        ("[[house]]\nname = 'a'", "'a': it needs a name and a tree"),
        ("[[house]]\nname = 'a'\nwieght = 2\ntree = []", "'wieght'. Did you mean 'weight'"),
        ("[[house]]\nname = 'a'\ntree = []", "zone 'house' has no rooms"),
        ("[[house]]\nname = 'a'\ntree = [{room = 'kitchn'}]", "Did you mean 'kitchen'"),
        ("[[house]]\nname = 'a'\nsplits = ['tests']\ntree = [{room = 'office'}]", "Did you mean 'test'"),
        ("[[house]]\nname = 'a'\ntree = [{room = 'office', ratio = 0}]", "ratio of 'office' must be > 0"),
        ("[[house]]\nname = 'a'\ntree = [{room = 'office', avoid_doors = ['ofice']}]", "Did you mean 'office'"),
        ("[[house]]\nname = 'a'\ntree = [{room = 'office'}, {room = 'office'}]", "named 'office': give one"),
        ("[[house]]\nname = 'a'\nlinks = [['offise', 'office']]\ntree = [{room = 'office'}]", "Did you mean 'office'"),
        ("[[house]]\nname = 'a'\nweight = 0\ntree = [{room = 'office'}]", "weight above 0"),
        ("[[house]]\nname = 'a'\ntree = [{zone = 'z', room = 'office'}]", "unknown key 'room'"),
        ("[[house]]\nname = 'a'\ntree = [{room = 'office'}]\n" * 2, "of the same name: a"),
    ],
)
def test_malformed_specifications_are_explained(text: str, message: str, tmp_path: Path) -> None:
    """Each error names the house, the culprit and what was meant."""
    file = tmp_path / "scene.toml"
    file.write_text(text if text.startswith("schema") else f"schema = 1\n{text}", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_specs(file)


def test_shapes_on_a_board() -> None:
    """Cells, corners, holes and thin cells of a region."""
    board = Board(5, 4)
    angle = board.box(0, 0, 3, 1) | board.box(0, 0, 1, 3)
    assert board.shape(angle) == (5, 6, True, 5)
    ring = board.box(0, 0, 3, 3) & ~board.box(1, 1, 2, 2)
    assert not board.shape(ring).simple
    touching = board.box(0, 0, 1, 1) | board.box(1, 1, 2, 2)
    assert not board.shape(touching).simple
    assert board.extent(board.box(1, 1, 5, 3)) == (4, 2)
    assert board.around(board.box(1, 1, 3, 2)).bit_count() == 6
    assert board.thin(board.box(0, 0, 2, 2) | board.box(2, 0, 4, 1)).bit_count() == 2


def test_areas_are_those_of_the_grid() -> None:
    """Cells between the grid lines add up to the footprint."""
    plan = _plans()[5]
    total = np.outer(np.diff(plan.xs), np.diff(plan.zs))[plan.owner >= 0].sum()
    np.testing.assert_allclose(sum(room_areas(plan)), total, rtol=1e-12)
