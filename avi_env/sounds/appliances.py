"""Sounds of appliances: refrigerator, microwave, blender, toaster, printer, fans, sewing machine, heating, cooling."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    RATE,
    Signal,
    Span,
    between,
    burst,
    coloured_noise,
    draw,
    faded,
    filtered,
    glide,
    harmonics,
    hump,
    lowpass,
    modes,
    place,
    quick_seconds,
    steady_frequency,
    time_axis,
    wander,
)

__all__ = [
    "air_conditioner",
    "blender",
    "fan",
    "fridge_hum",
    "hair_dryer",
    "microwave",
    "printer",
    "radiator",
    "sewing_machine",
    "toaster",
]


def fridge_hum(
    rng: np.random.Generator, motor: Span = (49.0, 50.0), rattle: float = 0.06, bright: Span = (0.35, 0.5)
) -> Signal:
    """Returns a refrigerator: a compressor's low harmonics that beat slowly, a faint rattle of the case."""
    seconds = 4.0
    t = time_axis(seconds)
    turn = steady_frequency(draw(rng, motor), seconds)
    fall = draw(rng, bright)
    weights = np.array([0.4, 1.0, 0.3, 0.8, 0.25, 0.5, 0.12, 0.3]) * fall ** (np.arange(8) / 3.0)
    hum = harmonics(turn * t, weights, rng.uniform(0, 2 * np.pi, 8))
    beat = harmonics((turn + round(draw(rng, (1.0, 3.0))) / seconds) * t, (0.0, 0.3, 0.0, 0.25))
    case = coloured_noise(rng, seconds, hump(draw(rng, (300.0, 420.0)), 0.5))
    buzz = 0.5 + 0.5 * np.cos(2 * np.pi * 2 * turn * t)
    return hum + beat + rattle * case * buzz + 0.02 * coloured_noise(rng, seconds, between(60.0, 800.0, 1))


def microwave(
    rng: np.random.Generator,
    hum: Span = (99.0, 101.0),
    beep: Span = (1950.0, 2150.0),
    beeps: int = 3,
    beeping: Span = (0.22, 0.28),
) -> Signal:
    """Returns a microwave oven: transformer hum, a fan, the plate's wobble; then it is done and beeps."""
    run = 4.0
    length = draw(rng, beeping)
    seconds = quick_seconds(run + beeps * 2.0 * length + 0.6)
    t = time_axis(seconds)
    on = glide([(0.0, 0.0), (0.1, 1.0), (run - 0.1, 1.0), (run, 0.0), (seconds, 0.0)], t)
    core = harmonics(draw(rng, hum) * t, (1.0, 0.45, 0.5, 0.2, 0.3, 0.1, 0.18, 0.05, 0.1), rng.uniform(0, 6.3, 9))
    fan = coloured_noise(rng, seconds, between(250.0, 1100.0, 2))
    plate = 1.0 + 0.2 * np.sin(2 * np.pi * t / (run / round(draw(rng, (3.0, 6.0)))))
    tone = time_axis(length)
    ping = faded(harmonics(draw(rng, beep) * tone, (1.0, 0.05, 0.2)), 0.004, 0.006)
    done = ((run + 0.35 + number * 2.0 * length, 2.2 * ping) for number in range(beeps))
    return on * (core + 0.7 * fan) * plate + place(seconds, done)


def blender(
    rng: np.random.Generator,
    motor: Span = (230.0, 290.0),
    pulses: int = 3,
    chop: float = 0.5,
    knock: float = 0.3,
) -> Signal:
    """Returns a blender: a motor howls up and slows down in bursts, blades chop, lumps knock against the jug."""
    seconds = 5.0
    t = time_axis(seconds)
    knots = [(0.0, 0.0)]
    step = (seconds - 0.3) / pulses
    for number in range(pulses):
        start = number * step
        knots += [(start + 0.05, 0.0), (start + 0.3, 1.0), (start + step - 0.35, 0.95), (start + step - 0.05, 0.0)]
    speed = glide([*knots, (seconds, 0.0)], t)
    load = 1.0 + 0.025 * wander(rng, seconds, 9.0)
    phase = np.cumsum(draw(rng, motor) * (0.35 + 0.65 * speed) * load) / RATE
    weights = np.array([0.5, 0.7, 0.5, 1.0, 0.5, 0.6, 0.8, 0.5, 0.4, 0.5, 0.35, 0.3, 0.3, 0.2, 0.2, 0.15])
    whine = harmonics(phase, weights * rng.uniform(0.6, 1.2, 16), rng.uniform(0, 6.3, 16))
    crush = coloured_noise(rng, seconds, between(700.0, 4500.0, 1)) * (1.0 + 0.6 * np.tanh(wander(rng, seconds, 25.0)))
    events = []
    for onset in rng.uniform(0.0, seconds, 60):
        events.append((float(onset), draw(rng, (0.3, 1.0)) * burst(rng, 0.012, 300.0, 1800.0)))
    loud = np.clip(speed, 0.0, 1.0) ** 0.7
    return filtered(loud * (whine + 1.2 * chop * crush + 6.0 * knock * place(seconds, events)), lowpass(6300.0, 6))


