"""What sounds in an episode is drawn by one simple rule, however fast."""

import numpy as np

from avi_env.navigation import walkable_grid
from avi_env.scene import emission_point, load_scene
from avi_env.sounds import sound_classes
from avi_env.tasks.sources import draw_source, triple


def drawn_plainly(scene, rng, wanted, barred):
    """The rule: a class that any free object makes, then one of the objects that make it; None if there is no class."""
    bodies = [obj for obj in scene.objects if obj.id not in barred]
    kinds = sorted({kind for kind in wanted for obj in bodies if kind in obj.emits})
    if not kinds:
        return None
    kind = kinds[int(rng.integers(len(kinds)))]
    makers = [obj for obj in bodies if kind in obj.emits]
    body = makers[int(rng.integers(len(makers)))]
    return triple(emission_point(body)), body.id, kind


def test_class_first_then_object():
    """Draws among all sounds, few of them, and without some objects, are those of the rule, and use up the same."""
    for name in ("house:1", "house:4"):
        scene = load_scene(name)
        grid = walkable_grid(scene)
        for number in range(30):
            rng, same = (np.random.default_rng(number) for _ in range(2))
            wanted = sound_classes() if number % 3 else sound_classes()[number : number + 4]
            barred = {obj.id for obj in scene.objects[::3]} if number % 2 else ()
            plain = drawn_plainly(scene, same, wanted, barred)
            found = draw_source(scene, grid, rng, wanted, barred)
            if plain is None:
                assert found[1] == -1
            else:
                assert found == plain
                assert rng.random() == same.random()
