"""Random numbers in kernels: counter-based, by whose they are, when and what for, whatever else is in the batch."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return"

from __future__ import annotations

import warp as wp

__all__ = ["ACTUATION", "DEPTH", "IMAGE", "LOST", "draw_state", "normals"]

wp.set_module_options({"enable_backward": False})

ACTUATION, DEPTH, LOST, IMAGE = (wp.constant(k) for k in range(1, 5))
"""What numbers are drawn for: each purpose has a stream of its own."""


@wp.func
def draw_state(key: wp.int64, step: wp.int64, purpose: int, index: int) -> wp.uint32:
    """Returns the state of Warp's generator (PCG hashes) for one number, or four, of an episode.

    Args:
        key: the episode's.
        step: its clock.
        purpose: what for.
        index: which of the step's, as the number of a pixel.
    """
    state = wp.rand_init(int(key), int(key >> wp.int64(32)))
    state = wp.rand_init(int(state), int(step))
    state = wp.rand_init(int(state), purpose)
    return wp.rand_init(int(state), index)


@wp.func
def normals(state: wp.uint32) -> wp.vec4:
    """Returns four independent standard normal numbers.

    Source: Box and Muller, "A note on the generation of random normal deviates" (1958).
    """
    near = wp.sqrt(-2.0 * wp.log(1.0 - wp.randf(state)))
    angle = 2.0 * wp.pi * wp.randf(state)
    further = wp.sqrt(-2.0 * wp.log(1.0 - wp.randf(state)))
    other = 2.0 * wp.pi * wp.randf(state)
    return wp.vec4(near * wp.cos(angle), near * wp.sin(angle), further * wp.cos(other), further * wp.sin(other))
