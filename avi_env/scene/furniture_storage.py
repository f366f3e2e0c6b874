"""Tables, desks, shelves and cupboards."""

from __future__ import annotations

from avi_env.scene.furniture import Look, Paint, Piece
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
    "sideboard",
    "tv_stand",
    "wardrobe",
]

_BOOKS = ((0.30, 0.06, 0.05), (0.06, 0.14, 0.24), (0.42, 0.30, 0.10), (0.09, 0.20, 0.12), (0.40, 0.38, 0.34))


def dining_table(stream: Stream, look: Look, width: float, depth: float) -> Piece:
    """Returns a table with four legs and an apron, or a round one on a column."""
    p = Piece("table")
    if width == depth and stream.chance(0.5):
        p.cylinder((0, 0, 0), 0.5, 0.03, look.wood)
        p.cylinder((0, 0.03, 0), 0.1, 0.68, look.wood)
        p.cylinder((0, 0.71, 0), width, 0.035, look.wood)
    else:
        p.legs(width - 0.06, depth - 0.06, 0.71, 0.06, look.wood)
        for sz in (-1, 1):
            p.box((0, 0.62, sz * (depth / 2 - 0.06)), (width - 0.18, 0.09, 0.022), look.wood)
        p.box((0, 0.71, 0), (width, 0.035, depth), look.wood)
    p.spots = [(x, 0.748, z) for x in (-0.25 * width, 0.25 * width) for z in (-0.5 * depth + 0.17, 0.5 * depth - 0.17)]
    return p


def coffee_table(stream: Stream, look: Look) -> Piece:
    """Returns a low table with a shelf beneath its top."""
    p = Piece("coffee_table")
    w, d, h = stream.uniform(0.8, 1.1), stream.uniform(0.48, 0.6), stream.uniform(0.38, 0.45)
    top = look.wood if stream.chance(0.7) else Paint("glass_single")
    p.legs(w - 0.04, d - 0.04, h - 0.03, 0.045, look.wood_second)
    p.box((0, 0.12, 0), (w - 0.1, 0.02, d - 0.1), look.wood_second)
    p.box((0, h - 0.03, 0), (w, 0.03, d), top)
    p.spots = [(-0.25 * w, h, 0), (0.25 * w, h, 0)]
    return p


def console_table(stream: Stream, look: Look) -> Piece:
    """Returns a narrow table for a hallway wall."""
    p = Piece("console_table")
    w, d = stream.uniform(0.7, 1.0), 0.3
    p.legs(w - 0.02, d - 0.02, 0.78, 0.035, look.metal)
    p.box((0, 0.2, 0), (w - 0.06, 0.02, d - 0.05), look.wood)
    p.box((0, 0.65, 0), (w - 0.04, 0.1, d - 0.04), look.wood)
    p.box((0, 0.78, 0), (w, 0.03, d), look.wood)
    p.spots = [(-0.28 * w, 0.81, -0.02), (0.28 * w, 0.81, -0.02), (0, 0.81, -0.02)]
    return p


def desk(stream: Stream, look: Look) -> Piece:
    """Returns a desk with a drawer unit; the sitter's side is the front."""
    p = Piece("desk")
    w, d = stream.uniform(1.1, 1.5), stream.uniform(0.62, 0.72)
    side = stream.pick((-1, 1))
    p.box((0, 0.71, 0), (w, 0.03, d), look.wood)
    for sz in (-1, 1):
        p.box((-side * (w / 2 - 0.04), 0, sz * (d / 2 - 0.04)), (0.045, 0.71, 0.045), look.metal)
    p.box((side * (w / 2 - 0.23), 0.06, 0.01), (0.42, 0.65, d - 0.08), look.front)
    p.box((side * (w / 2 - 0.23), 0, 0.02), (0.38, 0.06, d - 0.16), look.dark)
    for k in range(3):
        y = 0.1 + 0.2 * k
        p.box((side * (w / 2 - 0.23), y, -d / 2 + 0.043), (0.39, 0.185, 0.014), look.front)
        p.box((side * (w / 2 - 0.23), y + 0.12, -d / 2 + 0.03), (0.14, 0.014, 0.014), look.metal)
    p.box((-side * 0.2, 0.35, d / 2 - 0.04), (w - 0.5, 0.3, 0.018), look.wood)
    p.spots = [(side * (w / 2 - 0.2), 0.74, -d / 2 + 0.2), (-side * (w / 2 - 0.18), 0.74, -d / 2 + 0.2)]
    return p


def nightstand(stream: Stream, look: Look) -> Piece:
    """Returns a bedside table with drawers."""
    p = Piece("nightstand")
    w, d, h = 0.44, 0.4, stream.uniform(0.48, 0.56)
    p.legs(w - 0.04, d - 0.04, 0.12, 0.04, look.wood)
    _drawers(p, look, (w, h - 0.12, d), 0.12, 2, 1)
    p.box((0, h, 0), (w + 0.02, 0.02, d + 0.01), look.wood)
    p.spots = [(0.08, h + 0.02, -0.1), (-0.1, h + 0.02, 0.08)]
    return p


def dresser(stream: Stream, look: Look) -> Piece:
    """Returns a chest of drawers."""
    p = Piece("dresser")
    w, d, h = stream.uniform(0.8, 1.2), 0.45, stream.uniform(0.8, 0.95)
    p.box((0, 0, 0.02), (w - 0.06, 0.07, d - 0.06), look.dark)
    _drawers(p, look, (w, h - 0.07, d), 0.07, 3 if h < 0.88 else 4, 2)
    p.box((0, h, 0), (w + 0.02, 0.025, d + 0.01), look.wood)
    p.spots = [(-0.3 * w, h + 0.025, -0.08), (0.3 * w, h + 0.025, -0.08), (0.0, h + 0.025, -0.06)]
    return p


