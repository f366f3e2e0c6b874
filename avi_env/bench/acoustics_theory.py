"""Sound in rooms against closed forms: exact paths, air, walls, edges and the head."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.air import AIR_DB_PER_METRE, air_absorption_db
from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.diffraction import diffraction_loss_db, half_plane_loss_db
from avi_env.acoustics.direct import direct_paths
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.image_sources import image_source_paths
from avi_env.acoustics.specular import specular_paths
from avi_env.acoustics.spherical_head import woodworth_itd
from avi_env.acoustics.transmission import transmitted_paths
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths
from avi_env.bench.acoustics_rows import Effort, Findings, Row, worst_row
from avi_env.bench.acoustics_scenes import (
    DOOR_FACES,
    DOOR_JAMBS,
    LISTENER,
    SIZE,
    SOURCE,
    box_room,
    coupled_rooms,
    plate,
    slabs,
)
from avi_env.scene.bank import SceneBank
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material

__all__ = [
    "air",
    "doorway",
    "free_field",
    "half_plane",
    "head",
    "infinite_plate",
    "shoebox_images",
    "transmission",
    "utd_loss_db",
]

FloatArray = npt.NDArray[np.floating[Any]]

_ISO_9613 = (0.44, 1.31, 2.73, 4.66, 9.89, 29.7, 105.0)  # [dB/km] at 20 degC, 50 %: ISO 9613-2, table 2
_DISTANCES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # [m]
_BENDS = (30.0, 60.0, 90.0, 120.0, 150.0)  # [degrees]
_REACH = 2.0  # [m] on either side of the edge
_KEMAR_RADIUS = 0.0843  # [m] of the sphere whose ITD fits KEMAR's best


def free_field(effort: Effort) -> Findings:
    """Direct sound between 0.5 and 16 m: level 1/d less the air's absorption, delay d/c."""
    bank = SceneBank((shoebox((40.0, 20.0, 40.0)),))
    distance = np.array(_DISTANCES)
    way = np.array([0.6, 0.1, 0.7]) / np.linalg.norm([0.6, 0.1, 0.7])
    start = np.array([10.0, 9.0, 12.0])
    source = torch.from_numpy(np.tile(start, (len(distance), 1)))
    listener = torch.from_numpy(start + distance[:, None] * way)
    paths = direct_paths(bank, torch.zeros(len(distance), dtype=torch.int64), source, listener)
    expected = -20.0 * np.log10(distance)[:, None] - AIR_DB_PER_METRE * distance[:, None]
    level = 20.0 * np.log10(paths.gain[:, 0].double().numpy())
    delay = paths.delay[:, 0].numpy()
    return Findings(
        (
            worst_row("free field, level", level, expected, "dB", "1/d and air", quantity="level", limit=0.05),
            worst_row("free field, delay", 1e6 * delay, 1e6 * distance / SPEED_OF_SOUND, "us", "d/c", limit=1.0),
        )
    )


def air(effort: Effort) -> Findings:
    """Absorption of the air per octave against the table of the standard."""
    found = air_absorption_db(BANDS_HZ) * 1000.0
    row = worst_row("air absorption", found, np.array(_ISO_9613), "dB/km", "ISO 9613 table", relative=True, limit=0.01)
    return Findings((row,))


def infinite_plate(effort: Effort) -> Findings:
    """One plate: a single reflection from the mirror image, sqrt(1 - a) / d after d/c (BRAS scene RS1)."""
    absorption = 0.3
    source, listener = np.array([0.0, 2.0, 0.0]), np.array([3.0, 1.0, 1.0])
    paths = image_source_paths(
        SceneBank((plate(absorption),)), torch.zeros(1, dtype=torch.int64), *_ends(source, listener)
    )
    heard = torch.nonzero(paths.gain[0, :, 0] > 0)[:, 0]
    image = source * [1.0, -1.0, 1.0] - listener
    distance = float(np.linalg.norm(image))
    level = 20.0 * np.log10(paths.gain[0, heard[0]].double().numpy())
    expected = 10.0 * np.log10(1.0 - absorption) - 20.0 * np.log10(distance) - AIR_DB_PER_METRE * distance
    cosine = float(paths.direction[0, heard[0]].double().numpy() @ image / distance)
    delay = 1e6 * float(paths.delay[0, heard[0]])
    angle = math.degrees(math.acos(min(1.0, cosine)))
    peer = "mirror image"
    return Findings(
        (
            Row("plate, reflections", float(len(heard)), "paths", peer, 1.0, limit=0.0),
            worst_row("plate, level", level, expected, "dB", peer, quantity="level", limit=0.1),
            Row("plate, delay", delay, "us", peer, 1e6 * distance / SPEED_OF_SOUND, limit=1.0),
            Row("plate, direction", angle, "deg", peer, 0.0, quantity="direction", limit=1.0),
        )
    )


