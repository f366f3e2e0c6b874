"""Procedural patterns of surfaces, mapped by world position and filtered by the pixel's footprint."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import warp as wp

__all__ = ["PATTERNS", "sky", "surface_color"]

wp.set_module_options({"enable_backward": False})

PATTERNS = (
    "plain", "wood", "tile", "plaster", "carpet", "brick", "fabric", "marble", "books", "foliage",
    "stripes", "herringbone", "checker", "terrazzo", "knit", "hexagon", "damask", "weave", "popcorn", "block",
)  # fmt: skip
"""Patterns by number. Unknown names of a material are drawn plain."""

_WOOD, _TILE, _PLASTER, _CARPET = wp.constant(1), wp.constant(2), wp.constant(3), wp.constant(4)
_BRICK, _FABRIC, _MARBLE, _BOOKS, _FOLIAGE = (
    wp.constant(5),
    wp.constant(6),
    wp.constant(7),
    wp.constant(8),
    wp.constant(9),
)
_STRIPES, _HERRINGBONE, _CHECKER, _TERRAZZO = wp.constant(10), wp.constant(11), wp.constant(12), wp.constant(13)
_KNIT, _HEXAGON, _DAMASK, _WEAVE = wp.constant(14), wp.constant(15), wp.constant(16), wp.constant(17)
_POPCORN, _BLOCK = wp.constant(18), wp.constant(19)


@wp.func
def _hash(x: wp.int32, y: wp.int32) -> wp.float32:
    """Returns a number in [0, 1) that depends on two integers alone."""
    h = wp.uint32(x) * wp.uint32(0x4DA6B343) ^ wp.uint32(y) * wp.uint32(0x58163841)
    h = (h ^ (h >> wp.uint32(15))) * wp.uint32(0x2C1B3C6D)
    h = (h ^ (h >> wp.uint32(12))) * wp.uint32(0x297A2D39)
    return float((h >> wp.uint32(8)) & wp.uint32(0xFFFFFF)) / 16777216.0


@wp.func
def _noise(x: wp.float32, y: wp.float32) -> wp.float32:
    """Returns smooth value noise in [-1, 1] with features of size 1."""
    floor_x, floor_y = wp.floor(x), wp.floor(y)
    fx, fy = x - floor_x, y - floor_y
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    i, j = int(floor_x), int(floor_y)
    low = wp.lerp(_hash(i, j), _hash(i + 1, j), fx)
    high = wp.lerp(_hash(i, j + 1), _hash(i + 1, j + 1), fx)
    return 2.0 * wp.lerp(low, high, fy) - 1.0


@wp.func
def _keep(footprint: wp.float32, feature: wp.float32) -> wp.float32:
    """Returns the contrast that features of a size keep under a pixel's footprint: 1 fine .. 0 smaller than a pixel."""
    return 1.0 - wp.smoothstep(0.3, 1.0, footprint / feature)


@wp.func
def _detail(
    amplitude: wp.float32, x: wp.float32, y: wp.float32, footprint: wp.float32, feature: wp.float32
) -> wp.float32:
    """Returns noise with what contrast its features keep; where that is none, as it mostly is, nothing is computed."""
    if footprint >= feature:
        return 0.0
    return amplitude * _noise(x, y) * _keep(footprint, feature)


@wp.func
def _line(x: wp.float32, period: wp.float32, width: wp.float32, footprint: wp.float32) -> wp.float32:
    """Returns the share of the footprint covered by lines of a width that repeat with a period (box filter)."""
    t = x / period
    away = wp.abs(t - wp.round(t)) * period
    f = wp.max(footprint, 1.0e-5)
    cover = wp.min(away + 0.5 * f, 0.5 * width) - wp.max(away - 0.5 * f, -0.5 * width)
    return wp.lerp(wp.clamp(cover / f, 0.0, 1.0), width / period, wp.smoothstep(0.4, 1.0, f / period))


