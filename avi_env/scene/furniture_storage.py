"""Tables, desks, shelves and cupboards."""

from __future__ import annotations

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.furniture_parts import book_row, drawers, handle, legs, panel
from avi_env.scene.house_stream import Stream

__all__ = [
    "bookshelf",
    "coat_rack",
    "coffee_table",
    "console_table",
    "desk",
    "dining_table",
    "dresser",
    "nightstand",
    "shoe_rack",
    "side_table",
    "sideboard",
    "tv_stand",
    "wall_shelf",
    "wardrobe",
]

_SHOES: tuple[Color, ...] = (
    (0.10, 0.06, 0.04),
    (0.03, 0.03, 0.03),
    (0.62, 0.61, 0.58),
    (0.36, 0.07, 0.06),
    (0.08, 0.12, 0.24),
)


def dining_table(stream: Stream, look: Look, width: float, depth: float) -> Piece:
    """Returns a table with four legs and an apron, or a round one on a column."""
    p = Piece("table")
    if width == depth and stream.chance(0.5):
        p.cylinder((0, 0, 0), 0.5, 0.03, look.wood)
        p.rod((0, 0.03, 0), 0.12, 0.68, look.wood, taper=0.8)
        p.cylinder((0, 0.71, 0), width, 0.035, look.wood)
    else:
        legs(p, look, (width - 0.06, 0.71, depth - 0.06), 0.07, look.wood)
        if look.leg not in ("sled", "splayed"):
            for sz in (-1, 1):
                p.box((0, 0.63, sz * (depth / 2 - 0.07)), (width - 0.2, 0.08, 0.022), look.wood)
        p.box((0, 0.71, 0), (width, 0.035, depth), look.wood)
    p.spots = [(x, 0.745, z) for x in (-0.25 * width, 0.25 * width) for z in (-0.5 * depth + 0.17, 0.5 * depth - 0.17)]
    if width > 1.0:
        p.spots.append((0.0, 0.745, 0.0))
    return p


def coffee_table(stream: Stream, look: Look) -> Piece:
    """Returns a low table: with a shelf, of glass, round, or a chest."""
    p = Piece("coffee_table")
    w, d, h = stream.uniform(0.8, 1.1), stream.uniform(0.48, 0.6), stream.uniform(0.38, 0.45)
    style = look.pick(stream, ("shelf", "glass", "shelf", "round", "chest", "nest"))
    p.spots = [(-0.27 * w, h, 0), (0.27 * w, h, 0), (0, h, 0.1)]
    if style in ("round", "nest"):
        r = d + 0.15
        legs(p, look, (0.68 * r, h - 0.03, 0.68 * r), 0.045, look.wood_second)
        p.cylinder((0, h - 0.03, 0), r, 0.03, look.wood)
        p.spots = [(-0.22, h, 0), (0.22, h, 0)]
        if style == "nest":
            p.cylinder((0.55 * r, h - 0.12, 0), 0.4, 0.022, look.wood_second)
            p.rod((0.66 * r, 0.02, 0), 0.04, h - 0.13, look.metal)
            p.cylinder((0.66 * r, 0, 0), 0.28, 0.02, look.metal)
        return p
    if style == "chest":
        p.box((0, 0.06, 0), (w, h - 0.09, d), look.wood_second)
        for sx in (-1, 1):
            p.box((sx * 0.3 * w, 0.06, -d / 2 - 0.004), (0.05, h - 0.08, 0.01), look.metal)
            p.box((sx * (w / 2 - 0.06), 0, 0), (0.06, 0.06, d - 0.1), look.dark)
    else:
        legs(p, look, (w - 0.04, h - 0.03, d - 0.04), 0.045, look.wood_second)
        p.box((0, 0.12, 0), (w - 0.14, 0.02, d - 0.14), look.wood_second)
    p.box((0, h - 0.03, 0), (w, 0.03, d), Paint("glass_single") if style == "glass" else look.wood)
    return p


