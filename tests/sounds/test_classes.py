"""The sound classes: loops, levels, and what one recognises each by."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import find_peaks, get_window

from avi_env.sounds import (
    CLASS_OF_OBJECT,
    SOUND_CLASSES,
    Clip,
    active_level,
    classes,
    make_clip,
    sound_classes,
    sound_phrase,
    sound_variants,
    sounds_of_object,
)
from avi_env.sounds.classes import _clip
from avi_env.sounds.clip import resampled_loop

NAMED = (
    "phone", "alarm_clock", "dripping_tap", "kettle", "smoke_alarm", "door_knock", "dog_bark", "vacuum_cleaner",
    "music_box", "footsteps", "washing_machine", "speech_babble",
)  # fmt: skip


@cache
def clip(name: str, seed: int = 0, rate: int = 16000) -> Clip:
    """A clip of the first variant of a class, made once for all tests."""
    return make_clip(name, seed, rate, sound_variants(name)[0])


def envelope(sound: Clip, seconds: float = 0.01) -> np.ndarray:
    """RMS over frames, relative to the loudest frame."""
    count = round(seconds * sound.sample_rate)
    frames = sound.samples[: len(sound.samples) // count * count].astype(float).reshape(-1, count)
    rms = np.sqrt(np.mean(frames**2, axis=1))
    return rms / rms.max()


def onsets(sound: Clip, rise: float = 0.25, apart: float = 0.06) -> np.ndarray:
    """Times [s] at which the level jumps up, the loop taken round its end."""
    level = np.maximum(envelope(sound, 0.005), 0.02)
    jump = np.log(level / np.maximum(np.roll(level, 1), np.roll(level, 2)))
    peaks, _ = find_peaks(np.tile(np.where(level > rise, jump, 0.0), 2), height=0.7, distance=round(apart / 0.005))
    return np.unique(peaks % len(level)) * 0.005


def spectrum(sound: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies [Hz] and each line's share of the energy."""
    power = np.abs(np.fft.rfft(sound.samples.astype(float))) ** 2
    return np.fft.rfftfreq(len(sound.samples), 1 / sound.sample_rate), power / power.sum()


def centroid(sound: Clip) -> float:
    """Centre of gravity of the power spectrum [Hz]."""
    frequency, share = spectrum(sound)
    return float(frequency @ share)