def lattice(order: int, absorption: float, scattering: float) -> tuple[FloatArray, FloatArray]:
    """Returns delays [s], shape (P,), and levels [dB], shape (P, 7), of a shoebox's images up to an order.

    Source: Allen and Berkley, J. Acoust. Soc. Am. 65, 943 (1979): x = (1 - 2u) x_s + 2 l L per axis.
    """
    delays, levels = [], []
    kept = 10.0 * math.log10((1.0 - absorption) * (1.0 - scattering))
    for u in itertools.product((0, 1), repeat=3):
        for cell in itertools.product(range(-order, order + 1), repeat=3):
            count = sum(abs(2 * n - k) for n, k in zip(cell, u, strict=True))
            if not 1 <= count <= order:
                continue
            image = [(1 - 2 * k) * x + 2 * n * size for k, x, n, size in zip(u, SOURCE, cell, SIZE, strict=True)]
            distance = float(np.linalg.norm(np.subtract(image, LISTENER)))
            delays.append(distance / SPEED_OF_SOUND)
            levels.append(count * kept - 20.0 * math.log10(distance) - AIR_DB_PER_METRE * distance)
    return np.array(delays), np.array(levels)


def shoebox_images(effort: Effort) -> Findings:
    """Specular reflections of orders 1 to 3 in a shoebox against the lattice of images."""
    absorption, scattering, order = 0.25, 0.1, 3
    delay, level = lattice(order, absorption, scattering)
    paths = specular_paths(box_room(absorption, scattering), SOURCE, LISTENER, order)
    ours, gain = paths.delay[0].numpy(), 20.0 * np.log10(paths.gain[0].double().numpy())
    peer, rows = (
        "Allen-Berkley lattice",
        [np.lexsort([d, np.round(t, 7)]) for t, d in ((ours, gain[:, 0]), (delay, level[:, 0]))],
    )
    count = Row("shoebox, reflections of order 1-3", float(len(ours)), "paths", peer, float(len(delay)), limit=0.0)
    if len(ours) != len(delay):
        return Findings((count,))
    more: dict[str, Any] = {"quantity": "level", "limit": 0.1}
    return Findings(
        (
            count,
            worst_row("shoebox, delay", 1e6 * ours[rows[0]], 1e6 * delay[rows[1]], "us", peer, limit=1.0),
            worst_row("shoebox, level", gain[rows[0]], level[rows[1]], "dB", peer, **more),
        )
    )


def transmission(effort: Effort) -> Findings:
    """Sound through one slab, and through two, against the losses of their materials."""
    one = (20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0)
    walls = [
        Material("wall", absorption=0.2, transmission_loss=one),
        Material("board", absorption=0.2, transmission_loss=12.0),
    ]
    rows = []
    for count, what in ((1, "one wall"), (2, "two walls")):
        source, listener = np.array([-2.0, 1.0, 0.3]), np.array([3.0, 1.4, -0.4])
        distance = float(np.linalg.norm(listener - source))
        bank = SceneBank((slabs(walls[:count]),))
        gain = transmitted_paths(bank, torch.zeros(1, dtype=torch.int64), *_ends(source, listener)).gain[0, 0]
        loss = -20.0 * np.log10(gain.double().numpy() * distance) - AIR_DB_PER_METRE * distance
        expected = np.array(one) + 12.0 * (count - 1)
        more: dict[str, Any] = {"quantity": "level", "limit": 0.1}
        rows.append(worst_row(f"transmission, {what}", loss, expected, "dB", "sum of losses", **more))
    return Findings(tuple(rows))