def console_table(stream: Stream, look: Look) -> Piece:
    """Returns a narrow table for a hallway wall."""
    p = Piece("console_table")
    w, d = stream.uniform(0.7, 1.0), 0.3
    style = look.pick(stream, ("drawer", "slim", "drawer", "arch"))
    legs(p, look, (w - 0.02, 0.78, d - 0.02), 0.04, look.metal, "sled" if style == "slim" else "")
    if style == "arch":
        p.box((0, 0.66, 0.02), (w - 0.06, 0.12, d - 0.08), look.wood)
        for k in range(3):
            x = (k - 1) * (w - 0.1) / 3
            panel(p, look, (x, 0.67, -d / 2 + 0.06), ((w - 0.1) / 3 - 0.01, 0.1))
            handle(p, look, (x, 0.72, -d / 2 + 0.044), (w - 0.1) / 3)
    elif style != "slim":
        p.box((0, 0.66, 0.01), (w - 0.06, 0.12, d - 0.06), look.wood)
        panel(p, look, (0, 0.67, -d / 2 + 0.04), (w - 0.1, 0.1))
        handle(p, look, (0, 0.72, -d / 2 + 0.024), w - 0.1)
    p.box((0, 0.2, 0), (w - 0.08, 0.02, d - 0.08), look.wood)
    p.box((0, 0.78, 0), (w, 0.03, d), look.wood)
    p.spots = [(-0.32 * w, 0.81, -0.02), (0.32 * w, 0.81, -0.02), (0, 0.81, -0.02), (0, 0.22, 0)]
    return p


def desk(stream: Stream, look: Look) -> Piece:
    """Returns a desk with a drawer unit, or a plain one; the sitter's side is the front."""
    p = Piece("desk")
    w, d = stream.uniform(1.1, 1.5), stream.uniform(0.62, 0.72)
    side = stream.pick((-1, 1))
    p.box((0, 0.71, 0), (w, 0.03, d), look.wood)
    p.spots = [(side * (w / 2 - 0.2), 0.74, -d / 2 + 0.2), (-side * (w / 2 - 0.18), 0.74, -d / 2 + 0.2)]
    p.spots += [(side * (w / 2 - 0.2), 0.74, d / 2 - 0.14), (-side * (w / 2 - 0.18), 0.74, d / 2 - 0.14)]
    style = look.pick(stream, ("unit", "plain", "unit", "trestle"))
    if style == "unit":
        for sz in (-1, 1):
            p.box((-side * (w / 2 - 0.04), 0, sz * (d / 2 - 0.04)), (0.045, 0.71, 0.045), look.metal)
        x = side * (w / 2 - 0.23)
        p.box((x, 0.06, 0.02), (0.42, 0.65, d - 0.1), look.front)
        p.box((x, 0, 0.02), (0.38, 0.06, d - 0.16), look.dark)
        for k in range(3):
            y = 0.08 + 0.21 * k
            panel(p, look, (x, y, -d / 2 + 0.07), (0.4, 0.195))
            handle(p, look, (x, y + 0.13, -d / 2 + 0.052), 0.4)
    elif style == "trestle":
        for sx in (-1, 1):
            for lean in (-0.3, 0.3):
                at = (sx * (w / 2 - 0.2), 0.355, -lean * 0.55)
                p.add("box", at, (0.05, 0.69, 0.045), look.wood_second, pitch=lean)
            p.box((sx * (w / 2 - 0.2), 0.67, 0), (0.05, 0.04, d - 0.1), look.wood_second)
    else:
        legs(p, look, (w - 0.06, 0.71, d - 0.06), 0.05, look.metal)
        p.box((0, 0.6, 0.02), (w - 0.2, 0.11, d - 0.2), look.wood)
    p.box((-side * 0.2, 0.4, d / 2 - 0.1), (w - 0.62, 0.28, 0.018), look.wood)
    return p


def nightstand(stream: Stream, look: Look) -> Piece:
    """Returns a bedside table: two drawers, one drawer above an open shelf, or a round one."""
    p = Piece("nightstand")
    w, d, h = 0.44, 0.4, stream.uniform(0.48, 0.56)
    style = look.pick(stream, ("drawers", "open", "drawers", "round"))
    p.spots = [(0.1, h + 0.02, -0.08), (-0.1, h + 0.02, 0.08)]
    if style == "round":
        p.cylinder((0, 0, 0), 0.38, h, look.front)
        p.cylinder((0, h, 0), 0.42, 0.02, look.wood)
        p.box((0, 0.55 * h, -0.19), (0.02, 0.04, 0.03), look.metal)
        return p
    if style == "open":
        legs(p, look, (w - 0.02, h - 0.16, d - 0.02), 0.04, look.wood)
        p.box((0, 0.16, 0), (w - 0.06, 0.02, d - 0.06), look.wood)
        drawers(p, look, (w, 0.16, d), h - 0.16, 1, 1)
        p.spots.append((0.0, 0.18, -0.04))
    else:
        legs(p, look, (w - 0.04, 0.12, d - 0.04), 0.04, look.wood)
        drawers(p, look, (w, h - 0.12, d), 0.12, 2, 1)
    p.box((0, h, 0), (w + 0.02, 0.02, d + 0.01), look.wood)
    return p