def runs(active: np.ndarray) -> list[tuple[int, int]]:
    """Start and length of the stretches that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(int), [0]])))
    return [(int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def seam_against_rest(samples: np.ndarray) -> float:
    """Fourth difference (a step stands out in it) at the seam of a loop, over the largest one elsewhere."""
    count = len(samples)
    sharp = np.abs(np.diff(np.tile(samples.astype(float), 2), 4))
    return float(sharp[count - 8 : count + 8].max() / sharp[100 : count - 100].max())


@pytest.mark.parametrize("name", sound_classes())
def test_every_variant_is_a_sound_loop(name):
    """Each is a loop of 1-8 s without DC, of sane peaks, at its level at 48 and 16 kHz, its energy below 7.2 kHz.

    It does not click: its seam is no sharper than its sharpest moment elsewhere.
    """
    for variant in sound_variants(name):
        sound = make_clip(name, 0, 48000, variant)
        samples, label = sound.samples, f"{name}/{variant}"
        assert sound.name == label
        assert 1.0 <= sound.seconds <= 8.001, label
        assert not samples.flags.writeable
        assert_allclose(samples.mean(dtype=float), 0.0, atol=1e-4 * np.abs(samples).max())
        slow = resampled_loop(samples, 48000, 16000)
        assert_allclose(
            [active_level(samples, 48000), active_level(slow, 16000)], sound.spl_db, atol=0.1, err_msg=label
        )
        # No peak is more than 30 dB above the RMS of the sounding parts: what one hears is not one freak sample.
        assert 20 * np.log10(np.abs(samples).max()) + 94 - sound.spl_db < 30.0, label
        frequency, share = spectrum(sound)
        assert share[frequency < 7200].sum() > 0.995, label
        assert seam_against_rest(samples) <= 1.001, label


@pytest.mark.parametrize("name", ["piano", "kettle", "music_box"])
def test_a_click_would_be_found(name):
    """The same measure finds the click when the loop is cut where it does not close."""
    sound = clip(name, 0, 48000).samples
    assert seam_against_rest(sound[: len(sound) * 4 // 7]) > 1.5


@pytest.mark.parametrize("name", NAMED)
def test_same_sound_at_every_rate(name):
    """16, 44.1 and 48 kHz carry the same sound: equal level to 0.1 dB and equal samples where their times meet."""
    slow, fast = clip(name, 1), clip(name, 1, 48000)
    middle = clip(name, 1, 44100)
    assert slow.seconds == pytest.approx(fast.seconds) == pytest.approx(middle.seconds)
    for sound in (slow, middle, fast):
        assert_allclose(active_level(sound.samples, sound.sample_rate), sound.spl_db, atol=0.1)
    error = slow.samples - fast.samples[::3]
    assert np.sqrt(np.mean(error**2)) < 0.06 * np.sqrt(np.mean(slow.samples**2))


def test_same_arguments_same_bits_other_seed_other_sound(monkeypatch):
    """A clip is a pure function of its arguments; variants differ audibly."""
    monkeypatch.setenv("AVI_CACHE", "off")  # made, not read
    for name in NAMED:
        first, other = clip(name).samples, clip(name, 1).samples
        count = min(len(first), len(other))
        alike = np.dot(first[:count], other[:count]) / (np.linalg.norm(first[:count]) * np.linalg.norm(other[:count]))
        assert abs(alike) < 0.9, name
    for name in ("phone", "dog_bark", "vacuum_cleaner"):
        first = clip(name).samples
        _clip.cache_clear()
        assert_array_equal(first, make_clip(name, variant=sound_variants(name)[0]).samples)


def test_a_clip_comes_back_from_disk(tmp_path, monkeypatch):
    """Bit for bit; a damaged file is made anew."""
    monkeypatch.setenv("AVI_CACHE", str(tmp_path))
    _clip.cache_clear()
    made = make_clip("doorbell", seed=5)
    (path,) = (tmp_path / "sounds").iterdir()
    _clip.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(classes, "_synthesised", lambda *_: pytest.fail("made again"))
        kept = make_clip("doorbell", seed=5)
    assert_array_equal(kept.samples, made.samples)
    assert (kept.name, kept.spl_db, kept.sample_rate) == (made.name, made.spl_db, made.sample_rate)
    path.write_bytes(path.read_bytes()[:-100])
    _clip.cache_clear()
    assert_array_equal(make_clip("doorbell", seed=5).samples, made.samples)


def test_errors_name_the_remedy():
    """Wrong names get the nearest right one, wrong rates and seeds say what is allowed."""
    with pytest.raises(ValueError, match="Did you mean 'phone'"):
        make_clip("fone")
    with pytest.raises(ValueError, match="Did you mean 'dog_bark'"):
        sound_phrase("dogbark")
    with pytest.raises(ValueError, match="multiple of 50 Hz"):
        make_clip("phone", sample_rate=11025)
    with pytest.raises(ValueError, match=">= 0"):
        make_clip("phone", seed=-1)
    with pytest.raises(ValueError, match=r"below 2\*\*64"):
        make_clip("phone", seed=2**64)
    with pytest.raises(ValueError, match="NaN"):
        Clip("x", np.array([np.nan], np.float32), 60.0, 16000)


def test_tables_agree():
    """The classes of the specification exist, each has emitters, a phrase and a level, and the inverse table fits."""
    assert set(NAMED) <= set(sound_classes())
    assert set(CLASS_OF_OBJECT) == set(sound_classes())
    for name, row in SOUND_CLASSES.items():
        assert row.emitters
        assert not row.phrase.startswith(("a ", "the "))
        assert 35.0 <= row.spl_db <= 95.0
        assert all(name in sounds_of_object(category) for category in row.emitters)
    assert set(sounds_of_object("person")) > {"footsteps", "speech_babble", "laughter"}
    assert sounds_of_object("wall") == ()


def test_phone_rings_in_bursts_of_strokes():
    """A phone sounds for under half of its cycle and in it a bell is struck 40-50 times a second."""
    for seed in range(3):
        sound = clip("phone", seed)
        assert 0.25 < np.mean(envelope(sound) > 0.1) < 0.55
        level = envelope(sound, 0.002)[: round(0.4 / 0.002)]
        rate = np.fft.rfftfreq(4096, 0.002)
        power = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)), 4096))
        band = (rate > 15) & (rate < 100)
        beat = rate[band][np.argmax(power[band])]
        assert 18.0 < beat < 54.0  # strokes, or pairs of strokes


def test_alarm_clock_beeps_in_groups():
    """Three or four equal beeps begin every second; the tone lies at 1.9-2.3 kHz."""
    sound = clip("alarm_clock", 0, 48000)
    frequency, share = spectrum(sound)
    assert 1850 < frequency[np.argmax(share)] < 2350
    begin = np.array([start for start, _ in runs(envelope(sound, 0.005) > 0.3)]) * 0.005
    assert len(begin) in (6, 8)
    assert_allclose(begin[len(begin) // 2 :] - begin[: len(begin) // 2], 1.0, atol=0.011)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_smoke_alarm_has_the_temporal_three_pattern(seed):
    """3.1 kHz, three times 0.5 s on and 0.5 s off, then another second of silence (ISO 8201): a cycle of 4 s."""
    sound = clip("smoke_alarm", seed)
    frequency, share = spectrum(sound)
    assert 2950 < frequency[np.argmax(share)] < 3250
    assert share[np.abs(frequency - frequency[np.argmax(share)]) < 50].sum() > 0.9
    stretches = runs(envelope(sound) > 0.5)
    assert_allclose([start * 0.01 for start, _ in stretches], [0.0, 1.0, 2.0], atol=0.02)
    assert_allclose([length * 0.01 for _, length in stretches], 0.5, atol=0.02)
    assert_allclose(sound.seconds, 4.0)


def test_tap_drips_unevenly_and_its_bubbles_sing_upwards():
    """Seven drops, gaps that vary by 5-30 %, energy near a bubble's pitch of 0.8-1.8 kHz, pitch rising in a drop."""
    for seed in range(3):
        sound = clip("dripping_tap", seed, 48000)
        drop = runs(np.convolve(envelope(sound, 0.005), np.ones(30), "same") > 0.3)
        starts = np.array([start for start, _ in drop]) * 0.005
        assert 5 <= len(starts) <= 8
        gaps = np.diff(starts)
        assert 0.04 < gaps.std() / gaps.mean() < 0.35
        assert 800 < centroid(sound) < 2200
    loudest = int(np.argmax(np.abs(sound.samples)))
    drop = np.roll(sound.samples, 960 - loudest)[960:1600].astype(float)
    crossings = np.flatnonzero((drop[1:] >= 0) & (drop[:-1] < 0))
    assert np.mean(np.diff(crossings)[:2]) > np.mean(np.diff(crossings)[3:6])