def utd_loss_db(bend: float, frequency: float, reach: float = _REACH) -> float:
    """Returns the loss re path length [dB] of a rigid half plane that is met and left at equal angles.

    Args:
        bend: by which the path turns at the edge [rad].
        frequency: [Hz].
        reach: distance of source and listener from the edge [m].

    Source:
        Kouyoumjian and Pathak, Proc. IEEE 62, 1448 (1974), n = 2:
        D = -exp(-j pi/4) / (2 n sqrt(2 pi k)) sum cot((pi +- b) / 2n) F(k L a+-(b)) over b = phi -+ phi'.
    """
    k, n = 2.0 * math.pi * frequency / SPEED_OF_SOUND, 2
    met = (math.pi - bend) / 2.0
    total = 0j
    for b in (math.pi + bend, math.pi + bend + 2.0 * met):
        for sign in (1, -1):
            turns = round((b + sign * math.pi) / (2.0 * math.pi * n))
            a = 2.0 * math.cos((2.0 * math.pi * n * turns - b) / 2.0) ** 2
            total += _transition(k * reach / 2.0 * a) / math.tan((math.pi + sign * b) / (2.0 * n))
    return -20.0 * math.log10(abs(total) / (2.0 * n * math.sqrt(2.0 * math.pi * k)) * math.sqrt(2.0 / reach))


def _transition(x: float) -> complex:
    """F(x) = 2 j sqrt(x) exp(jx) int_sqrt(x)^inf exp(-j t^2) dt."""
    from scipy.special import fresnel

    sine, cosine = fresnel(math.sqrt(2.0 * x / math.pi))
    rest = math.sqrt(math.pi / 2.0) * ((0.5 - cosine) - 1j * (0.5 - sine))
    return complex(2j * math.sqrt(x) * np.exp(1j * x) * rest)


def half_plane(effort: Effort) -> Findings:
    """Loss at a rigid half plane, 2 m on either side, against the uniform theory of diffraction (BRAS scene RS5)."""
    theory = np.array([[utd_loss_db(math.radians(bend), f) for f in BANDS_HZ] for bend in _BENDS])
    straight = 2.0 * _REACH * np.cos(np.radians(_BENDS) / 2.0)
    ours = diffraction_loss_db(2.0 * _REACH, straight[:, None], np.array(BANDS_HZ))
    own = half_plane_loss_db(np.radians(_BENDS)[:, None], _REACH, _REACH, np.array(BANDS_HZ))
    peer = "uniform theory (UTD)"
    rows = (
        worst_row("half plane, by the detour", ours, theory, "dB", peer, quantity="level", limit=1.6),
        worst_row("half plane, by the angles", own, theory, "dB", peer, quantity="level", limit=0.01),
    )
    fine = np.arange(5.0, 175.1, 5.0)
    shown = (125.0, 1000.0, 8000.0)
    curves = {
        "bend_deg": fine.tolist(),
        "frequency_hz": list(shown),
        "ours_db": [
            diffraction_loss_db(2.0 * _REACH, 2.0 * _REACH * np.cos(np.radians(fine) / 2.0), f).tolist() for f in shown
        ],
        "utd_db": [[utd_loss_db(math.radians(bend), f) for bend in fine] for f in shown],
    }
    return Findings(rows, {"half_plane": curves})


