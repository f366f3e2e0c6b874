"""Echolocation: what comes back of a listener's own sound, against mirror images and the traced reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.direct import spreading_gain
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.hrtf import Hrtf, load_hrtf
from avi_env.acoustics.path_tracer import trace_echogram
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.soundscape import RESPONSE_SECONDS, Soundscape
from avi_env.scene import Material, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Scene
from avi_env.sounds.clip import Clip

RATE = 48000
ABSORPTION, SCATTERING = 0.25, 0.2
SIZE = (7.0, 3.0, 5.0)


def click(rate: int = RATE) -> Clip:
    """Returns a click ten times a second."""
    samples = np.zeros(rate // 10, dtype=np.float32)
    samples[0] = 1.0
    return Clip("click", samples, 94.0, rate)


def own_scape(
    scene: Scene, receiver: str = "mono", rows: int = 1, rate: int = RATE, device: str = "cpu", pattern: str = "omni"
) -> Soundscape:
    """Returns rows whose listeners click."""
    scape = Soundscape(rows, 1, load_hrtf(receiver, rate), device=device)
    for row in range(rows):
        scape.set_source(row, 0, scene, Emitter(click(rate), with_listener=True, directivity=pattern))
    return scape


def heard(scape: Soundscape, scene: Scene, ears: np.ndarray, yaw: float = 0.0) -> tuple[torch.Tensor, FieldSample]:
    """Returns the early responses (R, C, n) and fields of listeners at some places (R, 3)."""
    places = torch.from_numpy(np.atleast_2d(ears)).float().to(scape.device)
    rows = torch.arange(len(places), device=scape.device)
    turned, bank = torch.full((len(places),), yaw, device=scape.device), SceneBank([scene], scape.device)
    fir, sample = scape.responses(bank, rows, rows.int() * 0, places, turned, rows * 0)
    fir, sample = fir.cpu(), FieldSample(*(part.cpu() for part in sample))
    return fir[:, 0], sample


def images(receiver: Hrtf, ears: np.ndarray, yaw: float, material: Material, sides: slice) -> torch.Tensor:
    """Returns the response of the first mirror images: 2 d / c, sqrt(1 - a) sqrt(1 - s) / (2 d)."""
    size = np.array(SIZE)
    away = np.concatenate([2.0 * ears, 2.0 * (size - ears)])[sides]
    towards = np.concatenate([-np.eye(3), np.eye(3)])[sides]
    distance = torch.from_numpy(away)[None]
    share = np.sqrt((1.0 - np.array(material.absorption)) * (1.0 - np.array(material.scattering)))
    direction = torch.from_numpy(towards).float()[None]
    gain = (spreading_gain(distance) * torch.from_numpy(share)).float()
    paths = Paths(distance / SPEED_OF_SOUND, gain, direction, direction)
    return paths_to_fir(paths, torch.tensor([yaw]), receiver, round(RESPONSE_SECONDS * receiver.sample_rate))[0]


def test_wall_ahead_is_heard_at_twice_its_distance(device: str) -> None:
    """One mirroring wall in a dead room: the echo is that of the image, delay 2 d / c to the sample, at both ears."""
    hard = Material(name="hard", absorption=ABSORPTION, scattering=0.0)
    dead = Material(name="dead", absorption=1.0, scattering=0.0)
    room = shoebox(SIZE, material={**dict.fromkeys(("floor", "ceiling", "west", "east", "south"), dead), "north": hard})
    for receiver, rate in (("mono", RATE), ("kemar", 16000)):
        scape = own_scape(room, receiver, rate=rate, device=device)
        for distance in (0.4, 1.3, 3.7):
            ears = np.array([3.0, 1.25, distance])
            for yaw in (0.0, 0.6):
                fir, sample = heard(scape, room, ears, yaw)
                wanted = images(scape.receiver, ears, yaw, hard, slice(2, 3))
                # Positions are float32: 5 ns at 7.4 m, 3e-4 of a period at 16 kHz.
                assert_allclose(fir[0], wanted, atol=1e-3 * float(wanted.abs().max()))
                assert not sample.early.any()
                assert not sample.late.any()
            if receiver == "mono":
                peak = int(heard(scape, room, ears)[0][0, 0].abs().argmax())
                assert abs(peak - 2.0 * distance / SPEED_OF_SOUND * RATE) <= 1.0


def test_aimed_click() -> None:
    """A cardioid turned towards the wall is as loud as all round, turned away it is silent, sideways a half."""
    hard = Material(name="hard", absorption=ABSORPTION, scattering=0.0)
    dead = Material(name="dead", absorption=1.0, scattering=0.0)
    room = shoebox(SIZE, material={**dict.fromkeys(("floor", "ceiling", "west", "east", "south"), dead), "north": hard})
    ears, scape = np.array([3.0, 1.25, 1.3]), own_scape(room, pattern="cardioid")
    wanted = images(scape.receiver, ears, 0.0, hard, slice(2, 3))
    for yaw, share in ((0.0, 1.0), (np.pi / 2, 0.5), (np.pi, 0.0)):
        assert_allclose(heard(scape, room, ears, yaw)[0][0], share * wanted, atol=2e-3 * float(wanted.abs().max()))


@pytest.fixture(scope="module")
def room() -> Scene:
    """A room with walls that scatter a fifth."""
    return shoebox(SIZE, material=Material(name="wall", absorption=ABSORPTION, scattering=SCATTERING))


def test_images_of_a_shoebox_come_back(room: Scene) -> None:
    """All six mirror images are in the response, exactly; the rest is the diffuse field's noise of the sample."""
    ears = np.array([2.6, 1.25, 1.9])
    scape = own_scape(room)
    fir, sample = heard(scape, room, ears)
    wanted = images(scape.receiver, ears, 0.0, room.materials[0], slice(0, 6))
    # What is left has the energy of the early field: uncorrelated with the images.
    rest = float((fir[0, 0] - wanted[0]).square().sum())
    assert_allclose(10 * np.log10(rest), 10 * np.log10(octave_mean(sample)), atol=1.5)