def test_kettle_whistle_rises():
    """The strongest line climbs from below 1.9 kHz to above it and the whistle dominates when the pressure is full."""
    sound = clip("kettle", 0)
    window = get_window("hann", 2048)

    def line(at: float) -> tuple[float, float]:
        start = round(at * 16000)
        power = np.abs(np.fft.rfft(sound.samples[start : start + 2048] * window)) ** 2
        frequency = np.fft.rfftfreq(2048, 1 / 16000)
        power[frequency < 900] = 0
        best = int(np.argmax(power))
        return frequency[best], power[best - 3 : best + 4].sum() / power.sum()

    early, late = line(1.4), line(5.0)
    assert early[0] * 1.08 < late[0]
    assert 1800 < late[0] < 2800
    assert late[1] > 0.4


def test_knocks_are_a_few_short_low_impacts():
    """Three to five impacts 0.15-0.3 s apart, most of the energy below 1 kHz, then silence."""
    for seed in range(3):
        sound = clip("door_knock", seed)
        begin = onsets(sound, 0.3, 0.1)
        assert 3 <= len(begin) <= 5
        assert np.all((np.diff(begin) > 0.13) & (np.diff(begin) < 0.31))
        frequency, share = spectrum(sound)
        assert share[frequency < 1000].sum() > 0.9
        assert np.mean(envelope(sound) > 0.1) < 0.4


