"""Impulse responses and their parameters against closed form (numbers: the acoustics sheet, table 2.4)."""

import numpy as np
import pytest

from avi_env.acoustics import microphone_array, render_rir, render_rirs, room_metrics
from avi_env.acoustics.air import AIR_DB_PER_METRE, AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.decay import slope_energies, slope_table
from avi_env.acoustics.field import DECAY_TIMES
from avi_env.acoustics.formulas import eyring_rt60
from avi_env.acoustics.noise import direction_shares, energy_held, noise_bands, sample_density, shaped_noise
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material

RATE = 48000
SIZE = (6.0, 3.0, 5.0)
SOURCE, LISTENER = (1.5, 1.2, 1.3), (4.4, 1.6, 3.3)
AXIS = np.array([1.0, 0.0, 0.0])
DEAD = Material("dead", absorption=1.0, scattering=0.0, transmission_loss=60.0)


def box(absorption, scattering=1.0):
    """The 6 x 5 x 3 m room of the sheet."""
    return shoebox(SIZE, material=Material("wall", absorption=absorption, scattering=scattering))


def decaying_noise(rt60, seconds, seed=0):
    """White noise whose energy falls by 60 dB in rt60."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.random.default_rng(seed).standard_normal(len(time)) * 10.0 ** (-3.0 * time / rt60)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_walls_that_absorb_all_leave_exactly_the_direct_sound(rate):
    """Energy 1/d^2 within 0.05 dB, arrival d/c within 2 us (air's own phase is one), else silence (sheet test 2)."""
    listener = np.array([3.1, 1.1, 2.7])
    distance = float(np.linalg.norm(listener - SOURCE))
    rir = render_rir(shoebox(SIZE, material=DEAD), SOURCE, listener, sample_rate=rate, layout="mono", seconds=0.1)
    assert rir.shape == (1, rate // 10)
    assert rir.dtype == np.float32
    spectrum = np.fft.rfft(rir[0].astype(np.float64))
    frequency = np.fft.rfftfreq(rir.shape[1], 1.0 / rate)
    air = np.interp(np.log2(np.maximum(frequency, 1.0)), np.log2(BANDS_HZ), AIR_DB_PER_METRE) * distance
    level = 20.0 * np.log10(np.abs(spectrum[1:-1])) + 20.0 * np.log10(distance) + air[1:-1]
    np.testing.assert_allclose(level[frequency[1:-1] < 0.94 * rate / 2], 0.0, rtol=0, atol=0.05)
    low = (frequency > 100.0) & (frequency < 2000.0)  # above, air's minimum phase adds its own
    delay = -np.unwrap(np.angle(spectrum))[low] / (2.0 * np.pi * frequency[low])
    turns = np.round((delay[0] - distance / SPEED_OF_SOUND) * frequency[low][0]) / frequency[low]
    np.testing.assert_allclose(delay - turns, distance / SPEED_OF_SOUND, rtol=0, atol=2e-6)


def test_distance_law_over_places():
    """Twice as far is 6.02 dB less: energies over distances within 0.1 dB."""
    scene = shoebox((20.0, 6.0, 6.0), material=DEAD)
    levels = []
    for distance in (1.0, 2.0, 4.0, 8.0, 16.0):
        rir = render_rir(scene, (1.0, 3.0, 3.0), (1.0 + distance, 3.0, 3.0), layout="mono", seconds=0.1)
        spectrum = np.abs(np.fft.rfft(rir[0].astype(np.float64)))
        low = slice(int(0.1 * 400), int(0.1 * 600))
        levels.append(10.0 * np.log10(np.mean(spectrum[low] ** 2)) + AIR_DB_PER_METRE[2] * distance)
    np.testing.assert_allclose(np.diff(levels), -6.02, rtol=0, atol=0.1)


@pytest.mark.parametrize("layout", ["mono", "binaural", "ambisonics"])
@pytest.mark.parametrize(("absorption", "tolerance"), [(0.1, 0.04), (0.2, 0.08), (0.4, 0.13)])
def test_reverberation_time_of_the_waveform(absorption, tolerance, layout):
    """T30 of the response itself in a diffuse 6 x 5 x 3 m room against Eyring, 250 Hz to 4 kHz (sheet test 5)."""
    seconds = 1.5 if absorption < 0.2 else 0.8
    rir = render_rir(box(absorption), SOURCE, LISTENER, sample_rate=16000, layout=layout, seconds=seconds)
    expected = eyring_rt60(90.0, 126.0, absorption, AIR_ENERGY_PER_METRE)
    for channel in room_metrics(rir, 16000).T30[:1]:
        np.testing.assert_allclose(channel[1:6] / expected[1:6], 1.0, rtol=0, atol=tolerance)


def test_baked_response_decays_like_the_traced_one():
    """What the agent hears: medians of T30 within 7 %, C50 within 1.5 dB of the traced reference (test 29).

    Of five listeners and four seeds. C50 from 500 Hz: 50 ms of the 250 Hz octave have 18 degrees of freedom, so that
    one seed strays by 10 log10(1 + sqrt(2 / 18)) = 1.3 dB early and as much late, whoever listens.
    """
    scene, listeners = box(0.2, 0.3), np.random.default_rng(3).uniform((0.7, 1.2, 0.7), (5.3, 1.6, 4.3), (5, 3))

    def heard(mode, seed=0):
        rirs = render_rirs(scene, [SOURCE], listeners, 0.0, 16000, mode, "mono", seed, 0.8)[0, :, 0]
        found = room_metrics(rirs, 16000)
        return np.stack([found.T30, found.C50])[..., 1:6]

    traced, baked = heard("traced"), np.mean([heard("baked", seed) for seed in range(4)], axis=0)
    np.testing.assert_allclose(np.median(baked[0] / traced[0], axis=0), 1.0, rtol=0, atol=0.07)
    np.testing.assert_allclose(np.median(baked[1] - traced[1], axis=0)[1:], 0.0, rtol=0, atol=1.5)


def test_noise_keeps_the_energies_of_its_histogram():
    """Per octave and 20 ms within 1 dB from 1 kHz up, 2 dB at 250 and 500 Hz; T30 within 3 %, 20 seeds (sheet test 25).

    An octave of 20 ms at 250 Hz has seven degrees of freedom: what its neighbours add is chance.
    """
    rate = 32000
    bins, width, rt60 = 400, 0.002, np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4])
    edge = np.arange(bins + 1)[:, None] * width
    energy = -np.diff(np.exp(-13.8155 * edge / rt60), axis=0)
    count = int(bins * width * rate)
    density = sample_density(energy, width, rate, count)
    share = np.sum(noise_bands(1 << 15, rate) ** 2, axis=1) / ((1 << 15) / 2)
    wanted = density * share[:, None]
    for seed in range(20):
        noise = shaped_noise(density, rate, np.random.default_rng(seed))[None]
        held = energy_held(noise, wanted[None], rate)[0]
        found = room_metrics(held, rate).T30
        np.testing.assert_allclose(found[1:6], rt60[1:6], rtol=0.03)
        spectrum = np.fft.rfft(held, 1 << 15)
        for octave in range(2, 8):  # 250 Hz .. 8 kHz of the nine synthesis octaves
            part = np.fft.irfft(spectrum * noise_bands(1 << 15, rate)[octave])[:count]
            blocks = np.sum(part[: count // 640 * 640].reshape(-1, 640) ** 2, axis=1)[1:12]
            goal = np.sum(wanted[octave][: count // 640 * 640].reshape(-1, 640), axis=1)[1:12]
            np.testing.assert_allclose(10.0 * np.log10(blocks / goal), 0.0, rtol=0, atol=1.0 if octave > 3 else 2.0)


def test_directions_keep_their_mean():
    """Energy shares over 32 directions have the first moment that they were given."""
    index = np.arange(32)
    z = 1.0 - (2.0 * index + 1.0) / 32
    angle = index * np.pi * (3.0 - np.sqrt(5.0))
    directions = np.column_stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z])
    for moment in ([0.0, 0.0, 0.0], [0.3, -0.2, 0.1], [0.0, 0.6, 0.0]):
        share = direction_shares(np.array([1.0, *moment]), directions)
        np.testing.assert_allclose(share.sum(), 1.0)
        np.testing.assert_allclose(share @ directions, moment, rtol=0, atol=0.03)


def test_room_metrics_of_an_exponential_decay():
    """Noise with T = 0.8 s: T20, T30, EDT within 3 / 3 / 8 %, C50 = 10 log10(e^(13.8 te/T) - 1) within 0.5 dB."""
    responses = np.stack([decaying_noise(0.8, 2.0, seed) for seed in range(8)])
    found = room_metrics(responses, RATE)
    for name, tolerance in (("T20", 0.03), ("T30", 0.03), ("EDT", 0.08)):
        np.testing.assert_allclose(found[name][:, 2:].mean(axis=0), 0.8, rtol=tolerance)
    for name, window in (("C50", 0.05), ("C80", 0.08)):
        expected = 10.0 * np.log10(np.exp(13.8155 * window / 0.8) - 1.0)
        np.testing.assert_allclose(found[name][:, 3:].mean(axis=0), expected, rtol=0, atol=0.5)
    clarity = 10.0 ** (found.C50 / 10.0)
    np.testing.assert_allclose(found.D50, clarity / (1.0 + clarity), rtol=1e-9)


def test_direct_to_reverberant_ratio_of_known_parts():
    """An impulse of energy 1 before noise of known energy: DRR within 0.7 dB in the upper octaves."""
    tail = decaying_noise(0.5, 1.0)
    tail /= np.sqrt(np.sum(tail**2))
    response = np.concatenate([np.zeros(480), [1.0], np.zeros(480), 2.0 * tail])
    found = room_metrics(response, RATE)
    assert found.DRR.shape == (7,)
    np.testing.assert_allclose(found.DRR[3:], -10.0 * np.log10(4.0), rtol=0, atol=0.7)


def test_room_metrics_say_nan_where_nothing_can_be_told():
    """Octaves beyond the Nyquist frequency and silent channels give NaN, not numbers."""
    found = room_metrics(np.stack([decaying_noise(0.3, 0.5), np.zeros(24000)]), 8000)
    assert np.isnan(found.T30[0, 6])
    assert np.all(np.isfinite(found.T30[0, 2:5]))
    assert np.all(np.isnan(found.T30[1]))
    assert {"T20", "T30", "EDT", "C50", "C80", "D50", "DRR", "Ts", "G", "IACC", "ITD", "ILD"} < set(found)
    with pytest.raises(ValueError, match="shape"):
        room_metrics(np.zeros((2, 2, 100)), RATE)


def test_slopes_explain_their_own_decay():
    """A histogram made of two of the common slopes gives back its decay curve: 0.1 dB down to -35 dB."""
    energy = np.zeros(len(DECAY_TIMES))
    energy[3], energy[7] = 2.0, 0.5
    histogram = slope_table(40, 0.02) @ energy
    found = slope_energies(np.stack([histogram, np.zeros(40)]), 0.02)
    curves = [slope_table(400, 0.005)[::-1].cumsum(axis=0)[::-1] @ slopes for slopes in (found[0], energy)]
    heard = curves[1] > 10.0**-3.5 * curves[1][0]
    np.testing.assert_allclose(10.0 * np.log10(curves[0] / curves[1])[heard], 0.0, rtol=0, atol=0.1)
    np.testing.assert_array_equal(found[1], 0.0)
    assert np.all(found >= 0.0)


@pytest.mark.parametrize("rt60", [0.15, 0.24, 0.34, 0.5, 0.7, 1.0, 1.4, 2.0])
def test_slopes_between_the_common_ones_keep_their_time(rt60):
    """A decay whose time is none of the common ones keeps its T30 within 3 %, also past the histogram's end."""
    edge = np.arange(41) * 0.02
    found = slope_energies(-np.diff(np.exp(-13.8155 * edge / rt60))[None], 0.02)[0]
    curve = slope_table(2000, 0.002)[::-1].cumsum(axis=0)[::-1] @ found
    decay = 10.0 * np.log10(curve / curve[0])
    rows = np.flatnonzero((decay <= -5.0) & (decay >= -35.0))
    np.testing.assert_allclose(-60.0 / np.polyfit(rows * 0.002, decay[rows], 1)[0], rt60, rtol=0.03)


@pytest.mark.parametrize("layout", ["mono", "binaural", "ambisonics", "tetrahedral"])
@pytest.mark.parametrize("mode", ["traced", "baked"])
def test_a_source_on_top_of_the_listener(layout, mode):
    """Nearer than 0.1 m counts as 0.1 m: finite, as loud in every channel as from there, nothing cut off at time 0."""
    place, found = np.array(LISTENER), []
    for gap in (0.0, 1e-3, 0.1, 0.14):
        rir = render_rir(
            shoebox(SIZE, material=DEAD), place + gap * AXIS, place, 0.3, 48000, mode, layout, seconds=0.05
        )
        assert np.all(np.isfinite(rir))
        found.append(np.sum(rir.astype(np.float64) ** 2, axis=1))
    heard = found[3] > 1e-3 * found[3].max()  # ambisonics: nothing from above
    np.testing.assert_allclose(
        10.0 * np.log10(found[1][heard] / found[3][heard]), 20.0 * np.log10(1.4), rtol=0, atol=0.3
    )
    assert found[0].max() == pytest.approx(100.0, rel=0.3)


def test_same_seed_same_response():
    """The same call gives the same samples; another seed another tail; the length does not depend on the place."""
    scene = box(0.3, 0.3)
    one, two, other = (render_rir(scene, SOURCE, LISTENER, 0.3, 16000, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.any(one != other)
    assert render_rir(scene, SOURCE, (1.0, 2.0, 4.0), 0.0, 16000).shape == one.shape


@pytest.mark.parametrize("layout", ["mono", "binaural", "ambisonics", "tetrahedral"])
def test_many_listeners_at_once_hear_what_each_hears_alone(layout):
    """`render_rirs` of 2 sources and 40 listeners is `render_rir` of each pair, to rounding (1e-6 of the peak)."""
    rng, scene = np.random.default_rng(0), box(0.3, 0.3)
    listeners, yaw = rng.uniform((0.5, 1.0, 0.5), (5.5, 2.0, 4.5), (40, 3)), rng.uniform(-3.0, 3.0, 40)
    sources, calls = [SOURCE, (5.0, 1.0, 4.0)], []
    together = render_rirs(
        scene, sources, listeners, yaw, 16000, layout=layout, seconds=0.3, directivity="cardioid",
        source_yaw=(0.4, -1.0), order=2, progress=lambda done, count: calls.append((done, count)),
    )  # fmt: skip
    channels = {"mono": 1, "binaural": 2, "ambisonics": 9, "tetrahedral": 4}[layout]
    assert together.shape == (2, 40, channels, 4800)
    assert calls == [(40, 80), (80, 80)]
    for s, listener in ((0, 3), (1, 39)):
        alone = render_rir(
            scene, sources[s], listeners[listener], yaw[listener], 16000, "baked", layout, seconds=0.3,
            directivity="cardioid", source_yaw=(0.4, -1.0)[s], order=2,
        )  # fmt: skip
        np.testing.assert_allclose(together[s, listener], alone, rtol=0, atol=1e-6 * np.abs(alone).max())


@pytest.mark.parametrize("mode", ["baked", "traced"])
def test_every_device_gives_the_same_response(device, mode):
    """The CPU's response on any device: energies are summed as integers; the rest is rounding, 1e-3 of the peak."""
    arguments = {"mode": mode, "layout": "tetrahedral", "seconds": 0.2, "path_count": 256, "directivity": "speech"}
    found = render_rir(box(0.3, 0.3), SOURCE, LISTENER, 0.2, 16000, device=device, **arguments)
    expected = render_rir(box(0.3, 0.3), SOURCE, LISTENER, 0.2, 16000, **arguments)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


def test_many_traced_responses():
    """Mode "traced": pair (s, l) has the seed `seed + s L + l`, bit for bit."""
    scene, listeners = box(0.3, 0.3), [LISTENER, (2.0, 1.0, 4.0)]
    together = render_rirs(scene, [SOURCE], listeners, 0.2, 16000, "traced", seed=5, seconds=0.2, path_count=256)
    for number, listener in enumerate(listeners):
        alone = render_rir(scene, SOURCE, listener, 0.2, 16000, "traced", "binaural", 5 + number, 0.2, path_count=256)
        np.testing.assert_array_equal(together[0, number], alone)
    for arguments, message in (
        ({"listeners": np.zeros((0, 3))}, "listeners must be positions"),
        ({"yaw": np.zeros(3)}, "yaw must be one finite angle"),
        ({"source_yaw": np.nan}, "source_yaw"),
    ):
        with pytest.raises(ValueError, match=message):
            render_rirs(**{"scene": scene, "sources": [SOURCE], "listeners": listeners, **arguments})


@pytest.mark.parametrize("mode", ["traced", "baked"])
def test_a_directional_source(mode):
    """Behind a cardioid the direct sound is gone; the room gets a third of the energy of a source alike all around.

    Diffuse energy after 60 ms against "omni": 10 log10(1/3) = -4.8 dB within 1.5 dB.
    """
    scene, ahead = box(0.2), float(np.arctan2(-(LISTENER[0] - SOURCE[0]), -(LISTENER[2] - SOURCE[2])))

    def response(pattern, turn):
        return render_rir(
            scene, SOURCE, LISTENER, 0.0, 16000, mode, "mono", seconds=0.3, directivity=pattern, source_yaw=turn
        )[0].astype(np.float64)

    omni, facing, away = response("omni", 0.0), response("cardioid", ahead), response("cardioid", ahead + np.pi)
    arrival = int(np.argmax(np.abs(omni)))
    assert facing[arrival] == pytest.approx(omni[arrival], rel=0.02)
    assert abs(away[arrival]) < 0.05 * omni[arrival]
    for turned in (facing, away):
        late = [np.sum(signal[arrival + 960 :] ** 2) for signal in (turned, omni)]
        assert 10.0 * np.log10(late[0] / late[1]) == pytest.approx(-4.8, abs=1.5)


def test_own_arrays_are_layouts():
    """Microphones 20 cm apart hear a source on their axis 0.583 ms apart; another sample rate is refused."""
    array = microphone_array([(0.0, 0.0, -0.1), (0.0, 0.0, 0.1)], RATE)
    scene = shoebox(SIZE, material=DEAD)
    rir = render_rir(scene, (3.0, 1.5, 0.5), (3.0, 1.5, 3.0), layout=array, seconds=0.05)
    spectrum = np.fft.rfft(rir.astype(np.float64), axis=-1)
    frequency = np.fft.rfftfreq(rir.shape[-1], 1.0 / RATE)
    low = (frequency > 100.0) & (frequency < 1500.0)
    lag = -np.angle(spectrum[1] * spectrum[0].conj())[low] / (2.0 * np.pi * frequency[low])
    np.testing.assert_allclose(np.median(lag), 0.2 / SPEED_OF_SOUND, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="same sample_rate"):
        render_rir(scene, (3.0, 1.5, 0.5), (3.0, 1.5, 3.0), sample_rate=16000, layout=array)


@pytest.mark.parametrize(
    ("rate", "mode"), [(8000, "traced"), (22050, "traced"), (192000, "traced"), (8000, "baked"), (96000, "baked")]
)
def test_any_sample_rate(rate, mode):
    """8 to 192 kHz: finite, of the length asked for, the direct sound of the same level (0.2 dB at 1 kHz)."""
    rir = render_rir(box(0.8), SOURCE, LISTENER, 0.0, rate, mode, "mono", seconds=0.05, path_count=64)
    assert rir.shape == (1, round(0.05 * rate))
    assert np.all(np.isfinite(rir))
    distance = np.linalg.norm(np.subtract(SOURCE, LISTENER))
    arrival = distance / SPEED_OF_SOUND * rate
    part = rir[0, int(arrival - 0.001 * rate) : int(arrival + 0.0015 * rate)].astype(np.float64)
    level = np.abs(part @ np.exp(-2j * np.pi * 1000.0 / rate * np.arange(len(part))))
    assert 20.0 * np.log10(level * distance) == pytest.approx(0.0, abs=0.2)


def test_left_is_left():
    """A source on the left is louder and earlier at the left ear (row 0); turned round it is the right one."""
    scene = shoebox(SIZE, material=DEAD)
    for yaw, ear in ((0.0, 0), (np.pi, 1)):
        rir = render_rir(scene, (1.0, 1.5, 2.5), (4.0, 1.5, 2.5), yaw, RATE, seconds=0.1)
        energy = np.sum(rir.astype(np.float64) ** 2, axis=1)
        assert energy[ear] > 2.0 * energy[1 - ear]
        onset = [int(np.argmax(np.abs(row) > 0.1 * np.abs(row).max())) for row in rir]
        assert onset[ear] < onset[1 - ear]


def test_ambisonics_point_at_the_source():
    """W, Y, Z, X of the direct sound are 1 and sqrt(3) times left, up, ahead in the listener's frame (ACN, N3D)."""
    scene = shoebox(SIZE, material=DEAD)
    source, listener = np.array([1.5, 2.2, 1.0]), np.array([4.0, 1.2, 3.0])
    toward = (source - listener) / np.linalg.norm(source - listener)
    for yaw in (0.0, 0.7, -2.0):
        rir = render_rir(scene, source, listener, yaw, RATE, layout="ambisonics", seconds=0.1)
        peak = int(np.argmax(np.abs(rir[0])))
        left = np.dot(toward, [-np.cos(yaw), 0.0, np.sin(yaw)])
        ahead = np.dot(toward, [-np.sin(yaw), 0.0, -np.cos(yaw)])
        expected = np.sqrt(3.0) * np.array([left, toward[1], ahead])
        np.testing.assert_allclose(rir[1:, peak] / rir[0, peak], expected, rtol=0, atol=1e-5)


def test_two_sources_are_the_sum_of_each():
    """Convolution with two responses adds: linear by construction, checked in the waveform (sheet test 27)."""
    scene = box(0.3, 0.3)
    rng = np.random.default_rng(3)
    dry = rng.standard_normal((2, 400))
    parts = [render_rir(scene, place, LISTENER, 0.0, 16000, seconds=0.3) for place in (SOURCE, (5.0, 1.0, 4.0))]
    wet = [np.stack([np.convolve(signal, ear) for ear in rir]) for signal, rir in zip(dry, parts, strict=True)]
    again = [np.stack([np.convolve(signal, ear) for ear in rir]) for signal, rir in zip(0.5 * dry, parts, strict=True)]
    np.testing.assert_allclose(sum(again), 0.5 * sum(wet), rtol=0, atol=1e-5)
    assert not np.any(np.convolve(np.zeros(400), parts[0][0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "trased"}, "Did you mean 'traced'"),
        ({"layout": "stereo"}, "unknown render_rir layout"),
        ({"diffraction": "maekawa"}, "unknown diffraction"),
        ({"directivity": "cardoid"}, "Did you mean 'cardioid'"),
        ({"sample_rate": 100}, "sample_rate"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": np.inf}, "seconds"),
        ({"yaw": np.nan}, "yaw must be one finite angle"),
        ({"specular_order": 9}, "specular_order"),
    ],
)
def test_bad_arguments_say_what_is_known(arguments, message):
    """A wrong name or range is an error with the remedy."""
    with pytest.raises(ValueError, match=message):
        render_rir(box(0.3), SOURCE, LISTENER, **arguments)