def doorway(effort: Effort) -> Findings:
    """Behind a doorway sound arrives from the jamb of the shortest way round it, after that way's length."""
    scene = coupled_rooms(0.15)
    source = np.array([1.5, 1.25, 3.4])
    listeners = np.array([[6.0, 1.25, 3.6], [7.5, 1.25, 3.8], [5.5, 1.25, 3.2], [9.5, 1.25, 3.7], [5.4, 1.25, 0.4]])
    count = len(listeners)
    bank = WavefrontBank(1)
    bank.set_row(0, wavefront_field(scene, source))
    paths = diffracted_paths(
        bank,
        torch.zeros(count, dtype=torch.int32),
        torch.from_numpy(np.tile(source, (count, 1))).float(),
        torch.from_numpy(listeners).float(),
        torch.ones(count, dtype=torch.bool),
    )
    length, jamb = (np.array(column) for column in zip(*(_round_jambs(source, p) for p in listeners), strict=True))
    towards = jamb - listeners[:, [0, 2]]
    found = paths.direction[:, 0].double().numpy()[:, [0, 2]]
    cosine = np.sum(towards * found, axis=1) / np.linalg.norm(towards, axis=1) / np.linalg.norm(found, axis=1)
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    delay = 1e3 * paths.delay[:, 0].double().numpy()
    more: dict[str, Any] = {"quantity": "direction", "limit": 3.0}
    return Findings(
        (
            worst_row("doorway, direction", angle, np.zeros(count), "deg", "jamb of the shortest way", **more),
            worst_row("doorway, delay", delay, 1e3 * length / SPEED_OF_SOUND, "ms", "shortest way", limit=0.03),
        )
    )


def _round_jambs(source: FloatArray, listener: FloatArray) -> tuple[float, FloatArray]:
    """Returns length [m] and last bend (x, z) of the shortest level way through the door of `coupled_rooms`."""
    ways = []
    ends = source[[0, 2]], listener[[0, 2]]
    for z in DOOR_JAMBS:
        near, far = (np.array([x, z]) for x in DOOR_FACES)
        for bends in ([near], [far], [near, far]):
            points = np.array([ends[0], *bends, ends[1]])
            if _passes(points):
                ways.append((float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum()), bends[-1]))
    return min(ways, key=lambda way: way[0])


def _passes(points: FloatArray) -> bool:
    """Returns whether a level polyline crosses both faces of the wall between the jambs."""
    for (ax, az), (bx, bz) in itertools.pairwise(points):
        for x in DOOR_FACES:
            part = (x - ax) / (bx - ax) if ax != bx else -1.0
            if 0.0 <= part <= 1.0 and not DOOR_JAMBS[0] - 1e-9 <= az + part * (bz - az) <= DOOR_JAMBS[1] + 1e-9:
                return False
    return True


def head(effort: Effort) -> Findings:
    """Interaural delay of the measured head on the horizontal plane against Woodworth's sphere, and its symmetry."""
    hrtf = load_hrtf("kemar", 44100)
    level = np.flatnonzero(np.abs(hrtf.directions[:, 1]) < 1e-6)
    azimuth = np.degrees(np.arctan2(-hrtf.directions[level, 0], -hrtf.directions[level, 2])) % 360.0
    level, azimuth = level[np.argsort(azimuth)], np.sort(azimuth)
    itd = hrtf.itd[level].astype(np.float64)
    sphere = woodworth_itd(hrtf.directions[level].astype(np.float64), radius=_KEMAR_RADIUS)
    energy = np.sum(hrtf.taps[level].astype(np.float64) ** 2, axis=-1)
    ild = 10.0 * np.log10(energy[:, 0] / energy[:, 1])
    mirrored = np.interp((360.0 - azimuth) % 360.0, azimuth, ild, period=360.0)
    peer = f"Woodworth, a = {1e3 * _KEMAR_RADIUS:.1f} mm"
    rms = float(np.sqrt(np.mean((itd - sphere) ** 2)))
    rows = (
        Row("head, ITD, rms of 72 directions", rms, "s", peer, 0.0, "ITD", limit=15e-6),
        worst_row("head, ITD", itd, sphere, "s", peer, quantity="ITD", limit=30e-6),
        worst_row("head, ILD of mirrored directions", ild, -mirrored, "dB", "mirror image", quantity="ILD", limit=1e-3),
    )
    curves = {
        "azimuth_deg": azimuth.tolist(),
        "itd_s": itd.tolist(),
        "woodworth_s": sphere.tolist(),
        "ild_db": ild.tolist(),
    }
    return Findings(rows, {"head": curves})


def _ends(source: FloatArray, listener: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(source)[None], torch.from_numpy(listener)[None]