def test_dog_barks_are_short_bursts_with_a_voice():
    """Two or three bursts of 0.1-0.25 s with energy at the formants between 0.5 and 2 kHz."""
    for seed in range(3):
        sound = clip("dog_bark", seed)
        bursts = [length * 0.01 for _, length in runs(envelope(sound) > 0.15) if length > 3]
        assert len(bursts) in (2, 3)
        assert 0.08 < np.median(bursts) < 0.26
        frequency, share = spectrum(sound)
        assert share[(frequency > 400) & (frequency < 2200)].sum() > 0.6


def test_vacuum_is_steady_and_broad_with_lines():
    """A vacuum cleaner never pauses, fills the spectrum and whines at harmonics of one motor speed."""
    sound = clip("vacuum_cleaner")
    assert envelope(sound, 0.05).min() > 0.6
    frequency, share = spectrum(sound)
    assert np.exp(-np.sum(share * np.log(share + 1e-30))) > 300  # effective number of lines
    smooth = np.convolve(share, np.ones(401) / 401, "same")
    assert np.max(share[(frequency > 300) & (frequency < 450)] / smooth[(frequency > 300) & (frequency < 450)]) > 20


def test_music_box_plays_notes_of_a_scale():
    """The strongest lines of the music box are equal-tempered notes above 800 Hz, at least four different ones."""
    sound = clip("music_box", 1)
    frequency, share = spectrum(sound)
    wide = np.maximum.reduceat(share, np.arange(0, len(share) - 1, 1))
    peaks, _ = find_peaks(wide, height=0.02 * wide.max(), distance=round(30 * sound.seconds))
    pitches = frequency[peaks][frequency[peaks] < 3000]
    semitones = 12 * np.log2(pitches / 440.0)
    assert len(pitches) >= 4
    assert pitches.min() > 800
    assert_allclose(semitones, np.round(semitones), atol=0.2)


def test_footsteps_alternate_evenly():
    """Heels fall every 0.5-0.62 s with a jitter below 15 %, most energy below 500 Hz."""
    for seed in range(3):
        sound = clip("footsteps", seed)
        heels = onsets(sound, 0.3, 0.3)
        gaps = np.diff(heels)
        assert 6 <= len(heels) <= 9
        assert 0.45 < np.median(gaps) < 0.68
        assert gaps.std() < 0.15 * gaps.mean()
        assert centroid(sound) < 500


def test_washing_machine_turns():
    """Rumble below 300 Hz dominates and the slosh comes once a turn, every 1.1-1.5 s."""
    sound = clip("washing_machine")
    frequency, share = spectrum(sound)
    assert share[frequency < 300].sum() > 0.6
    power = np.fft.rfft(sound.samples)
    slosh = np.fft.irfft(np.where((frequency > 400) & (frequency < 1500), power, 0), len(sound.samples))
    level = np.abs(np.fft.rfft(np.mean(slosh[: len(slosh) // 800 * 800].reshape(-1, 800) ** 2, axis=1)))
    turns = 1 + int(np.argmax(level[1:20]))
    assert 1.05 < sound.seconds / turns < 1.55


def test_babble_has_the_rhythm_of_speech():
    """The level of babble varies mostly at 1-8 Hz (syllables), its spectrum lies in the range of the formants."""
    sound = clip("speech_babble")
    level = envelope(sound, 0.02) ** 2
    power = np.abs(np.fft.rfft(level - level.mean())) ** 2
    rate = np.fft.rfftfreq(len(level), 0.02)
    assert power[(rate > 0.3) & (rate < 9)].sum() > 0.6 * power.sum()
    frequency, share = spectrum(sound)
    assert share[(frequency > 80) & (frequency < 3500)].sum() > 0.9
    assert 250 < centroid(sound) < 1200


def test_generated_houses_emit_only_what_the_table_allows():
    """Every object of a few generated houses emits sounds that exist and that its category may emit."""
    from avi_env.scene import generate_house

    for seed in (1, 3):
        for thing in generate_house(seed).objects:
            assert set(thing.emits) <= set(sounds_of_object(thing.category)), thing.name