@wp.func
def _wood(p: wp.vec2, f: wp.vec2, size: wp.float32, gap: wp.float32) -> wp.float32:
    """Returns the brightness of planks: p runs (along, across) the grain."""
    plank = wp.floor(p[1] / size)
    along = p[0] + 7.31 * _hash(int(plank), 17)
    piece = wp.floor(along / (9.0 * size))
    tone = 0.34 * (_hash(int(piece), int(plank)) - 0.5) * _keep(wp.max(f[0], f[1]), size)
    grain = _detail(1.0, along * 2.3 + 31.0 * piece, p[1] * 55.0 + 13.0 * plank, f[1], 0.018)
    ring = _detail(1.0, along * 1.1 + 11.0 * plank, p[1] * 16.0 + 5.0 * piece, f[1], 0.06)
    seam = wp.max(_line(p[1], size, 0.004, f[1]), _line(along, 9.0 * size, 0.004, f[0]))
    return (1.0 + tone + 0.10 * grain + 0.09 * ring) * (1.0 - gap * seam)


@wp.func
def _tile(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of square tiles with grout."""
    tone = 0.10 * (_hash(int(wp.floor(p[0] / size)), int(wp.floor(p[1] / size))) - 0.5)
    grout = wp.max(_line(p[0], size, 0.007, f[0]), _line(p[1], size, 0.007, f[1]))
    cloud = _detail(0.03, p[0] * 9.0, p[1] * 9.0, wp.max(f[0], f[1]), 0.11)
    return (1.0 + tone * _keep(wp.max(f[0], f[1]), size) + cloud) * (1.0 - 0.38 * grout)


@wp.func
def _brick(color: wp.vec3, p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.vec3:
    """Returns the colour of a stretcher bond: bricks of `size` by a third of it, light mortar."""
    height = size / 3.0
    course = wp.floor(p[1] / height)
    x = p[0] + 0.5 * size * (course - 2.0 * wp.floor(0.5 * course))
    g = wp.max(f[0], f[1])
    tone = 0.55 * (_hash(int(wp.floor(x / size)), int(course)) - 0.5) * _keep(g, size)
    rough = _detail(0.12, p[0] * 45.0, p[1] * 45.0, g, 0.022)
    mortar = wp.max(_line(x, size, 0.011, f[0]), _line(p[1], height, 0.011, f[1]))
    return wp.lerp(color * (1.0 + tone + rough), wp.vec3(0.55, 0.52, 0.47), mortar)


@wp.func
def _marble(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of veined stone."""
    g = wp.max(f[0], f[1])
    q = p * (1.0 / size)
    warp = _noise(q[0] * 1.3, q[1] * 1.3) + 0.5 * _noise(q[0] * 2.9 + 7.0, q[1] * 2.9)
    vein = 1.0 - wp.abs(wp.sin(2.2 * (q[0] + 0.6 * q[1]) + 2.6 * warp))
    fine = _detail(1.0, q[0] * 6.0, q[1] * 6.0 + 3.0, g, size / 6.0)
    return 1.0 - 0.30 * vein * vein * vein * _keep(g, 0.5 * size) + 0.05 * warp + 0.04 * fine


@wp.func
def _cloth(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of a woven cloth: faint broad stripes and a fine weave."""
    g, weave = wp.max(f[0], f[1]), wp.float32(0.0)
    if g < 0.009:
        weave = wp.sin(p[0] * 700.0) * wp.sin(p[1] * 700.0) * _keep(g, 0.009)
    slub = _detail(1.0, p[0] * 140.0, p[1] * 9.0, f[0], 0.007) + _detail(1.0, p[0] * 9.0, p[1] * 140.0, f[1], 0.007)
    stripe = 0.5 * wp.cos(6.2831853 * p[0] / size) * _keep(f[0], 0.5 * size)
    return 1.0 + 0.06 * weave + 0.05 * slub + 0.05 * stripe


@wp.func
def _carpet(p: wp.vec2, f: wp.vec2, contrast: wp.float32) -> wp.float32:
    """Returns the brightness of tufts over broad wear marks."""
    g = wp.max(f[0], f[1])
    tuft = _detail(1.0, p[0] * 120.0, p[1] * 120.0, g, 0.009)
    clump = _detail(1.0, p[0] * 28.0 + 5.0, p[1] * 28.0, g, 0.036)
    return 1.0 + contrast * (0.5 * tuft + 0.35 * clump) + 0.05 * _noise(p[0] * 2.1, p[1] * 2.1)


@wp.func
def _books(p: wp.vec2, f: wp.vec2) -> wp.vec3:
    """Returns the colour of a row of book spines."""
    book = int(wp.floor(p[0] / 0.034))
    shelf = int(wp.floor(p[1] / 0.3))
    hue, tone = _hash(book, shelf), 0.25 + 0.75 * _hash(book + 91, shelf)
    color = wp.vec3(0.55, 0.42, 0.28)
    if hue < 0.25:
        color = wp.vec3(0.45, 0.09, 0.07)
    elif hue < 0.5:
        color = wp.vec3(0.08, 0.17, 0.32)
    elif hue < 0.7:
        color = wp.vec3(0.10, 0.24, 0.14)
    band = _line(p[1] - 0.06, 0.3, 0.02, f[1])
    spine = wp.lerp(color * tone * (1.0 - 0.7 * _line(p[0], 0.034, 0.004, f[0])), wp.vec3(0.6, 0.5, 0.3), 0.5 * band)
    return wp.lerp(wp.vec3(0.20, 0.15, 0.11), spine, _keep(f[0], 0.05))


@wp.func
def _checker(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of a chequerboard with thin joints."""
    i, j = int(wp.floor(p[0] / size)), int(wp.floor(p[1] / size))
    odd = float((i + j) & 1) - 0.5
    joint = wp.max(_line(p[0], size, 0.004, f[0]), _line(p[1], size, 0.004, f[1]))
    tone = 0.06 * (_hash(i, j) - 0.5)
    return (0.78 + (0.55 * odd + tone) * _keep(wp.max(f[0], f[1]), size)) * (1.0 - 0.25 * joint)


@wp.func
def _herringbone(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of a parquet of blocks, `size` wide and four times as long, laid at right angles."""
    i, j = int(wp.floor(p[0] / size)), int(wp.floor(p[1] / size))
    turn = (i - j) & 7  # four steps along a level block, then four along an upright one
    along, across, fine = p[0], p[1], f[1]
    block_i, block_j = i - turn, j
    if turn > 3:
        along, across, fine = p[1], p[0], f[0]
        block_i, block_j = i, j - (7 - turn)
    g = wp.max(f[0], f[1])
    offset = float(turn & 3)
    if turn > 3:
        offset = float(7 - turn)
    inside = along - wp.floor(along / size) * size + offset * size
    away = wp.min(
        wp.min(inside, 4.0 * size - inside), 0.5 * size - wp.abs(across - (wp.floor(across / size) + 0.5) * size)
    )
    seam = wp.clamp((0.002 + 0.5 * g - away) / wp.max(g, 1.0e-5), 0.0, 1.0) * wp.min(0.004 / wp.max(g, 1.0e-5), 1.0)
    tone = 0.30 * (_hash(block_i, block_j) - 0.5) + (0.05 if turn > 3 else -0.05)
    grain = _detail(0.08, along * 3.0 + 17.0 * float(block_j), across * 60.0 + 5.0 * float(block_i), fine, 0.017)
    return (1.0 + tone * _keep(g, size) + grain) * (1.0 - 0.5 * seam)


@wp.func
def _terrazzo(color: wp.vec3, p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.vec3:
    """Returns the colour of stone chips of about `size` in cement: the nearest of nine random points decides."""
    g = wp.max(f[0], f[1])
    if g >= 0.5 * size:
        return 0.94 * color
    i, j = int(wp.floor(p[0] / size)), int(wp.floor(p[1] / size))
    best, second, chip = wp.float32(9.0), wp.float32(9.0), wp.float32(0.0)
    for a in range(-1, 2):
        for b in range(-1, 2):
            x = float(i + a) + _hash(i + a, j + b) - p[0] / size
            y = float(j + b) + _hash(i + a + 71, j + b + 29) - p[1] / size
            away = x * x + y * y
            if away < best:
                second, best = best, away
                chip = _hash(i + a + 5, j + b + 57)
            elif away < second:
                second = away
    shown = wp.clamp((wp.sqrt(second) - wp.sqrt(best)) * 8.0 - 1.2, 0.0, 1.0) * _keep(g, 0.5 * size)
    stone = color * (0.45 + 0.4 * chip)
    if chip > 0.7:
        stone = 0.6 * color + wp.vec3(0.22, 0.10, 0.05)
    if chip < 0.25:
        stone = 0.7 * color + wp.vec3(0.25, 0.24, 0.22)
    return wp.lerp(0.94 * color, stone, 0.75 * shown)


@wp.func
def _hexagon(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of six-sided tiles of a width, with grout."""
    g = wp.max(f[0], f[1])
    q = p * (1.0 / size)
    # Two rectangular lattices of 1 x sqrt(3), one shifted by half of both: the nearer centre is the tile's.
    ax, ay = wp.round(q[0]), wp.round(q[1] / 1.7320508)
    bx, by = wp.floor(q[0]) + 0.5, wp.floor(q[1] / 1.7320508) + 0.5
    a = wp.vec2(q[0] - ax, q[1] - ay * 1.7320508)
    b = wp.vec2(q[0] - bx, q[1] - by * 1.7320508)
    d, tone = a, _hash(int(2.0 * ax), int(2.0 * ay))
    if wp.length_sq(b) < wp.length_sq(a):
        d, tone = b, _hash(int(2.0 * bx), int(2.0 * by))
    rim = 0.5 - wp.max(wp.abs(d[0]), 0.5 * wp.abs(d[0]) + 0.8660254 * wp.abs(d[1]))
    grout = 1.0 - wp.smoothstep(0.0, 0.006 + g, rim * size)
    return (1.0 + 0.22 * (tone - 0.5) * _keep(g, size)) * (1.0 - 0.38 * grout * _keep(g, size))


@wp.func
def _damask(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of a wallpaper of offset leaf-like figures, a few `size` high."""
    period = 4.0 * size
    row = wp.floor(p[1] / period)
    x = p[0] / period + 0.5 * (row - 2.0 * wp.floor(0.5 * row))
    u = 6.2831853 * (x - wp.floor(x))
    v = 6.2831853 * (p[1] / period - row)
    shape = wp.cos(u) - wp.cos(v) + 0.8 * wp.cos(2.0 * u) * wp.cos(v) + 0.35 * wp.cos(3.0 * u) * wp.cos(2.0 * v)
    figure = wp.smoothstep(0.25, 0.55, shape) - wp.smoothstep(1.3, 1.5, shape)
    return 1.0 - 0.16 * (figure - 0.35) * _keep(wp.max(f[0], f[1]), 0.35 * period)


@wp.func
def _weave(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of strands that pass over and under each other, `size` wide."""
    g = wp.max(f[0], f[1])
    i, j = wp.floor(p[0] / size), wp.floor(p[1] / size)
    u, v = p[0] / size - i - 0.5, p[1] / size - j - 0.5
    across = u
    if (int(i) + int(j)) % 2 == 0:
        across = v
    rounding = 1.0 - 2.2 * across * across
    tone = 0.2 * (_hash(int(i), int(j)) - 0.5)
    return wp.lerp(0.82, rounding + tone, _keep(g, 0.6 * size))


@wp.func
def _knit(p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of columns of V-shaped stitches, `size` wide."""
    g = wp.max(f[0], f[1])
    column = wp.floor(p[0] / size)
    u = wp.abs(p[0] / size - column - 0.5)
    t = p[1] / (0.8 * size) + 1.1 * u
    row = wp.floor(t)
    v = t - row - 0.5
    loop = 1.0 - 1.6 * v * v - 0.5 * wp.smoothstep(0.40, 0.5, u) - 0.25 * wp.smoothstep(0.1, 0.0, u)
    tone = 0.16 * (_hash(int(column), int(row)) - 0.5)
    broad = 0.05 * _noise(p[0] * 2.3, p[1] * 2.3)
    return wp.lerp(0.78, loop + tone, _keep(g, 0.6 * size)) + broad


@wp.func
def _brightness_more(pattern: wp.int32, p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of the rarer patterns."""
    if pattern == _STRIPES:
        return 1.0 - 0.24 * (_line(p[0], size, 0.4 * size, f[0]) - 0.4)
    if pattern == _HERRINGBONE:
        return _herringbone(p, f, 0.6 * size)
    if pattern == _CHECKER:
        return _checker(p, f, size)
    if pattern == _KNIT:
        return _knit(p, f, size)
    if pattern == _HEXAGON:
        return _hexagon(p, f, size)
    if pattern == _DAMASK:
        return _damask(p, f, size)
    if pattern == _WEAVE:
        return _weave(p, f, size)
    if pattern == _POPCORN:
        if wp.max(f[0], f[1]) >= 0.014:
            return 1.0
        lump = _noise(p[0] * 90.0, p[1] * 90.0) + 0.6 * _noise(p[0] * 41.0 + 9.0, p[1] * 41.0)
        return 1.0 + 0.07 * lump * _keep(wp.max(f[0], f[1]), 0.014)
    if pattern == _BLOCK:
        course = wp.floor(p[1] / (0.5 * size))
        x = p[0] + 0.5 * size * (course - 2.0 * wp.floor(0.5 * course))
        joint = wp.max(_line(x, size, 0.01, f[0]), _line(p[1], 0.5 * size, 0.01, f[1]))
        return (1.0 + _detail(0.05, p[0] * 40.0, p[1] * 40.0, wp.max(f[0], f[1]), 0.025)) * (1.0 - 0.2 * joint)
    return 1.0


@wp.func
def _brightness(pattern: wp.int32, p: wp.vec2, f: wp.vec2, size: wp.float32) -> wp.float32:
    """Returns the brightness of the patterns that do not change the hue."""
    if pattern == _WOOD:
        return _wood(p, f, size, 0.55)
    if pattern == _TILE:
        return _tile(p, f, size)
    if pattern == _PLASTER:
        grain = _detail(1.0, p[0] * 70.0, p[1] * 70.0, wp.max(f[0], f[1]), 0.014)
        return 1.0 + 0.025 * _noise(p[0] / size, p[1] / size) + 0.03 * grain
    if pattern == _CARPET:
        return _carpet(p, f, 0.45)
    if pattern == _FABRIC:
        return _cloth(p, f, size)
    if pattern == _MARBLE:
        return _marble(p, f, size)
    if pattern == _FOLIAGE:
        return _carpet(0.35 * p, 0.35 * f, 1.1)
    return _brightness_more(pattern, p, f, size)


@wp.func
def surface_color(
    color: wp.vec3,
    pattern: wp.int32,
    size: wp.float32,
    point: wp.vec3,
    normal: wp.vec3,
    ray: wp.vec3,
    pixel: wp.float32,
) -> wp.vec3:
    """Returns the albedo at a point, linear RGB.

    Args:
        color: base colour, linear RGB.
        pattern: index into `PATTERNS`.
        size: period [m].
        point: world position [m].
        normal: unit normal.
        ray: unit direction of view.
        pixel: width of the pixel at the point's distance [m].
    """
    steep = wp.max(wp.abs(normal[0]), wp.abs(normal[2]))
    level = wp.abs(normal[1]) >= steep
    p = wp.vec2(point[0], point[2])
    slant = ray - wp.dot(ray, normal) * normal
    s = wp.vec2(slant[0], slant[2])
    if not level:
        if wp.abs(normal[0]) > wp.abs(normal[2]):
            p, s = wp.vec2(point[2], point[1]), wp.vec2(slant[2], slant[1])
        else:
            p, s = wp.vec2(point[0], point[1]), wp.vec2(slant[0], slant[1])
    # The footprint is an ellipse, drawn out along the line of sight by 1 / cos.
    stretch = pixel * (1.0 / wp.max(wp.abs(wp.dot(ray, normal)), 0.05) - 1.0)
    f = wp.vec2(pixel + stretch * wp.abs(s[0]), pixel + stretch * wp.abs(s[1]))
    if pattern == _BRICK:
        return _brick(color, p, f, size)
    if pattern == _TERRAZZO:
        return _terrazzo(color, p, f, size)
    if pattern == _BOOKS and not level:
        return _books(p, f)
    if pattern == _WOOD and not level:
        return color * _wood(wp.vec2(p[1], p[0]), wp.vec2(f[1], f[0]), size, 0.12)
    return color * _brightness(pattern, p, f, size)


@wp.func
def sky(ray: wp.vec3) -> wp.vec3:
    """Returns the light from outdoors along a unit direction, linear RGB: sky, a line of trees, a lawn."""
    turn = wp.atan2(ray[0], -ray[2])
    trees = 0.07 + 0.05 * _noise(turn * 6.0, 1.5) + 0.025 * _noise(turn * 31.0, 4.5)
    haze = wp.clamp(ray[1] * 2.2, 0.0, 1.0)
    color = wp.lerp(wp.vec3(0.95, 1.02, 1.08), wp.vec3(0.30, 0.58, 1.05), haze)
    if ray[1] < trees:
        color = wp.lerp(
            wp.vec3(0.16, 0.27, 0.12), wp.vec3(0.45, 0.56, 0.50), wp.clamp((trees - ray[1]) * -4.0 + 0.5, 0.0, 1.0)
        )
    if ray[1] < -0.02:
        color = wp.lerp(wp.vec3(0.42, 0.55, 0.24), wp.vec3(0.24, 0.36, 0.12), wp.clamp(-ray[1] * 3.0, 0.0, 1.0))
    return color