def _drawers(
    p: Piece, look: Look, size: tuple[float, float, float], base: float, rows: int, columns: int, gap: float = 0.012
) -> None:
    """A body with a grid of drawer fronts and handles."""
    w, h, d = size
    p.box((0, base, 0.01), (w, h, d - 0.02), look.wood)
    high, wide = h / rows, w / columns
    for r in range(rows):
        for c in range(columns):
            x, y = -w / 2 + (c + 0.5) * wide, base + r * high
            p.box((x, y + gap / 2, -d / 2 + 0.004), (wide - gap, high - gap, 0.014), look.front)
            p.box((x, y + high / 2, -d / 2 - 0.012), (min(0.16, wide / 2), 0.014, 0.016), look.metal)


def wardrobe(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a wardrobe with door leaves and handles."""
    p = Piece("wardrobe")
    d, h = 0.6, stream.uniform(1.95, 2.2)
    doors = max(2, round(width / 0.5))
    p.box((0, 0, 0.02), (width - 0.04, 0.08, d - 0.08), look.dark)
    p.box((0, 0.08, 0.012), (width, h - 0.08, d - 0.024), look.wood)
    wide = width / doors
    for k in range(doors):
        x = -width / 2 + (k + 0.5) * wide
        p.box((x, 0.09, -d / 2 + 0.006), (wide - 0.008, h - 0.12, 0.016), look.front)
        grip = x + (wide / 2 - 0.05) * (1 if k % 2 == 0 else -1)
        p.box((grip, 1.0, -d / 2 - 0.012), (0.016, 0.2, 0.02), look.metal)
    p.box((0, h, 0), (width + 0.03, 0.04, d + 0.02), look.wood)
    return p


def bookshelf(stream: Stream, look: Look) -> Piece:
    """Returns a shelf with books and boxes of uneven height and depth."""
    p = Piece("bookshelf")
    w, d, h = stream.uniform(0.7, 1.1), 0.32, stream.uniform(1.6, 2.1)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - 0.0125), 0, 0), (0.025, h, d), look.wood)
    p.box((0, 0.0, d / 2 - 0.006), (w - 0.05, h - 0.01, 0.012), look.wood)
    shelves = 5
    pitch = (h - 0.06) / shelves
    for k in range(shelves + 1):
        p.box((0, 0.03 + k * pitch, 0), (w - 0.05, 0.022, d - 0.01), look.wood)
    for k in range(shelves):
        _shelf_row(stream, p, (w - 0.07, 0.052 + k * pitch, pitch - 0.05), look)
    return p


def _shelf_row(stream: Stream, p: Piece, row: tuple[float, float, float], look: Look) -> None:
    width, y, tall = row
    x = -width / 2
    while x < width / 2 - 0.1:
        wide = stream.uniform(0.1, 0.26)
        wide = min(wide, width / 2 - x)
        kind = stream.random()
        if kind < 0.72:
            high, deep = stream.uniform(0.6, 0.95) * tall, stream.uniform(0.17, 0.24)
            p.box((x + wide / 2, y, 0.12 - deep / 2), (wide - 0.006, high, deep), Paint("books", stream.pick(_BOOKS)))
        elif kind < 0.82:
            p.soft((x + wide / 2, y, 0), (wide - 0.02, 0.5 * tall, 0.2), look.accent, 0.01)
        x += wide


def sideboard(stream: Stream, look: Look) -> Piece:
    """Returns a low cupboard with doors."""
    p = Piece("sideboard")
    w, d, h = stream.uniform(1.1, 1.6), 0.42, stream.uniform(0.72, 0.85)
    p.legs(w - 0.1, d - 0.06, 0.14, 0.04, look.metal)
    _drawers(p, look, (w, h - 0.14, d), 0.14, 1, 3)
    p.box((0, h, 0), (w + 0.02, 0.025, d + 0.01), look.wood)
    p.spots = [(-0.33 * w, h + 0.025, -0.06), (0.33 * w, h + 0.025, -0.06), (0.0, h + 0.025, -0.06)]
    return p


def tv_stand(stream: Stream, look: Look) -> Piece:
    """Returns a low bench for a television."""
    p = Piece("tv_stand")
    w, d, h = stream.uniform(1.2, 1.6), 0.4, stream.uniform(0.42, 0.5)
    p.box((0, 0, 0.02), (w - 0.1, 0.06, d - 0.1), look.dark)
    _drawers(p, look, (w, h - 0.06, d), 0.06, 1, 3)
    p.box((0, h, 0), (w + 0.02, 0.022, d + 0.01), look.wood)
    p.spots = [(0.0, h + 0.022, 0.06), (0.42 * w, h + 0.022, -0.05)]
    return p


def coat_rack(stream: Stream, look: Look) -> Piece:
    """Returns a board with hooks and coats that hangs on the wall."""
    p = Piece("coat_rack")
    w = stream.uniform(0.6, 0.9)
    p.box((0, 1.62, 0.06), (w, 0.1, 0.025), look.wood)
    count = 4
    for k in range(count):
        x = -w / 2 + (k + 0.5) * w / count
        p.box((x, 1.6, 0.035), (0.02, 0.05, 0.05), look.metal)
        if stream.chance(0.6):
            paint = stream.pick((look.accent, look.fabric_second, look.blanket))
            p.soft((x, 0.85, 0.0), (w / count - 0.02, 0.76, 0.1), paint, 0.035)
    return p
