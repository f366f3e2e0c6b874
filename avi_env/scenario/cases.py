"""Unfolds a scenario into its cases: one for each scene, seed, combination of parameters and repeat."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from avi_env.scenario.document import Scenario
from avi_env.scenario.located import Origin
from avi_env.scenario.reading import filled_scenario, parameter_points
from avi_env.scenario.surroundings import Parameter

__all__ = ["Case", "cases", "repeat_seed"]

_PURPOSE = 0x5C3A  # tells these streams from all others of the same seed


@dataclass(frozen=True)
class Case:
    """One run of a scenario."""

    scenario: Scenario
    """With all parameters put in, of one scene and one seed."""
    params: Mapping[str, Parameter]
    """Values of its parameters."""
    scene: str
    """Name or path of the scene."""
    seed: int
    """Seed of this repeat: of the first, the scenario's own."""
    repeat: int
    """Which repeat, from 0."""
    point: str
    """The point of the sweep, "name[seed=3,gap=0.3]": cases that differ in the repeat alone share it."""
    id: str
    """The point, with "#0" and so on where there are several repeats."""


def cases(scenario: Scenario) -> tuple[Case, ...]:
    """Returns all cases of a scenario: scenes, then seeds, then parameters in the file's order, repeats fastest."""
    world = scenario.world
    scenes = world.scene if isinstance(world.scene, tuple) else (world.scene,)
    seeds = world.seed if isinstance(world.seed, tuple) else (world.seed,)
    found = []
    filled = [(point, filled_scenario(scenario, point)) for point in parameter_points(world.params)]
    for index, seed, (point, at_point) in itertools.product(range(len(scenes)), seeds, filled):
        own = at_point.world.scene if isinstance(at_point.world.scene, tuple) else (at_point.world.scene,)
        scene = own[index]  # a parameter may be in its name
        one = at_point.world.model_copy(update={"scene": scene, "seed": seed, "params": {}})
        whole = _without_sweep(at_point.model_copy(update={"world": one}))
        swept = [f"scene={scene}"] if len(scenes) > 1 else []
        swept += [f"seed={seed}"] if len(seeds) > 1 else []
        swept += [f"{name}={point[name]}" for name, value in world.params.items() if isinstance(value, tuple)]
        name = f"{scenario.name}[{','.join(swept)}]" if swept else scenario.name
        for repeat in range(scenario.repeat.n):
            number = f"#{repeat}" if scenario.repeat.n > 1 else ""
            found.append(Case(whole, point, scene, repeat_seed(seed, repeat), repeat, name, f"{name}{number}"))
    return tuple(found)


def _without_sweep(scenario: Scenario) -> Scenario:
    """Returns a scenario that knows its lines and columns, and no longer the document with the sweep."""
    scenario._origin = Origin(dataclasses.replace(scenario.origin.tree, value=None))
    return scenario


def repeat_seed(seed: int, repeat: int) -> int:
    """Returns the seed of a repeat: of the first the seed itself, of the others drawn by counter from it."""
    if repeat == 0:
        return seed
    stream = np.random.Philox(key=[seed, _PURPOSE], counter=[0, 0, 0, repeat])
    return int(np.random.Generator(stream).integers(0, 2**31 - 1))