def toaster(
    rng: np.random.Generator,
    ticks: Span = (7.0, 9.0),
    spring: Span = (260.0, 360.0),
    tick: Span = (2600.0, 3600.0),
    hum: float = 0.02,
) -> Signal:
    """Returns a toaster: the lever goes down, its clockwork ticks quickly, and a spring throws the bread."""
    seconds = 6.0
    rate = draw(rng, ticks)
    high = draw(rng, tick)
    cog = modes([high, 1.7 * high], [0.012, 0.008], [1.0, 0.5], 0.03)
    events = [(0.5 + number / rate, 0.12 * draw(rng, (0.7, 1.0)) * cog) for number in range(int(4.3 * rate))]
    sheet = np.sort(rng.uniform(220.0, 2600.0, 12))
    low = draw(rng, spring)
    coil = low * np.array([1.0, 1.52, 2.1, 2.74, 3.4, 4.1])
    for onset, loud in ((0.15, 0.5), (5.0, 1.0)):
        clunk = modes(sheet, 0.1 * (400.0 / sheet) ** 0.3, rng.uniform(0.2, 1.0, 12), 0.3)
        boing = modes(coil, np.full(6, 0.35), 0.8 ** np.arange(6), 0.6)
        snap = burst(rng, 0.006, 800.0, 4500.0)
        events += [(onset, 0.5 * loud * faded(clunk, 0.0006, 0.02)), (onset, 0.9 * loud * snap)]
        events.append((onset + 0.012, loud * faded(boing, 0.002, 0.05) * (1.0 if onset > 1.0 else 0.15)))
        events.append((onset + 0.09, 0.35 * loud * faded(clunk, 0.0006, 0.02)))
    t = time_axis(seconds)
    on = glide([(0.0, 0.0), (0.2, 1.0), (4.9, 1.0), (5.0, 0.0), (seconds, 0.0)], t)
    return place(seconds, events) + hum * on * harmonics(100.0 * t, (1.0, 0.4, 0.6, 0.2, 0.3))


def printer(
    rng: np.random.Generator,
    pitch: Span = (620.0, 780.0),
    sweep: Span = (0.65, 0.8),
    buzz: float = 0.4,
    feed: Span = (150.0, 190.0),
) -> Signal:
    """Returns a printer: the carriage zips to and fro on its stepper motor, and between the rows the paper advances."""
    rows, row = 4, draw(rng, sweep)
    seconds = quick_seconds(rows * (row + 0.28))
    high, steps = draw(rng, pitch), draw(rng, feed)
    events = []
    for number in range(rows):
        t = time_axis(row)
        speed = glide([(0.0, 0.25), (0.12 * row, 1.0), (0.85 * row, 1.0), (row, 0.3)], t)
        phase = np.cumsum(high * (1.06 if number % 2 else 1.0) * speed) / RATE
        motor = harmonics(phase, (1.0, 0.7, 0.35, 0.45, 0.2, 0.25, 0.1))
        jets = coloured_noise(rng, row, between(1800.0, 5200.0)) * (
            0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 0.125 * phase))
        )
        onset = number * seconds / rows
        events.append((onset, faded(speed * (motor + 2.0 * buzz * jets), 0.01, 0.02)))
        events.append((onset + row, 1.3 * burst(rng, 0.03, 200.0, 1800.0)))
        tick = time_axis(0.14)
        gear = harmonics(steps * tick, 0.75 ** np.arange(14), rng.uniform(0, 6.3, 14))
        events.append((onset + row + 0.07, 0.6 * faded(gear, 0.005, 0.01)))
    return filtered(place(seconds, events), lowpass(6200.0, 6))


def fan(
    rng: np.random.Generator, chop: Span = (14.0, 18.0), air: Span = (300.0, 450.0), depth: Span = (0.5, 0.65)
) -> Signal:
    """Returns a fan: a stream of air that its blades chop into a soft flutter; the head swings to and fro."""
    seconds = 6.0
    t = time_axis(seconds)
    rate = steady_frequency(draw(rng, chop), seconds)
    middle = draw(rng, air)
    stream = coloured_noise(rng, seconds, lambda f: between(70.0, 100.0, 1)(f) * 0.2 + hump(middle, 0.9)(f))
    flutter = 1.0 + draw(rng, depth) * np.cos(2 * np.pi * rate * t) + 0.15 * np.cos(4 * np.pi * rate * t + 1.0)
    swing = 1.0 + 0.3 * np.cos(2 * np.pi * t / seconds + draw(rng, (0.0, 6.3)))
    motor = harmonics(100.0 * t, (0.1, 0.06, 0.03))
    return swing * flutter * stream + motor