def dresser(stream: Stream, look: Look) -> Piece:
    """Returns a chest of drawers."""
    p = Piece("dresser")
    w, d, h = stream.uniform(0.8, 1.2), 0.45, stream.uniform(0.8, 0.95)
    rows = 3 if h < 0.88 else 4
    style = look.pick(stream, ("plinth", "legs", "wide", "column"))
    base = 0.07 if style in ("plinth", "column") else 0.14
    if base < 0.1:
        p.box((0, 0, 0.02), (w - 0.06, base, d - 0.06), look.dark)
    else:
        legs(p, look, (w - 0.06, base, d - 0.06), 0.05, look.wood)
    drawers(p, look, (w, h - base, d), base, rows, {"wide": 3, "column": 1}.get(style, 2))
    p.box((0, h, 0), (w + 0.02, 0.025, d + 0.01), look.wood)
    p.spots = [(-0.34 * w, h + 0.025, -0.06), (0.34 * w, h + 0.025, -0.06), (0.0, h + 0.025, -0.04)]
    return p


def wardrobe(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a wardrobe with door leaves and handles, with drawers below, or with sliding doors and a mirror."""
    p = Piece("wardrobe")
    d, h = 0.6, stream.uniform(1.95, 2.2)
    style = look.pick(stream, ("doors", "drawers", "doors", "sliding", "legs", "mirror"))
    base = 0.14 if style == "legs" else 0.08
    if style == "legs":
        legs(p, look, (width - 0.06, base, d - 0.08), 0.06, look.wood)
    else:
        p.box((0, 0, 0.02), (width - 0.04, base, d - 0.08), look.dark)
    low = base + (0.4 if style == "drawers" else 0.0)
    doors = max(2, round(width / (0.8 if style == "sliding" else 0.5)))
    p.box((0, base, 0.02), (width, h - base, d - 0.04), look.wood)
    face, wide = -d / 2 + 0.04, width / doors
    for k in range(doors):
        x, side = -width / 2 + (k + 0.5) * wide, 1 if k % 2 == 0 else -1
        glass = Paint("mirror") if (style == "mirror" and k == 0) or (style == "sliding" and k == doors - 1) else None
        z = face - (0.014 * (k % 2) if style == "sliding" else 0.0)
        panel(p, look, (x, low + 0.01, z), (wide - 0.008, h - low - 0.03), glass)
        if style != "sliding":
            handle(p, look, (x + side * (wide / 2 - 0.05), 1.1, face - 0.018), 0.5, upright=True)
        if style == "drawers":
            panel(p, look, (x, base + 0.01, face), (wide - 0.008, 0.385))
            handle(p, look, (x, base + 0.3, face - 0.018), wide)
    p.box((0, h, 0), (width + 0.03, 0.04, d + 0.02), look.wood)
    return p


def bookshelf(stream: Stream, look: Look) -> Piece:
    """Returns a shelf with books and boxes: a plain one, a ladder-like one without a back, or with doors below."""
    p = Piece("bookshelf")
    w, d, h = stream.uniform(0.7, 1.1), 0.32, stream.uniform(1.6, 2.1)
    style = look.pick(stream, ("plain", "open", "plain", "doors", "cubes", "frame"))
    post = 0.035 if style in ("open", "frame") else 0.025
    for sx in (-1, 1):
        if style in ("open", "frame"):
            for sz in (-1, 1):
                at = (sx * (w / 2 - post / 2), 0, sz * (d / 2 - post / 2))
                p.box(at, (post, h, post), look.metal if style == "open" else look.wood)
        else:
            p.box((sx * (w / 2 - post / 2), 0, 0), (post, h, d), look.wood)
    if style not in ("open", "frame"):
        p.box((0, 0.0, d / 2 - 0.006), (w - 0.05, h - 0.01, 0.012), look.wood)
    shelves = 5 if h > 1.8 else 4
    pitch = (h - 0.06) / shelves
    for k in range(shelves + 1):
        p.box((0, 0.03 + k * pitch, 0), (w - 2 * post, 0.022, d - 0.01), look.wood)
    if style == "cubes":
        p.box((0, 0.05, 0), (0.022, h - 0.08, d - 0.02), look.wood)
    for k in range(shelves):
        top = 0.052 + k * pitch
        if style == "doors" and k == 0:
            for sx in (-1, 1):
                panel(p, look, (sx * (w / 4 - 0.012), top, -d / 2 + 0.02), (w / 2 - 0.03, pitch - 0.03))
                handle(p, look, (sx * 0.04, top + pitch / 2, -d / 2 + 0.002), 0.3, upright=True)
        elif k == 1 or (k == 2 and stream.chance(0.4)):
            # one board stays half empty for small things
            book_row(stream, p, (0.5 * (w - 0.1), top, pitch - 0.05), look, d / 2, -0.24 * w)
            p.spots.append((0.24 * w, top, 0.0))
        else:
            book_row(stream, p, (w - 2 * post - 0.02, top, pitch - 0.05), look, d / 2)
    return p


def sideboard(stream: Stream, look: Look) -> Piece:
    """Returns a low cupboard with doors or drawers."""
    p = Piece("sideboard")
    w, d, h = stream.uniform(1.1, 1.6), 0.42, stream.uniform(0.72, 0.85)
    style = look.pick(stream, ("doors", "drawers", "tall", "plinth"))
    base = 0.06 if style == "plinth" else 0.14
    if style == "plinth":
        p.box((0, 0, 0.02), (w - 0.08, base, d - 0.1), look.dark)
    else:
        legs(p, look, (w - 0.1, base, d - 0.06), 0.05, look.metal)
    rows = 2 if style == "drawers" else 1
    drawers(p, look, (w, h - base, d), base, rows, 4 if style == "tall" else 3, doors=rows == 1)
    p.box((0, h, 0), (w + 0.02, 0.025, d + 0.01), look.wood)
    p.spots = [(x * w, h + 0.025, -0.04) for x in (-0.36, -0.12, 0.12, 0.36)]
    return p


def tv_stand(stream: Stream, look: Look) -> Piece:
    """Returns a low bench for a television: with doors, or open at the middle."""
    p = Piece("tv_stand")
    w, d, h = stream.uniform(1.2, 1.6), 0.4, stream.uniform(0.42, 0.5)
    style = look.pick(stream, ("plinth", "legs", "open", "slim"))
    base = 0.06 if style == "plinth" else 0.14
    if style == "plinth":
        p.box((0, 0, 0.02), (w - 0.1, base, d - 0.1), look.dark)
    else:
        legs(p, look, (w - 0.1, base, d - 0.06), 0.045, look.wood)
    if style == "open":
        for y in (base, h - 0.03):
            p.box((0, y, 0), (w, 0.03, d - 0.01), look.wood)
        for x in (-w / 2 + 0.015, -w / 6, w / 6, w / 2 - 0.015):
            p.box((x, base + 0.03, 0), (0.03, h - base - 0.06, d - 0.02), look.wood)
        p.box((0, base + 0.02, d / 2 - 0.02), (w - 0.04, h - base - 0.04, 0.012), look.wood)
        p.spots = [(0, base + 0.03, -0.04)]
    else:
        drawers(p, look, (w, h - base, d), base, 1, 3 if style != "slim" else 2)
    p.box((0, h, 0), (w + 0.02, 0.022, d + 0.01), look.wood)
    p.spots = [(0.0, h + 0.022, 0.06), (0.42 * w, h + 0.022, -0.05), (-0.42 * w, h + 0.022, -0.05), *p.spots]
    return p


def coat_rack(stream: Stream, look: Look) -> Piece:
    """Returns a board with hooks, coats and a bag that hangs on the wall, with or without a shelf for hats."""
    p = Piece("coat_rack")
    w = stream.uniform(0.6, 0.9)
    style = look.pick(stream, ("board", "shelf", "board", "panel"))
    p.box((0, 1.62, 0.06), (w, 0.1, 0.025), look.wood)
    if style == "shelf":
        p.box((0, 1.76, -0.02), (w, 0.02, 0.18), look.wood)
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.02), 1.66, 0.0), (0.02, 0.1, 0.14), look.wood)
        p.bead((0.2 * w, 1.83, -0.02), (0.22, 0.12, 0.18), look.accent)
    elif style == "panel":
        p.box((0, 0.8, 0.066), (w, 0.82, 0.015), look.wood)
    count = 4
    coats = [k for k in range(count) if stream.chance(0.6)] or [1]
    for k in range(count):
        x = -w / 2 + (k + 0.5) * w / count
        p.box((x, 1.6, 0.035), (0.02, 0.05, 0.05), look.metal)
        if k in coats:
            paint = stream.pick((look.accent, look.fabric_second, look.blanket))
            low, wide = stream.uniform(0.8, 1.0), w / count - 0.02
            p.soft((x, low, 0.0), (wide, 1.61 - low, 0.1), Paint("cloth", paint.color), 0.035)
            p.soft((x, 1.0, -0.03), (wide + 0.01, 0.46, 0.07), Paint("cloth", paint.color), 0.03)
    return p


def side_table(stream: Stream, look: Look) -> Piece:
    """Returns a small table: round on a column, round on legs, square, or a cube."""
    p = Piece("side_table")
    w, h = stream.uniform(0.4, 0.5), stream.uniform(0.45, 0.58)
    style = look.pick(stream, ("column", "legs", "round", "cube"))
    if style == "column":
        p.cylinder((0, 0, 0), 0.7 * w, 0.02, look.metal)
        p.rod((0, 0.02, 0), 0.045, h - 0.045, look.metal)
        p.cylinder((0, h - 0.025, 0), w, 0.025, look.wood)
    elif style == "round":
        legs(p, look, (0.66 * w, h - 0.025, 0.66 * w), 0.035, look.wood)
        p.cylinder((0, h - 0.025, 0), w, 0.025, look.wood)
    elif style == "cube":
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.012), 0, 0), (0.024, h, w), look.wood_second)
        for y in (0.06, h - 0.024):
            p.box((0, y, 0), (w - 0.048, 0.024, w), look.wood_second)
    else:
        legs(p, look, (w - 0.02, h - 0.025, w - 0.02), 0.035, look.wood)
        p.box((0, h - 0.025, 0), (w, 0.025, w), look.wood)
        p.box((0, 0.15, 0), (w - 0.08, 0.018, w - 0.08), look.wood)
    p.spots = [(-0.09, h, -0.05), (0.1, h, 0.06)]
    return p


def shoe_rack(stream: Stream, look: Look) -> Piece:
    """Returns a low rack with pairs of shoes."""
    p = Piece("shoe_rack")
    w, d, rows = stream.uniform(0.6, 0.85), 0.3, look.pick(stream, (2, 3))
    h, w = 0.08 + 0.22 * rows, w if rows == 2 else min(w, 0.7)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - 0.012), 0, 0), (0.024, h, d), look.wood)
    p.box((0, h, 0), (w, 0.024, d), look.wood)
    for r in range(rows):
        y = 0.06 + 0.22 * r
        p.box((0, y, 0), (w - 0.05, 0.016, d - 0.02), look.wood)
        count = int((w - 0.06) / 0.22)
        for k in range(count):
            if not stream.chance(0.8):
                continue
            paint = Paint("leather", look.pick(stream, _SHOES))
            x = (k - (count - 1) / 2) * 0.22
            for sx in (-1, 1):
                p.box((x + sx * 0.045, y + 0.016, 0), (0.075, 0.05, 0.25), paint)
                p.box((x + sx * 0.045, y + 0.05, 0.07), (0.07, 0.05, 0.1), paint, taper=0.8)
    p.spots = [(-0.28 * w, h + 0.024, 0), (0.28 * w, h + 0.024, 0)]
    return p


def wall_shelf(stream: Stream, look: Look, width: float) -> Piece:
    """Returns one or two boards on the wall at 1.3 m and 1.65 m; small things stand on them."""
    p = Piece("wall_shelf")
    d, boards = 0.2, look.pick(stream, (1, 2))
    style = look.pick(stream, ("brackets", "floating", "cubes", "ropes"))
    for k in range(boards):
        y = 1.3 + 0.36 * k
        p.box((0, y, 0), (width, 0.025 if style != "floating" else 0.045, d), look.wood)
        top = y + (0.025 if style != "floating" else 0.045)
        if style == "brackets":
            for sx in (-1, 1):
                p.box((sx * 0.36 * width, y - 0.12, d / 2 - 0.01), (0.02, 0.12, 0.02), look.metal)
                p.box((sx * 0.36 * width, y - 0.018, 0.01), (0.02, 0.018, d - 0.02), look.metal)
        elif style == "cubes":
            for sx in (-1, 1):
                p.box((sx * (width / 2 - 0.01), y + 0.025, 0), (0.02, 0.16, d), look.wood)
        elif style == "ropes":
            for sx in (-1, 1):
                for sz in (-1, 1):
                    p.box((sx * 0.44 * width, y, sz * 0.42 * d), (0.012, 0.4, 0.012), look.rug_border)
        if k == 0 and boards == 2:
            book_row(stream, p, (0.5 * width, top, 0.28), look, d / 2)
            p.spots.append((0.36 * width, top, 0.0))
        else:
            p.spots += [(x * width, top, 0.0) for x in (-0.34, 0.0, 0.34)]
    return p
