"""Instruments, computers and other machines of living rooms and offices."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Look, Paint, Piece
from avi_env.scene.furniture_parts import BRASS
from avi_env.scene.house_stream import Stream

__all__ = [
    "computer",
    "exercise_bike",
    "fan",
    "game_console",
    "guitar",
    "hair_dryer",
    "ironing_board",
    "loudspeaker",
    "metronome",
    "piano",
    "printer",
    "sewing_machine",
]

_IVORY = Paint("plastic", (0.78, 0.76, 0.70))
_BLACK = Paint("plastic", (0.02, 0.02, 0.022))
_CASES: tuple[Paint, ...] = (
    Paint("plastic", (0.04, 0.04, 0.045)),
    Paint("plastic", (0.72, 0.72, 0.70)),
    Paint("plastic", (0.30, 0.31, 0.33)),
    Paint("plastic", (0.44, 0.05, 0.05)),
    Paint("plastic", (0.55, 0.58, 0.50)),
    Paint("plastic", (0.10, 0.22, 0.34)),
)
_LACQUERS: tuple[Paint, ...] = (
    Paint("wood", (0.025, 0.022, 0.02)),
    Paint("wood", (0.24, 0.09, 0.04)),
    Paint("wood", (0.36, 0.20, 0.10)),
    Paint("painted_wood", (0.76, 0.75, 0.72)),
    Paint("wood", (0.14, 0.05, 0.03)),
    Paint("wood", (0.52, 0.36, 0.20)),
)


def piano(stream: Stream, look: Look) -> Piece:
    """Returns an upright piano with keys, music desk, pedals and a stool before it (-Z)."""
    p = Piece("piano")
    w, h, back = 1.46, stream.uniform(1.1, 1.3), 0.5
    paint = look.pick(stream, _LACQUERS)
    p.box((0, 0.08, back - 0.17), (w, h - 0.08, 0.34), paint)
    p.box((0, h, back - 0.19), (w + 0.03, 0.03, 0.38), paint)
    p.box((0, 0.1, back - 0.35), (w - 0.16, 0.46, 0.02), paint)
    p.box((0, 0.0, back - 0.19), (w, 0.08, 0.38), paint)
    p.box((0, 0.6, back - 0.46), (w, 0.07, 0.26), paint)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - 0.03), 0.0, back - 0.55), (0.06, 0.62, 0.06), paint)
        p.box((sx * (w / 2 - 0.03), 0.66, back - 0.46), (0.06, 0.16, 0.26), paint)
        p.box((sx * (w / 2 - 0.03), 0.0, back - 0.42), (0.06, 0.06, 0.32), paint)
    p.box((0, 0.67, back - 0.51), (w - 0.14, 0.03, 0.15), _IVORY)
    for octave in range(7):
        for k in (0.5, 1.5, 3.5, 4.5, 5.5):
            x = -(w - 0.14) / 2 + (7 * octave + k + 0.5) * (w - 0.14) / 49
            if k != 4.5:
                p.box((x, 0.7, back - 0.475), (0.014, 0.012, 0.08), _BLACK)
    p.add("box", (0, 0.95, back - 0.375), (0.6, 0.22, 0.015), paint, pitch=0.2)
    p.add("box", (0.02, 0.96, back - 0.39), (0.4, 0.2, 0.006), Paint("canvas", (0.76, 0.75, 0.70)), pitch=0.2)
    for x in (-0.07, 0.0, 0.07):
        p.box((x, 0.03, back - 0.42), (0.03, 0.015, 0.12), BRASS)
    style = look.pick(stream, ("plain", "plain", "panels", "lamps"))
    if style == "panels":
        for sx in (-1, 1):
            p.box((sx * 0.34, 0.16, back - 0.36), (0.52, 0.34, 0.02), paint)
    elif style == "lamps":
        for sx in (-1, 1):
            p.box((sx * 0.5, 0.88, back - 0.37), (0.03, 0.03, 0.08), BRASS)
            p.rod((sx * 0.5, 0.91, back - 0.4), 0.024, 0.1, _IVORY)
    _piano_stool(p, stream, look, paint)
    p.spots = [(-0.5, h + 0.03, back - 0.2), (0.5, h + 0.03, back - 0.2), (0.0, h + 0.03, back - 0.16)]
    return p


def _piano_stool(p: Piece, stream: Stream, look: Look, paint: Paint) -> None:
    z = -0.35
    if look.pick(stream, ("bench", "round", "bench", "round")) == "round":
        p.cylinder((0, 0.44, z), 0.34, 0.05, look.fabric_second)
        p.rod((0, 0.1, z), 0.06, 0.34, paint)
        p.box((0, 0.0, z), (0.34, 0.1, 0.06), paint)
        p.box((0, 0.0, z), (0.06, 0.1, 0.34), paint)
        return
    for sx in (-1, 1):
        for sz in (-1, 1):
            p.box((sx * 0.27, 0, z + sz * 0.13), (0.045, 0.42, 0.045), paint)
    p.box((0, 0.38, z), (0.6, 0.05, 0.32), paint)
    p.soft((0, 0.43, z), (0.6, 0.06, 0.32), look.fabric_second, 0.02)


def guitar(stream: Stream, look: Look) -> Piece:
    """Returns a guitar on a stand, leaning back."""
    p = Piece("guitar")
    wood = Paint(
        "wood", look.pick(stream, ((0.55, 0.32, 0.12), (0.34, 0.10, 0.04), (0.08, 0.06, 0.05), (0.60, 0.46, 0.24)))
    )
    lean = 0.16

    def at(up: float, out: float) -> tuple[float, float, float]:
        """A point `up` along the guitar and `out` in front of its body."""
        return (0.0, 0.1 + up * math.cos(lean) + out * math.sin(lean), up * math.sin(lean) - out * math.cos(lean))

    flat = math.pi / 2 + lean
    if look.pick(stream, ("acoustic", "acoustic", "electric", "square")) == "electric":
        p.add("cylinder", at(0.19, 0.02), (0.34, 0.045, 0.34), wood, pitch=flat)
        for sx in (-1, 1):
            p.add("box", (sx * 0.1, at(0.4, 0.02)[1], at(0.4, 0.02)[2]), (0.08, 0.2, 0.045), wood, pitch=lean)
        for up in (0.24, 0.31):
            p.add("box", at(up, 0.046), (0.09, 0.025, 0.012), _BLACK, pitch=lean)
    else:
        p.add("cylinder", at(0.19, 0), (0.38, 0.1, 0.36), wood, pitch=flat)
        p.add("cylinder", at(0.41, 0), (0.28, 0.1, 0.26), wood, pitch=flat)
        p.add("rod", at(0.31, 0.052), (0.1, 0.004, 0.1), _BLACK, pitch=flat)
    p.add("box", at(0.13, 0.055), (0.16, 0.02, 0.012), look.dark, pitch=lean)
    p.add("box", at(0.64, 0.045), (0.05, 0.66, 0.03), Paint("wood", (0.12, 0.06, 0.03)), pitch=lean)
    p.add("box", at(1.02, 0.045), (0.075, 0.14, 0.02), wood, pitch=lean)
    for sx in (-1, 1):
        p.add("box", (sx * 0.06, 1.1, 0.125), (0.05, 0.08, 0.012), look.chrome, pitch=lean)
        p.box((sx * 0.13, 0, -0.06), (0.025, 0.12, 0.16), look.dark)
    p.box((0, 0.06, 0.06), (0.28, 0.025, 0.025), look.dark)
    p.add("box", (0, 0.3, 0.2), (0.03, 0.62, 0.025), look.dark, pitch=-0.16)
    return p


def loudspeaker(stream: Stream, look: Look) -> Piece:
    """Returns a loudspeaker: a floor-standing box, a low one, or a column; drivers at the front."""
    p = Piece("loudspeaker")
    body = look.pick(stream, (look.wood, _BLACK, look.white, look.wood_second))
    style = look.pick(stream, ("tower", "monitor", "column", "wedge"))
    w, d, h = {
        "tower": (0.22, 0.3, 1.0),
        "monitor": (0.2, 0.24, 0.34),
        "column": (0.24, 0.24, 0.9),
        "wedge": (0.3, 0.3, 0.55),
    }[style]
    if style == "column":
        p.cylinder((0, 0.02, 0), w, h, body)
        p.cylinder((0, 0, 0), w + 0.04, 0.02, look.dark)
        face = -d / 2
    else:
        p.box((0, 0, 0), (w, h, d), body)
        p.box((0, 0.02, -d / 2 - 0.004), (w - 0.03, h - 0.04, 0.012), look.dark)
        face = -d / 2 - 0.012
    sizes = (0.14, 0.14, 0.05) if h > 0.6 else (0.15, 0.05)
    y = 0.45 * h if h > 0.6 else 0.38 * h
    for size in sizes:
        p.disc((0, y, face), size, 0.014, look.chrome)
        p.disc((0, y, face - 0.004), 0.8 * size, 0.014, _BLACK, "rod")
        y += size + 0.015
    if style == "tower":
        p.box((0, 0, 0), (w + 0.06, 0.02, d + 0.06), look.dark)
    return p


def computer(stream: Stream, look: Look) -> Piece:
    """Returns a monitor on its foot with keyboard and mouse; the user sits at the front."""
    p = Piece("computer")
    shell = look.pick(stream, _CASES[:4])
    w = look.pick(stream, (0.52, 0.6, 0.56, 0.76))
    h = 0.32 if w < 0.7 else 0.3
    p.box((0, 0, 0.1), (0.24, 0.012, 0.17), shell)
    p.box((0, 0.01, 0.13), (0.05, 0.22, 0.02), shell)
    p.box((0, 0.1, 0.1), (w, h, 0.03), shell)
    p.box((0, 0.112, 0.083), (w - 0.02, h - 0.026, 0.008), Paint("screen", (0.06, 0.14, 0.26)))
    p.box((-0.1 * w, 0.1 + 0.3 * h, 0.079), (0.5 * w, 0.45 * h, 0.004), Paint("screen", (0.55, 0.57, 0.58)))
    p.box((-0.05, 0, -0.13), (0.42, 0.018, 0.14), shell)
    for row in range(4):
        p.box((-0.05, 0.016, -0.178 + 0.032 * row), (0.39, 0.007, 0.024), look.dark if row % 2 else look.chrome)
    p.bead((0.24, 0.014, -0.12), (0.06, 0.03, 0.1), shell)
    style = look.pick(stream, ("plain", "plain", "speaker", "camera"))
    if style == "speaker":
        p.box((0, 0, -0.01), (0.34, 0.06, 0.06), look.dark)
    elif style == "camera":
        p.box((0, 0.1 + h, 0.09), (0.1, 0.025, 0.03), look.dark)
    return p


def printer(stream: Stream, look: Look) -> Piece:
    """Returns a printer with paper tray, output and keys."""
    p = Piece("printer")
    body = look.pick(stream, _CASES[:4])
    w, d, h = stream.uniform(0.4, 0.46), 0.36, stream.uniform(0.18, 0.26)
    p.soft((0, 0, 0), (w, h, d), body, 0.02)
    p.box((0, 0.03, -d / 2 - 0.02), (0.6 * w, 0.03, 0.06), look.dark)
    p.box((0, 0.5 * h, -d / 2 - 0.002), (0.66 * w, 0.03, 0.012), _BLACK)
    p.add("box", (0, h + 0.05, d / 2 - 0.06), (0.26, 0.16, 0.01), body, pitch=0.45)
    paper = Paint("canvas", (0.80, 0.80, 0.78))
    p.add("box", (0, h + 0.06, d / 2 - 0.08), (0.21, 0.2, 0.006), paper, pitch=0.45)
    p.box((0, 0.06, -d / 2 - 0.03), (0.21, 0.006, 0.1), paper)
    p.box((0.3 * w, h - 0.002, -d / 2 + 0.08), (0.1, 0.008, 0.06), Paint("screen", (0.10, 0.26, 0.34)))
    style = look.pick(stream, ("plain", "plain", "scanner", "cassette"))
    if style == "scanner":
        p.box((-0.02, h, -0.03), (w - 0.1, 0.035, d - 0.2), look.dark)
        p.box((-0.02, h + 0.035, -0.03), (w - 0.12, 0.012, d - 0.22), body)
    elif style == "cassette":
        p.box((0, -0.0, 0), (w - 0.02, 0.05, d + 0.04), look.dark)
        p.box((0, 0.02, -d / 2 - 0.025), (0.12, 0.02, 0.016), look.chrome)
    return p


def fan(stream: Stream, look: Look) -> Piece:
    """Returns a standing fan: foot, pole, cage and blades; or a tower fan."""
    p = Piece("fan")
    body = look.pick(stream, _CASES)
    style = look.pick(stream, ("stand", "stand", "tower", "box"))
    if style == "box":
        p.soft((0, 0.04, 0), (0.5, 0.5, 0.16), body, 0.02)
        for sx in (-1, 1):
            p.box((sx * 0.18, 0, 0), (0.04, 0.05, 0.24), look.dark)
        p.disc((0, 0.29, -0.075), 0.42, 0.02, look.dark)
        for k in range(6):
            p.add("box", (0, 0.29, -0.09), (0.012, 0.42, 0.01), look.chrome, yaw=math.pi / 2, pitch=math.pi * k / 6)
        return p
    if style == "tower":
        p.cylinder((0, 0, 0), 0.3, 0.03, look.dark)
        p.soft((0, 0.03, 0), (0.18, 0.85, 0.2), body, 0.04)
        for k in range(7):
            p.box((0, 0.22 + 0.08 * k, -0.1), (0.11, 0.03, 0.012), look.dark)
        return p
    h = stream.uniform(0.95, 1.2)
    p.cylinder((0, 0, 0), 0.38, 0.03, body)
    p.rod((0, 0.03, 0.05), 0.035, h - 0.05, look.chrome)
    p.disc((0, h, 0.05), 0.12, 0.14, body, "rod")
    p.disc((0, h, -0.1), 0.1, 0.02, body, "rod")
    for k in range(4):
        tilt = math.pi / 4 + k * math.pi / 2
        x, y = 0.1 * math.cos(tilt), 0.1 * math.sin(tilt)
        p.add("bead", (x, h + y, -0.05), (0.15, 0.15, 0.016), look.dark)
    for k in range(8):
        a = 2 * math.pi * k / 8
        at = (0.19 * math.cos(a), h + 0.19 * math.sin(a), -0.04)
        p.add("box", at, (0.09, 0.165, 0.014), look.chrome, yaw=math.pi / 2, pitch=-a)
    return p


def sewing_machine(stream: Stream, look: Look) -> Piece:
    """Returns a sewing machine: bed, column, arm, needle and hand wheel."""
    p = Piece("sewing_machine")
    paint = look.pick(stream, _CASES)
    p.soft((0, 0, 0), (0.42, 0.07, 0.18), look.wood_second if stream.chance(0.4) else paint, 0.01)
    p.soft((0.14, 0.06, 0.01), (0.1, 0.22, 0.12), paint, 0.02)
    p.soft((0, 0.2, 0.01), (0.38, 0.09, 0.11), paint, 0.025)
    p.soft((-0.16, 0.13, 0.01), (0.07, 0.1, 0.09), paint, 0.015)
    p.box((-0.16, 0.075, 0.0), (0.008, 0.07, 0.008), look.chrome)
    p.box((-0.16, 0.07, 0.0), (0.06, 0.006, 0.05), look.chrome)
    p.bar((0.2, 0.22, 0.01), 0.1, 0.025, look.chrome, "cylinder")
    p.rod((0.06, 0.28, 0.02), 0.035, 0.05, look.accent)
    style = look.pick(stream, ("plain", "plain", "dials", "cover"))
    if style == "dials":
        for x in (-0.04, 0.03, 0.1):
            p.disc((x, 0.24, -0.05), 0.035, 0.02, look.chrome, "rod")
    elif style == "cover":
        p.box((-0.19, 0.0, -0.13), (0.16, 0.012, 0.14), Paint("cloth", look.accent.color))
        p.box((0.02, 0.29, 0.02), (0.16, 0.012, 0.016), look.dark)
    return p


def hair_dryer(stream: Stream, look: Look) -> Piece:
    """Returns a hair dryer that lies: barrel, nozzle and handle."""
    p = Piece("hair_dryer")
    paint = look.pick(stream, _CASES)
    p.bar((0, 0.045, 0), 0.09, 0.15, paint, "cylinder")
    p.bar((-0.1, 0.045, 0), 0.06, 0.06, look.dark)
    p.bar((0.08, 0.045, 0), 0.07, 0.02, look.dark)
    p.soft((0.03, 0.02, -0.1), (0.045, 0.045, 0.16), paint, 0.012)
    p.box((0.03, 0.06, -0.09), (0.02, 0.008, 0.04), look.dark)
    style = look.pick(stream, ("plain", "plain", "diffuser", "cable"))
    if style == "diffuser":
        p.bar((-0.15, 0.05, 0), 0.1, 0.05, look.dark)
    elif style == "cable":
        p.box((0.03, 0, -0.2), (0.012, 0.012, 0.06), look.dark)
        p.box((-0.02, 0, -0.225), (0.11, 0.012, 0.012), look.dark)
    return p


def ironing_board(stream: Stream, look: Look) -> Piece:
    """Returns an ironing board on crossed legs with an iron on it; long along x."""
    p = Piece("ironing_board")
    cover = look.pick(stream, (look.accent, look.bedding, look.fabric_second, look.curtain))
    h, w = stream.uniform(0.84, 0.92), 1.2
    p.box((0.06, h - 0.03, 0), (w - 0.36, 0.03, 0.36), Paint("cloth", cover.color))
    p.box((-0.46, h - 0.03, 0), (0.28, 0.03, 0.26), Paint("cloth", cover.color))
    for lean in (-0.75, 0.75):
        for sz in (-1, 1):
            z = sz * (0.13 if lean > 0 else 0.09)
            p.add(
                "box",
                (0.02, h / 2 - 0.02, z),
                (0.022, (h - 0.08) / math.cos(lean), 0.022),
                look.chrome,
                yaw=math.pi / 2,
                pitch=lean,
            )
    for x in (-0.38, 0.42):
        p.box((x, 0, 0), (0.03, 0.025, 0.36), look.chrome)
    p.soft((0.36, h, 0), (0.24, 0.06, 0.11), look.white, 0.02)
    p.box((0.36, h + 0.09, 0), (0.16, 0.03, 0.035), look.dark)
    for x in (0.29, 0.43):
        p.box((x, h + 0.05, 0), (0.025, 0.05, 0.03), look.dark)
    p.spots = [(-0.1, h, 0.0)]
    return p


def metronome(stream: Stream, look: Look) -> Piece:
    """Returns a metronome: a wooden pyramid with a pendulum and its weight."""
    p = Piece("metronome")
    wood = look.pick(stream, _LACQUERS)
    h = stream.uniform(0.2, 0.24)
    p.box((0, 0, 0), (0.13, 0.02, 0.13), wood)
    p.box((0, 0.02, 0), (0.12, h - 0.02, 0.12), wood, taper=0.4)
    lean = math.atan(0.036 / (h - 0.02))
    ivory = Paint("canvas", (0.70, 0.66, 0.52))
    style = look.pick(stream, ("plain", "plain", "feet", "key"))
    if style == "feet":
        for x, z in ((-0.05, -0.05), (0.05, -0.05), (-0.05, 0.05), (0.05, 0.05)):
            p.box((1.2 * x, 0, 1.2 * z), (0.03, 0.012, 0.03), BRASS)
        p.box((0, h, 0), (0.035, 0.02, 0.035), BRASS, taper=0.3)
    elif style == "key":
        p.bar((0.065, 0.08, 0), 0.012, 0.04, BRASS)
        p.box((0.085, 0.065, 0), (0.006, 0.03, 0.03), BRASS)
    p.add("box", (0, 0.55 * h, -0.046), (0.075, 0.72 * h, 0.006), ivory, pitch=lean, taper=0.5)
    p.add("box", (0.004, 0.6 * h, -0.05), (0.006, 0.75 * h, 0.004), look.chrome, pitch=lean)
    p.box((0.004, 0.68 * h, -0.052), (0.026, 0.024, 0.012), BRASS)
    return p


def game_console(stream: Stream, look: Look) -> Piece:
    """Returns a game console with a controller before it."""
    p = Piece("game_console")
    body = look.pick(stream, _CASES)
    style = look.pick(stream, ("flat", "tower", "retro", "slim"))
    if style == "tower":
        p.box((0, 0, 0.04), (0.1, 0.3, 0.2), body)
        p.box((-0.02, 0.02, -0.062), (0.012, 0.24, 0.008), Paint("lamp", (0.15, 0.35, 0.75)))
    else:
        h = {"flat": 0.06, "retro": 0.09, "slim": 0.04}[style]
        p.box((0, 0, 0.05), (0.3, h, 0.22), body)
        p.box((0, 0.6 * h, -0.062), (0.28, 0.008, 0.006), Paint("lamp", (0.15, 0.35, 0.75)))
        if style == "retro":
            p.box((0, h, 0.06), (0.14, 0.03, 0.1), look.dark)
    p.soft((0.03, 0, -0.14), (0.15, 0.03, 0.07), look.dark, 0.012)
    for sx in (-1, 1):
        p.bead((0.03 + sx * 0.07, 0.02, -0.165), (0.05, 0.04, 0.08), look.dark)
    return p


def exercise_bike(stream: Stream, look: Look) -> Piece:
    """Returns an exercise bike: flywheel, frame, saddle, handlebar and screen."""
    p = Piece("exercise_bike")
    paint = look.pick(stream, _CASES)
    for z in (-0.45, 0.42):
        p.box((0, 0, z), (0.5, 0.05, 0.06), look.dark)
    p.box((0, 0.04, 0), (0.06, 0.05, 0.9), paint)
    p.bar((0, 0.32, -0.28), 0.48, 0.05, look.chrome, "cylinder")
    p.bar((0, 0.32, -0.28), 0.3, 0.07, paint, "cylinder")
    p.add("box", (0, 0.58, -0.26), (0.06, 1.0, 0.08), paint, pitch=-0.12)
    p.add("box", (0, 0.45, 0.2), (0.06, 0.85, 0.08), paint, pitch=0.12)
    p.soft((0, 0.88, 0.27), (0.2, 0.07, 0.27), look.dark, 0.025)
    p.bar((0, 1.08, -0.34), 0.035, 0.48, look.dark)
    for sx in (-1, 1):
        p.box((sx * 0.23, 1.07, -0.42), (0.035, 0.035, 0.18), look.dark)
        p.box((sx * 0.11, 0.2 + 0.12 * (sx > 0), -0.02), (0.1, 0.03, 0.08), look.dark)
    p.bar((0, 0.28, -0.02), 0.16, 0.1, look.chrome)
    p.add("box", (0, 1.18, -0.36), (0.22, 0.14, 0.03), Paint("screen"), pitch=-0.4)
    return p
