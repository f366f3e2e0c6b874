"""Free lines close to edges, in kernels: an edge hides part of the wave before it hides the source."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type,misc,index,operator"

from __future__ import annotations

import warp as wp

from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.bending import boundary_loss, grazing_gain
from avi_env.acoustics.scene_arrays import SceneArrays

__all__ = ["Shade", "deepest_shade", "shaded_gain"]

_FAR = wp.constant(1.0e30)
_LIT_METRES = wp.constant(0.5)  # detour beyond which no octave is shaded: 0.37 m at 125 Hz
_TOUCH = wp.constant(1.0e-4)  # [m] from an edge within which its side does not matter
_JUDGED_BAND = wp.constant(BANDS_HZ.index(500.0))  # in which the deepest of several shades is chosen
_Bands = wp.types.vector(length=len(BANDS_HZ), dtype=wp.float64)
_BANDS = wp.constant(_Bands(*BANDS_HZ))
_SPEED = wp.constant(wp.float64(SPEED_OF_SOUND))
_FACE_ZONE = wp.constant(wp.float64(4.0 * wp.pi))
_FILL_SLOPE = wp.constant(wp.float64(0.85))
_FILL_CURVE = wp.constant(wp.float64(0.3))
_LEAST_REACH = wp.constant(wp.float64(1.0e-3))
_HALF = wp.constant(wp.float64(0.5))
_ONE = wp.constant(wp.float64(1.0))
_TEN = wp.constant(wp.float64(10.0))
_TWENTY = wp.constant(wp.float64(20.0))


@wp.struct
class Shade:
    """Where a free line passes close by an edge."""

    detour: wp.float32  # of the way by the edge [m]
    before: wp.float32  # from the source to the edge [m]
    after: wp.float32  # from the edge to the listener [m]
    face_sine: wp.float32  # of the smaller angle between a face and an end of the line
    to_start: wp.float32  # length of the edge on either side [m]
    to_end: wp.float32


@wp.func
def _face_sine(faces: wp.mat33, along: wp.vec3, point: wp.vec3, end: wp.vec3) -> wp.float32:
    """Sine of the angle about the edge between its nearer face and an end of a path; 1 from a right angle on."""
    toward = end - point
    toward = wp.normalize(toward - wp.dot(toward, along) * along)
    near = faces * toward
    cosine = wp.clamp(wp.max(near[0], near[1]), 0.0, 1.0)
    return wp.sqrt(1.0 - cosine * cosine)


@wp.func
def _passed(scenes: SceneArrays, row: int, source: wp.vec3, listener: wp.vec3) -> Shade:
    """Where a free line passes an edge; detour 1e30 if it does not, or far away."""
    shade = Shade()
    shade.detour = _FAR
    way, start = listener - source, scenes.edge_start[row]
    along, gap = scenes.edge_end[row] - start, source - start
    # Nearest points source + t way and start + u along; u within the edge.
    a, square, edge_square = wp.dot(way, along), wp.length_sq(way), wp.length_sq(along)
    u = (square * wp.dot(along, gap) - a * wp.dot(way, gap)) / wp.max(square * edge_square - a * a, 1.0e-12)
    u = wp.clamp(u, 0.0, 1.0)
    point = start + u * along
    t = wp.dot(point - source, way)
    if t <= 0.0 or t >= square:
        return shade
    before, after = wp.length(point - source), wp.length(listener - point)
    detour = before + after - wp.sqrt(square)
    if detour > _LIT_METRES:
        return shade
    # On the solid's side a line passes by another edge of it, or is blocked.
    offset = point - (source + (t / square) * way)
    faces = scenes.edge_faces[row]
    if wp.length(offset) > _TOUCH and (faces * offset)[0] + (faces * offset)[1] <= 0.0:
        return shade
    length = wp.sqrt(edge_square)
    along = along / length
    shade.detour = wp.max(detour, 0.0)
    shade.before = before
    shade.after = after
    shade.to_start = u * length
    shade.to_end = (1.0 - u) * length
    shade.face_sine = wp.min(_face_sine(faces, along, point, source), _face_sine(faces, along, point, listener))
    return shade


@wp.func
def shaded_gain(shade: Shade, model: int, band: int) -> wp.float64:
    """Pressure gain of a free line close to an edge; the twin of `avi_env.acoustics.diffraction.shaded_gain`."""
    if shade.detour == _FAR:
        return _ONE
    before, after = wp.float64(shade.before), wp.float64(shade.after)
    reach = wp.max(before * after / (before + after), _LEAST_REACH)
    face = wp.sqrt(_FACE_ZONE * _BANDS[band] / _SPEED * reach) * wp.float64(shade.face_sine)
    filled = wp.exp(-face * (_FILL_SLOPE + _FILL_CURVE * face))
    boundary = wp.pow(_TEN, -boundary_loss(model, before, after, band) / _TWENTY) * (_ONE - filled) + filled
    gain = grazing_gain(wp.float64(shade.detour), -_TWENTY * wp.log10(boundary), band)
    zone = _HALF * wp.sqrt(_SPEED / _BANDS[band] * reach)
    cover = wp.min(wp.float64(shade.to_start) / zone, _ONE) + wp.min(wp.float64(shade.to_end) / zone, _ONE)
    return _ONE - _HALF * cover * (_ONE - gain)


@wp.func
def deepest_shade(scenes: SceneArrays, scene: int, source: wp.vec3, listener: wp.vec3, model: int) -> Shade:
    """Of the edges that a free line passes, the one that takes most of it at 500 Hz; detour 1e30 if there is none."""
    deepest = Shade()
    deepest.detour = _FAR
    least = _ONE
    reach = wp.length(listener - source) + _LIT_METRES
    for row in range(scenes.edge_offset[scene], scenes.edge_stop[scene]):
        middle = scenes.edge_middle[row]
        place = wp.vec3(middle[0], middle[1], middle[2])
        # The way by any point of an edge is shorter than that by its middle by the edge's length at most.
        if wp.length(place - source) + wp.length(listener - place) - middle[3] > reach:
            continue
        shade = _passed(scenes, row, source, listener)
        if shade.detour < _FAR:
            gain = shaded_gain(shade, model, _JUDGED_BAND)
            if gain < least or deepest.detour == _FAR:
                least = gain
                deepest = shade
    return deepest
