"""Sound over, under and beside a thing that stands between, in kernels: shortest ways in planes through both ends."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type,call-overload,operator,arg-type"

from __future__ import annotations

import warp as wp

from avi_env.acoustics.bending import bends_of
from avi_env.acoustics.wavefront_bank import Arrival

__all__ = ["ridge_arrival"]

_MARGIN = wp.constant(1.0e-3)  # [m] at both ends of a segment
_STAND_OFF = wp.constant(0.01)  # [m] before a surface at which rays climb along it
_PROBE = wp.constant(0.03)  # [m] length of the rays that feel for the surface's end
_LIFT = wp.constant(0.012)  # [m] above an edge at which segments end
_LEAST_GAP = wp.constant(0.03)  # [m] that a way over or under must be high
_SKY = wp.constant(20.0)  # [m] up to which a way over is looked for
_HALVINGS = wp.constant(12)  # 20 m / 2^12 = 5 mm
_LEAST_SLOPE = wp.constant(0.2)  # of the search along a surface; flatter ones have no end on that side
_FLAT = wp.constant(0.05)  # [m]; ends above each other have no plane between them


@wp.func
def _cut(mesh: wp.uint64, start: wp.vec3, end: wp.vec3) -> bool:
    way = end - start
    length = wp.length(way)
    if length <= 2.0 * _MARGIN:
        return False
    way = way / length
    return wp.mesh_query_ray_anyhit(mesh, start + _MARGIN * way, way, length - 2.0 * _MARGIN)


@wp.func
def _ridge(mesh: wp.uint64, start: wp.vec3, end: wp.vec3, up: wp.vec3) -> wp.vec4:
    """Where the first surface between two points ends, followed from the line towards `up` in the plane of both.

    Point (3) and 1, or 0 where it has no end before the next surface.
    """
    way = wp.normalize(end - start)
    query = wp.mesh_query_ray(mesh, start + _MARGIN * way, way, wp.length(end - start) - 2.0 * _MARGIN)
    if not query.result:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    normal = wp.mesh_eval_face_normal(mesh, query.face)
    climb = wp.cross(normal, wp.cross(way, up))
    slope = wp.length(climb)
    climb = climb / wp.max(slope, 1.0e-6) * wp.where(wp.dot(climb, up) < 0.0, -1.0, 1.0)
    if slope < _LEAST_SLOPE or wp.dot(climb, up) < _LEAST_SLOPE:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    into = normal * wp.where(wp.dot(normal, way) < 0.0, -1.0, 1.0)
    met = start + (query.t + _MARGIN) * way
    foot = met - _STAND_OFF * into
    high = _SKY
    ceiling = wp.mesh_query_ray(mesh, foot, climb, _SKY)
    if ceiling.result:
        high = ceiling.t - _STAND_OFF
    if high < _LEAST_GAP or wp.mesh_query_ray_anyhit(mesh, foot + high * climb, into, _PROBE):
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    low = wp.float32(0.0)
    for _step in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if wp.mesh_query_ray_anyhit(mesh, foot + middle * climb, into, _PROBE):
            low = middle
        else:
            high = middle
    top = met + high * climb
    return wp.vec4(top[0], top[1], top[2], 1.0)


@wp.func
def _passing(mesh: wp.uint64, s: wp.vec3, p: wp.vec3, up: wp.vec3) -> Arrival:
    """The shortest path that passes what stands between on the side of `up`; length -1 if there is none."""
    none = Arrival()
    none[3] = -1.0
    one = _ridge(mesh, s, p, up)
    if one[3] == 0.0:
        return none
    two = _ridge(mesh, p, s, up)
    if two[3] == 0.0:
        return none
    way = p - s
    ahead = wp.normalize(way - wp.dot(way, up) * up)
    # In the plane of both ends and `up`, from the source on.
    a = wp.vec2(wp.dot(wp.vec3(one[0], one[1], one[2]) - s, ahead), wp.dot(wp.vec3(one[0], one[1], one[2]) - s, up))
    b = wp.vec2(wp.dot(wp.vec3(two[0], two[1], two[2]) - s, ahead), wp.dot(wp.vec3(two[0], two[1], two[2]) - s, up))
    end = wp.vec2(wp.dot(way, ahead), wp.dot(way, up))
    if a[0] > b[0] - _MARGIN:  # a sheet: both are its edge
        a[1] = wp.max(a[1], b[1])
        b = a
    elif a[1] <= b[1] * a[0] / b[0]:
        a = b
    elif b[1] <= end[1] + (a[1] - end[1]) * (end[0] - b[0]) / (end[0] - a[0]):
        b = a
    first, last = s + a[0] * ahead + a[1] * up, s + b[0] * ahead + b[1] * up
    lift = _LIFT * up
    if _cut(mesh, s, first + lift) or _cut(mesh, first + lift, last + lift) or _cut(mesh, last + lift, p):
        return none
    shape = bends_of(a, b - a, end - b)
    length = wp.length(first - s) + wp.length(last - first) + wp.length(p - last)
    to, fro = wp.normalize(last - p), wp.normalize(first - s)
    return Arrival(to[0], to[1], to[2], length, fro[0], fro[1], fro[2], shape[0], shape[1], shape[2], shape[3])


@wp.func
def _across(s: wp.vec3, p: wp.vec3) -> wp.vec3:
    """Level direction across the line between two points, zero if one is above the other."""
    flat = wp.vec2(p[0] - s[0], p[2] - s[2])
    if wp.length(flat) < _FLAT:
        return wp.vec3(0.0, 0.0, 0.0)
    flat = wp.normalize(flat)
    return wp.vec3(-flat[1], 0.0, flat[0])


@wp.func
def ridge_arrival(mesh: wp.uint64, s: wp.vec3, p: wp.vec3, aside: bool) -> Arrival:
    """The shorter of the ways over and under what stands between; length -1 if there is none.

    Aside: the longer of the ways by both sides of a thing that stands free; the wavefront's path takes the shorter one.
    """
    best = Arrival()
    best[3] = -1.0
    up = _across(s, p)
    if wp.length_sq(up) == 0.0:
        return best
    if not aside:
        up = wp.vec3(0.0, 1.0, 0.0)
    for _side in range(2):
        way = _passing(mesh, s, p, up)
        up = -up
        if way[3] >= 0.0:
            if best[3] < 0.0 or (way[3] > best[3]) == aside:
                best = way
        elif aside:
            best[3] = -1.0
            return best
    return best