def octave_mean(sample: FieldSample) -> float:
    """Returns the energy of white noise filtered by the early field: octaves weighted by their width to 24 kHz."""
    width = np.array([2.0**k for k in range(7)])
    width[0] += width[0]  # down to 0 Hz
    width[-1] += 24000 / 88.4 - width.sum()  # up to half the sample rate
    energy = sample.early[0, :, :, 0].sum(dim=0).double().numpy()
    return float((energy * width).sum() / width.sum())


def test_field_is_that_of_the_reference(room: Scene) -> None:
    """Between the cells: the level of what comes back is within 1 dB of a trace from the very place (median)."""
    off = []
    scape = own_scape(room, rows=4)
    places = np.array([[2.6, 1.25, 1.9], [5.3, 1.25, 3.2], [1.2, 1.25, 4.1], [4.4, 1.25, 0.9]])
    _, sample = heard(scape, room, places)
    for row, place in enumerate(places):
        traced = trace_echogram(room, place, place, seed=7).energy[..., 0].sum(axis=0)
        energy = sample.early[row, ..., 0].sum(dim=0) + sample.late[row].sum(dim=0)
        off.append(10.0 * np.log10(energy.double().numpy() / traced))
    assert np.median(np.abs(off)) < 1.0
    # With the images, in octaves where air takes little, the steady level of a diffuse field: 16 pi (1 - a) / (S a).
    size = np.array(SIZE)
    surface = 2.0 * (size.prod() / size).sum()
    level = []
    for row, place in enumerate(places):
        away = np.concatenate([place, size - place])
        mirrored = (1.0 - ABSORPTION) * (1.0 - SCATTERING) * np.sum(1.0 / (2.0 * away) ** 2)
        field = sample.early[row, :, 2, 0].sum() + sample.late[row, :, 2].sum()
        level.append(10.0 * np.log10(mirrored + float(field)))
    diffuse = 10.0 * np.log10(16.0 * np.pi * (1.0 - ABSORPTION) / (surface * ABSORPTION))
    # The law is a mean over places; own first images, here 0.9 to 4 m away, are nearer than another source's.
    assert_allclose(np.mean(level), diffuse, atol=1.5)


def test_rows_and_ways_do_not_matter(room: Scene) -> None:
    """What comes back depends on the place only, bit for bit: not on other rows, nor on where one was before."""
    places = np.array([[2.6, 1.25, 1.9], [5.3, 1.25, 3.2]])
    together = heard(own_scape(room, rows=2), room, places)
    scape = own_scape(room)
    heard(scape, room, places[0])
    alone = heard(scape, room, places[1])
    assert torch.equal(together[0][1], alone[0][0])
    assert all(torch.equal(a[1], b[0]) for a, b in zip(together[1], alone[1], strict=True))


def test_own_sound_is_not_heard_and_others_are(room: Scene) -> None:
    """A listener that clicks hears nothing before the first echo; another source beside it is heard as ever."""
    ears = np.array([2.6, 1.25, 1.9])
    fir, _ = heard(own_scape(room), room, ears)
    # The floor and the nearest wall are 1.25 m away or more; within 5 ms only what scatters is heard.
    first = round(2.0 * 1.25 / SPEED_OF_SOUND * RATE) - 40
    assert float(fir[0, 0, :first].square().sum()) < 0.05 * float(fir[0, 0].square().sum())
    both = Soundscape(1, 2, load_hrtf("mono", RATE), path_count=256)
    both.set_source(0, 0, room, Emitter(click(), with_listener=True))
    both.set_source(0, 1, room, Emitter(click(), (6.0, 1.5, 4.0)))
    index = torch.zeros(1, dtype=torch.int32)
    each, _ = both.responses(
        SceneBank([room]), index.long(), index, torch.from_numpy(ears).float()[None], torch.zeros(1), index.long()
    )
    assert torch.equal(each[0, 0], fir[0])
    assert_allclose(
        float(each[0, 1].abs().argmax()), np.hypot(3.4, np.hypot(0.25, 2.1)) / SPEED_OF_SOUND * RATE, atol=1
    )