def hair_dryer(
    rng: np.random.Generator,
    whine: Span = (1700.0, 2100.0),
    air: Span = (2600.0, 3200.0),
    tone: float = 0.5,
    motor: Span = (240.0, 300.0),
) -> Signal:
    """Returns a hair dryer: a strong rush of hot air from a narrow mouth, over it the blades' thin whine."""
    seconds = 4.0
    t = time_axis(seconds)
    middle = draw(rng, air)
    rush = coloured_noise(rng, seconds, lambda f: hump(middle, 0.55)(f) + 0.25 * between(500.0, 2500.0, 1)(f))
    sway = wander(rng, seconds, 1.5)
    blades = harmonics(steady_frequency(draw(rng, whine), seconds) * t + 0.6 * sway, (1.0, 0.25, 0.1))
    turn = harmonics(steady_frequency(draw(rng, motor), seconds) * t + 0.1 * sway, (0.25, 0.2, 0.1, 0.1, 0.05))
    return filtered((rush + tone * blades + 0.5 * tone * turn) * (1.0 + 0.08 * sway), lowpass(6500.0, 8))


def sewing_machine(
    rng: np.random.Generator,
    stitches: Span = (9.0, 11.0),
    case: Span = (300.0, 450.0),
    motor: Span = (85.0, 105.0),
    seams: int = 2,
) -> Signal:
    """Returns a sewing machine: the needle hammers in seams that begin slowly, run and stop; the motor whirs along."""
    seconds = 6.0
    step = seconds / seams
    rate, turn = draw(rng, stitches), draw(rng, motor)
    plate = draw(rng, case) * np.array([1.0, 1.9, 2.7, 4.2, 6.1])
    decays = 0.045 * (plate / plate[0]) ** -0.7
    events = []
    for number in range(seams):
        length = step * draw(rng, (0.68, 0.78))
        t = time_axis(length)
        speed = glide([(0.0, 0.3), (0.5, 1.0), (length - 0.25, 1.0), (length, 0.2)], t)
        phase = np.cumsum(rate * speed) / RATE
        motor_loud = (
            0.06 * speed * harmonics(np.cumsum(turn * speed) / RATE, 0.8 ** np.arange(12), rng.uniform(0, 6.3, 12))
        )
        start = number * step
        events.append((start, faded(motor_loud, 0.02, 0.05)))
        for stitch in range(1, int(phase[-1])):
            at = start + float(np.searchsorted(phase, stitch)) / RATE
            down = (
                modes(plate, decays, rng.uniform(0.4, 1.0, 5), 0.12)
                + np.pad(0.8 * burst(rng, 0.006, 900.0, 4000.0), (0, 768))[: round(0.12 * RATE)]
            )
            events += [(at, faded(down, 0.0006, 0.02)), (at + 0.45 / rate, 0.45 * faded(down, 0.001, 0.02))]
    return filtered(place(seconds, events), lowpass(5500.0, 3))


def radiator(
    rng: np.random.Generator,
    pipe: Span = (420.0, 620.0),
    knocks: Span = (4.0, 7.0),
    ring: Span = (0.35, 0.55),
    flow: float = 0.012,
) -> Signal:
    """Returns a radiator that warms up: iron expands and clanks, ticks run along the pipe, water trickles inside."""
    seconds = 7.0
    low = draw(rng, pipe)
    partials = low * np.array([1.0, 1.47, 2.09, 2.56, 3.39, 4.08, 5.4])
    decays = draw(rng, ring) * (partials / low) ** -0.5
    events = []
    for group in np.sort(rng.uniform(0.0, seconds, round(draw(rng, knocks)))):
        loud = draw(rng, (0.4, 1.0))
        for tick in range(int(rng.integers(2, 6))):  # slip by slip: each smaller and later
            clank = modes(partials, decays, rng.uniform(0.2, 1.0, 7), 0.7)
            late = tick * draw(rng, (0.09, 0.16))
            events.append((float(group) + late, loud * draw(rng, (0.5, 1.0)) * 0.75**tick * faded(clank, 0.001, 0.05)))
    trickle = coloured_noise(rng, seconds, hump(350.0, 0.8)) * (1.0 + 0.6 * np.tanh(wander(rng, seconds, 9.0)))
    return filtered(place(seconds, events) + flow * trickle, lowpass(4500.0, 2))


def air_conditioner(
    rng: np.random.Generator,
    motor: Span = (57.0, 60.0),
    air: Span = (800.0, 1100.0),
    rattle: Span = (5.0, 7.0),
    hum: float = 0.5,
) -> Signal:
    """Returns an air conditioner: a steady wide stream of air, a compressor's hum, a loose grille that rattles."""
    seconds = 4.0
    t = time_axis(seconds)
    turn = steady_frequency(draw(rng, motor), seconds)
    compressor = harmonics(turn * t, (0.2, 1.0, 0.1, 0.45, 0.05, 0.2), rng.uniform(0, 6.3, 6))
    stream = coloured_noise(rng, seconds, hump(draw(rng, air), 1.1))
    grille = modes([1250.0, 2140.0, 3380.0], [0.04, 0.03, 0.02], [1.0, 0.7, 0.5], 0.06)
    count = round(draw(rng, rattle) * seconds)
    events = [
        ((number + draw(rng, (-0.15, 0.15))) * seconds / count, draw(rng, (0.3, 1.0)) * faded(grille, 0.001, 0.01))
        for number in range(count)
    ]
    return hum * compressor + stream * (1.0 + 0.04 * wander(rng, seconds, 1.0)) + 0.6 * place(seconds, events)
