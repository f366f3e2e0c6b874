"""Straight and mirrored sound in kernels: free line, walls crossed, reflection at a plane."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type,misc,index,operator,call-overload"

from __future__ import annotations

import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.scene_arrays import SceneArrays
from avi_env.acoustics.surfaces import SLAB_METRES
from avi_env.scene.rays import MARGIN

__all__ = ["SURFACE_LIMIT", "Energy", "Mirrored", "crossed_energy", "is_blocked", "mirrored", "visible_share"]

SURFACE_LIMIT = 8
"""Surfaces that a straight line may cross before nothing of the sound is left: four walls."""

Energy = wp.types.vector(length=BAND_COUNT, dtype=wp.float64)
"""Share of energy per octave."""

_MARGIN = wp.constant(wp.float64(MARGIN))
_STEP = wp.constant(wp.float64(1e-3))  # [m] past a surface before the next ray starts; also the margin at both ends
_SLAB = wp.constant(wp.float64(SLAB_METRES))
_LIMIT = wp.constant(SURFACE_LIMIT)
_CLEARANCE = wp.constant(wp.float64(1e-3))  # [m] below which an end lies in the plane and has no mirror image
_LIFT = wp.constant(wp.float64(2e-3))  # [m] above the plane at which the listener's ray ends
_BOUND = wp.constant(wp.float64(0.01))  # [m] around a plane's bounds
_TINY = wp.constant(wp.float64(1e-30))
_NEAR = wp.constant(wp.float64(1e-9))
_ZERO = wp.constant(wp.float64(0.0))
_HALF = wp.constant(wp.float64(0.5))
_ONE = wp.constant(wp.float64(1.0))
_TWO = wp.constant(wp.float64(2.0))
_DISC_RAYS = wp.constant(16)
_DISC_METRES = wp.constant(0.15)  # radius of a source that is not a point
_GOLDEN_ANGLE = wp.constant(2.399963)


@wp.struct
class Mirrored:
    """A specular reflection: energy 0 if there is none."""

    energy: Energy
    image: wp.vec3d  # from the listener to the mirror image of the source
    leaving: wp.vec3d  # from the source to the point of reflection


@wp.func
def is_blocked(mesh: wp.uint64, start: wp.vec3d, end: wp.vec3d) -> bool:
    """Whether anything stands between two points, a millimetre left out at both; as `SceneBank.occluded`."""
    vector = end - start
    share = _MARGIN / wp.max(wp.length(vector), _TINY)
    near = start + vector * wp.min(share, _HALF)
    segment = wp.vec3(vector * wp.max(_ONE - _TWO * share, _ZERO))
    if wp.length_sq(segment) == 0.0:
        return False
    return wp.mesh_query_ray_anyhit(mesh, wp.vec3(near), segment, 1.0)


@wp.func
def visible_share(mesh: wp.uint64, source: wp.vec3d, listener: wp.vec3d) -> wp.float64:
    """Share of a disc around the source, upright to the line, that the listener sees."""
    axis = wp.normalize(wp.vec3(source - listener))
    side = wp.vec3(1.0, 0.0, 0.0)
    if wp.abs(axis[0]) > 0.7:
        side = wp.vec3(0.0, 1.0, 0.0)
    across = wp.normalize(wp.cross(axis, side))
    up = wp.cross(axis, across)
    seen = wp.int32(0)
    for k in range(_DISC_RAYS):  # sunflower: equal areas
        radius = _DISC_METRES * wp.sqrt((wp.float32(k) + 0.5) / wp.float32(_DISC_RAYS))
        angle = _GOLDEN_ANGLE * wp.float32(k)
        offset = radius * (wp.cos(angle) * across + wp.sin(angle) * up)
        if not is_blocked(mesh, source + wp.vec3d(offset), listener):
            seen += 1
    return wp.float64(seen) / wp.float64(_DISC_RAYS)


@wp.func
def crossed_energy(
    scenes: SceneArrays, scene: int, start: wp.vec3d, direction: wp.vec3d, distance: wp.float64
) -> Energy:
    """Share of energy per octave that crosses all surfaces on a straight line."""
    energy = Energy()
    for band in range(BAND_COUNT):
        energy[band] = _ONE
    travelled = _STEP
    inside = wp.int32(-2)  # the object whose first face the line has crossed, and where; -2 = between walls
    entered = _ZERO
    crossed = wp.int32(0)
    while crossed < _LIMIT:
        query = wp.mesh_query_ray(
            scenes.mesh[scene], wp.vec3(start + travelled * direction), wp.vec3(direction), float(distance - travelled)
        )
        position = travelled + wp.float64(query.t)
        if not query.result or position >= distance - _STEP:
            return energy
        row = scenes.triangle_offset[scene] + query.face
        owner = scenes.triangle_object[row]
        if owner == inside and position - entered <= _SLAB:
            inside = -2
        else:
            material = scenes.triangle_material[row]
            for band in range(BAND_COUNT):
                energy[band] = energy[band] * wp.float64(scenes.transmission[material, band])
            inside = owner
            entered = position
        travelled = position + _STEP
        crossed += 1
    return Energy()


@wp.func
def _within(scenes: SceneArrays, plane: int, point: wp.vec3d) -> bool:
    inside = wp.bool(True)
    for axis in range(3):
        if point[axis] <= scenes.low[plane][axis] - _BOUND or point[axis] >= scenes.high[plane][axis] + _BOUND:
            inside = False
    return inside


@wp.func
def mirrored(scenes: SceneArrays, scene: int, plane: int, source: wp.vec3d, listener: wp.vec3d) -> Mirrored:
    """The reflection at a plane of the scene: the source's ray must meet it first, the listener see the point."""
    found = Mirrored()
    row = scenes.plane_offset[scene] + plane
    normal = scenes.normal[row]
    above = wp.dot(normal, source) - scenes.offset[row]
    below = wp.dot(normal, listener) - scenes.offset[row]
    if above * below <= _ZERO or wp.min(wp.abs(above), wp.abs(below)) <= _CLEARANCE:
        return found
    found.image = source - _TWO * above * normal - listener
    point = listener + below / (above + below) * found.image
    found.leaving = point - source
    if not _within(scenes, row, point):
        return found
    query = wp.mesh_query_ray(scenes.mesh[scene], wp.vec3(source), wp.vec3(found.leaving), 2.0)
    triangle = scenes.triangle_offset[scene] + query.face
    if not query.result or scenes.triangle_plane[triangle] != plane:
        return found
    if is_blocked(scenes.mesh[scene], listener, point + _LIFT * wp.sign(below) * normal):
        return found
    material = scenes.triangle_material[triangle]
    for band in range(BAND_COUNT):
        kept = _ONE - wp.float64(scenes.absorption[material, band])
        found.energy[band] = kept * (_ONE - wp.float64(scenes.scattering[material, band]))
    return found
