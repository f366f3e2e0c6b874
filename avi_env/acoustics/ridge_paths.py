"""Sound over what stands between, or under it, in kernels: the shortest way in the upright plane through both ends."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type"

from __future__ import annotations

import warp as wp

from avi_env.acoustics.bending import bends_of
from avi_env.acoustics.wavefront_bank import Arrival

__all__ = ["ridge_arrival"]

wp.set_module_options({"enable_backward": False})

_MARGIN = wp.constant(1.0e-3)  # [m] at both ends of a segment
_STAND_OFF = wp.constant(0.01)  # [m] before a surface at which rays climb along it
_PROBE = wp.constant(0.03)  # [m] length of the rays that feel for the surface's end
_LIFT = wp.constant(0.012)  # [m] above an edge at which segments end
_LEAST_GAP = wp.constant(0.03)  # [m] that a way over or under must be high
_SKY = wp.constant(20.0)  # [m] up to which a way over is looked for
_HALVINGS = wp.constant(12)  # 20 m / 2^12 = 5 mm
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
    """Upper end (for up = +y) of the first surface between two points, above the place where the line meets it.

    Point (3) and 1, or 0 where the surface has no end below the next ceiling.
    """
    way = wp.normalize(end - start)
    query = wp.mesh_query_ray(mesh, start + _MARGIN * way, way, wp.length(end - start) - 2.0 * _MARGIN)
    if not query.result:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    ahead = wp.normalize(wp.vec3(way[0], 0.0, way[2]))
    met = start + (query.t + _MARGIN) * way
    foot = met - _STAND_OFF * ahead
    high = _SKY
    ceiling = wp.mesh_query_ray(mesh, foot, up, _SKY)
    if ceiling.result:
        high = ceiling.t - _STAND_OFF
    if high < _LEAST_GAP or wp.mesh_query_ray_anyhit(mesh, foot + high * up, ahead, _PROBE):
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    low = wp.float32(0.0)
    for _step in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if wp.mesh_query_ray_anyhit(mesh, foot + middle * up, ahead, _PROBE):
            low = middle
        else:
            high = middle
    top = met + high * up
    return wp.vec4(top[0], top[1], top[2], 1.0)


@wp.func
def _over(mesh: wp.uint64, s: wp.vec3, p: wp.vec3, up: wp.vec3) -> Arrival:
    """The shortest path over (up = +y) or under (-y) what stands between; length -1 if there is none."""
    none = Arrival()
    none[3] = -1.0
    one, two = _ridge(mesh, s, p, up), _ridge(mesh, p, s, up)
    if one[3] == 0.0 or two[3] == 0.0:
        return none
    ahead = wp.vec3(p[0] - s[0], 0.0, p[2] - s[2])
    reach = wp.length(ahead)
    ahead = ahead / reach
    sign = up[1]
    # In the upright plane: distance from the source, and height re the source, turned so that over is positive.
    a = wp.vec2(wp.dot(wp.vec3(one[0], one[1], one[2]) - s, ahead), sign * (one[1] - s[1]))
    b = wp.vec2(wp.dot(wp.vec3(two[0], two[1], two[2]) - s, ahead), sign * (two[1] - s[1]))
    end = wp.vec2(reach, sign * (p[1] - s[1]))
    if a[0] > b[0] - _MARGIN:  # a sheet: both are its edge
        a[1] = wp.max(a[1], b[1])
        b = a
    elif a[1] <= b[1] * a[0] / b[0]:
        a = b
    elif b[1] <= end[1] + (a[1] - end[1]) * (reach - b[0]) / (reach - a[0]):
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
def ridge_arrival(mesh: wp.uint64, s: wp.vec3, p: wp.vec3) -> Arrival:
    """The shorter of the ways over and under what stands between source and listener; length -1 if there is none."""
    none = Arrival()
    none[3] = -1.0
    if wp.length(wp.vec2(p[0] - s[0], p[2] - s[2])) < _FLAT:
        return none
    over, under = _over(mesh, s, p, wp.vec3(0.0, 1.0, 0.0)), _over(mesh, s, p, wp.vec3(0.0, -1.0, 0.0))
    if over[3] < 0.0 or (under[3] >= 0.0 and under[3] < over[3]):
        return under
    return over
