"""The picture of one moment and the spectrogram in it."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.bench.compose import Moment, compose
from avi_env.bench.sound_picture import (
    DEPTH_COLOURS,
    SOUND_COLOURS,
    LevelRange,
    coloured,
    depth_picture,
    level_range,
    sound_picture,
)

RATE = 16000


def tone(frequency: float, pressure: float, seconds: float = 1.0) -> np.ndarray:
    """A sine of an RMS pressure."""
    return pressure * np.sqrt(2) * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def moment(**changes) -> Moment:
    """A plain moment."""
    plain = Moment(
        rgb=np.full((64, 64, 3), (10, 200, 90), np.uint8),
        depth=np.full((64, 64, 1), 2.0, np.float32),
        map_image=np.full((50, 100, 3), (210, 205, 190), np.uint8),
        audio=np.stack([tone(1000, 0.1), tone(1000, 0.01)]).astype(np.float32),
        sample_rate=RATE,
        title="Which room is the ringing phone in?",
    )
    return dataclasses.replace(plain, **changes)


def test_compose_is_a_pure_function_of_a_fixed_size():
    """The picture is 1280 x 720 and the same for the same moment."""
    first = compose(moment())
    assert first.shape == (720, 1280, 3)
    assert first.dtype == np.uint8
    assert_array_equal(first, compose(moment()))


def test_every_part_is_shown_in_its_place():
    """View, map and spectrogram hold what they were given; a change of one part changes the picture there alone."""
    plain = compose(moment())
    assert_allclose(plain[300, 240], [10, 200, 90], atol=1)
    assert_allclose(plain[286, 988], [210, 205, 190], atol=1)
    for change, rows, columns in (
        ({"rgb": np.zeros((64, 64, 3), np.uint8)}, (60, 512), (16, 468)),
        ({"depth": np.full((64, 64), 6.0, np.float32)}, (60, 280), (480, 700)),
        ({"map_image": np.zeros((50, 100, 3), np.uint8)}, (60, 512), (712, 1264)),
        ({"heard_azimuth_deg": 40.0}, (292, 512), (480, 700)),
        ({"skill": "explore"}, (660, 720), (0, 400)),
        ({"answer": "kitchen", "right": True}, (660, 720), (900, 1280)),
        ({"title": "What is that sound?"}, (0, 60), (0, 700)),
    ):
        differs = np.any(compose(moment(**change)) != plain, axis=2)
        assert differs.any(), change
        differs[slice(*rows), slice(*columns)] = False
        assert not differs.any(), change


def test_a_sound_from_the_left_points_left():
    """The compass is clockwise: -90 degrees lights its left half, +90 its right half."""
    accent = np.array([255, 176, 72])
    for azimuth, side in ((-90.0, slice(480, 575)), (90.0, slice(605, 700))):
        picture = compose(moment(heard_azimuth_deg=azimuth)).astype(int)
        lit = np.abs(picture - accent).sum(axis=2)[380:480] < 30
        assert lit[:, side].sum() > 0.95 * lit[:, 480:700].sum() > 0


def test_long_words_are_cut_and_strange_ones_drawn():
    """Text of any length and script stays in its place."""
    picture = compose(moment(title="why " * 200, heard="très fort 電話 " * 40, answer="x" * 500, skill="\u2028go"))
    assert np.all(picture[:, 1272:] == picture[0, 0])


def test_wrong_shapes_are_named():
    """A mono sound and a grey picture are refused by name."""
    with pytest.raises(ValueError, match=r"shape \(2, n\)"):
        compose(moment(audio=np.zeros(100)))
    with pytest.raises(ValueError, match="'map'"):
        compose(moment(map_image=np.zeros((10, 10), np.uint8)))


def test_no_sound_yet_is_drawn_as_silence():
    """At the first instant there is nothing to hear, which is no error."""
    assert compose(moment(audio=np.zeros((2, 0), np.float32))).shape == (720, 1280, 3)


@pytest.mark.parametrize("frequency", [250.0, 1000.0, 4000.0])
def test_spectrogram_shows_a_tone_at_its_height(frequency):
    """A tone is brightest on the row of its frequency: octaves from 80 Hz at the bottom to 8 kHz at the top."""
    picture = sound_picture(tone(frequency, 0.1), RATE, 100, 200).astype(int).sum(axis=2)
    row = np.argmax(picture[:, 50])
    assert_allclose(row, np.log(8000 / frequency) / np.log(100) * 199, atol=6)


def test_spectrogram_levels_are_decibels():
    """A sine of 74 dB SPL has the colour of 74 dB: the top of a range that ends there, to rounding."""
    picture = sound_picture(tone(1000, 0.1), RATE, 50, 400, LevelRange(14.0, 74.0))
    brightest = picture[np.argmax(picture[:, 25].astype(int).sum(axis=1)), 25]
    assert_allclose(brightest, SOUND_COLOURS[-1], atol=8)
    assert_allclose(level_range(np.stack([tone(1000, 0.1)] * 2), RATE), (14.0, 74.0), atol=0.1)


def test_depth_is_light_near_and_dark_far_and_black_without_hit():
    """Brightness falls with depth; no hit is its own colour."""
    picture = depth_picture(np.array([[0.3, 2.0, 7.9, 0.0]]), 8.0).astype(int).sum(axis=2)[0]
    assert picture[0] > picture[1] > picture[2] > picture[3]
    assert_array_equal(depth_picture(np.ones((2, 3, 1))), depth_picture(np.ones((2, 3))))


def test_colour_map_meets_its_ends():
    """0 and 1 are the first and the last colour, beyond them nothing wraps, NaN is the first."""
    ends = coloured(np.array([[-5.0, 0.0, 1.0, 9.0, np.nan]]), DEPTH_COLOURS)[0]
    first, last = DEPTH_COLOURS[0], DEPTH_COLOURS[-1]
    assert_array_equal(ends, [first, first, last, last, first])
