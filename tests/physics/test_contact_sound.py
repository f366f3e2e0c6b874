"""Collisions that sound: onsets, levels, materials, and where an agent in another room hears them from."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from small_scenes import room

from avi_env.acoustics import render_soundscape
from avi_env.acoustics.metrics import interaural_delay
from avi_env.physics import Body, Contact, PhysicsWorld, contact_emitters, contact_sound, drop_clip
from avi_env.scene import Scene, check_source, generate_house, load_scene
from avi_env.sounds import Clip
from avi_env.sounds.modal import CLICK_LEAD, fast_level

pytest.importorskip("pybullet", reason="needs PyBullet: pip install 'avi-env[physics]'")

RATE = 16000
CUP = Body("cup", "ceramic", "cylinder", (0.08, 0.09, 0.08), wall=0.0045)
PAN = Body("pan", "steel", "box", (0.2, 0.03, 0.2), wall=0.0015)
BLOCK = Body("block", "wood", "box", (0.2, 0.04, 0.06))
SOLIDS = {"even_02": "tiled_floor", "even_04": "carpet_floor"}


def level(clip: Clip) -> float:
    """The highest reading of a sound level meter at 1 m, fast [dB SPL]."""
    return fast_level(np.pad(clip.samples, (0, clip.sample_rate)), clip.sample_rate)


def centroid(clip: Clip) -> float:
    """Centre of the energy spectrum [Hz]."""
    power = np.abs(np.fft.rfft(clip.samples)) ** 2
    return float(np.sum(power * np.fft.rfftfreq(len(clip.samples), 1 / clip.sample_rate)) / power.sum())


def ring_seconds(clip: Clip) -> float:
    """Time that the loudest 20 ms take to fall by 30 dB for good [s]."""
    frame = clip.sample_rate // 50
    energy = np.square(clip.samples[: len(clip.samples) // frame * frame]).reshape(-1, frame).sum(axis=1)
    return float(np.flatnonzero(energy > 1e-3 * energy.max()).max() - energy.argmax()) * 0.02


def fallen(scene: Scene, place: tuple[float, ...], body: Body = CUP) -> tuple[Contact, ...]:
    """The collisions of a body that falls."""
    with PhysicsWorld(scene, solids=SOLIDS) as world:
        world.add(body, place, 0.2, spin=(0.5, 0.0, 0.3))
        return world.settle()


def test_a_cup_is_as_loud_as_a_cup() -> None:
    """0.3 kg from 0.8 m on tiles: 85 to 95 dB SPL at 1 m on a sound level meter (fast)."""
    np.testing.assert_allclose(CUP.kilograms, 0.3, atol=0.02)
    assert 85.0 < level(drop_clip(CUP, "ceramic_tile", 0.8)) < 95.0


def test_energy_grows_with_the_height() -> None:
    """J = m v (1 + e), v = sqrt(2 g h): 3 dB for twice the height, less what shorter contacts add (< 1.5 dB)."""
    levels = [level(drop_clip(CUP, "ceramic_tile", height, seed=4)) for height in (0.1, 0.2, 0.4, 0.8, 1.6)]
    np.testing.assert_allclose(np.diff(levels), 10 * math.log10(2), atol=1.5)
    contacts = [fallen(room(), (3.0, height + 0.05, 3.0))[0] for height in (0.2, 0.8)]
    np.testing.assert_allclose(contacts[1].speed / contacts[0].speed, 2.0, rtol=0.05)


def test_metal_on_tiles_is_brighter_and_longer_than_wood_on_carpet() -> None:
    """Spectral centroid and decay of whole drops."""
    metal, wood = drop_clip(PAN, "ceramic_tile", 0.8), drop_clip(BLOCK, "carpet", 0.8)
    assert centroid(metal) > 3.0 * centroid(wood)
    assert ring_seconds(metal) > 3.0 * ring_seconds(wood)
    assert level(metal) > level(wood) + 10.0
    assert level(drop_clip(CUP, "ceramic_tile")) > level(drop_clip(CUP, "carpet")) + 15.0


def test_each_collision_sounds_at_its_own_sample() -> None:
    """Before it there is only the band limit's ring; the clip knows when it begins."""
    contacts = fallen(room(), (3.0, 0.85, 3.0))
    clip, start = contact_sound(contacts[:1], sample_rate=48000)
    np.testing.assert_allclose(start, contacts[0].time - CLICK_LEAD / 48000, atol=0.5 / 48000)
    whole, begin = contact_sound(contacts, sample_rate=48000)
    assert begin == start
    gap = round((contacts[1].time - contacts[0].time) * 48000)
    head = min(gap - CLICK_LEAD - 500, len(clip.samples) - 500)
    np.testing.assert_allclose(whole.samples[:head], clip.samples[:head], atol=1e-6)
    onset = np.flatnonzero(np.abs(clip.samples) > 0.05 * np.abs(clip.samples).max())[0]
    assert 0 <= onset - CLICK_LEAD + 4 < 48  # within a millisecond


def test_hits_vary_and_seeds_repeat() -> None:
    """The same arguments give the same samples; another seed another hit of the same cup."""
    first, again, other = (drop_clip(CUP, "parquet", 0.5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert len(first.samples) != len(other.samples) or not np.array_equal(first.samples, other.samples)
    assert abs(level(first) - level(other)) < 4.0
    contacts = fallen(room(), (3.0, 0.85, 3.0))
    one, two = (contact_sound(contacts, seed=seed).clip for seed in (0, 1))
    assert abs(one.spl_db - two.spl_db) < 3.0
    assert not np.array_equal(one.samples[: len(two.samples)], two.samples[: len(one.samples)])


def test_emitters_lie_where_the_collisions_were() -> None:
    """Each collision belongs to one emitter, 5 cm off the floor, at most `merge` from it."""
    contacts = fallen(room(), (3.0, 0.85, 3.0))
    emitters = contact_emitters(contacts, start=2.0, merge=0.25)
    places = np.array([emitter.position for emitter in emitters])
    strongest = max(contacts, key=lambda contact: contact.impulse)
    np.testing.assert_allclose(places[0], strongest.position + 0.05 * strongest.normal, atol=1e-3)
    for contact in contacts:
        assert np.linalg.norm(places - contact.position, axis=1).min() < 0.31
    (one,) = contact_emitters(contacts, most=1, merge=0.0)
    np.testing.assert_array_equal(one.clip.samples, contact_sound(contacts).clip.samples)
    first = min(emitter.schedule.start for emitter in emitters)
    np.testing.assert_allclose(first, 2.0 + contacts[0].time, atol=1e-3)
    assert all(emitter.schedule.count == 1 for emitter in emitters)
    whole = contact_sound(contacts).clip.samples.astype(np.float64)
    parts = sum(np.sum(emitter.clip.samples.astype(np.float64) ** 2) for emitter in emitters)
    np.testing.assert_allclose(parts, np.sum(whole**2), rtol=0.2)


def test_an_agent_in_the_other_room_hears_the_door() -> None:
    """The first arrival's interaural delay points at the door's jamb within 10 degrees, at the right moment."""
    scene, listener = load_scene("rooms/coupled_rooms"), np.array([7.5, 1.25, 3.2])
    contacts = fallen(scene, (2.0, 0.85, 3.2))
    emitters = contact_emitters(contacts[:1], start=0.1)
    jamb = np.array([5.12, listener[1], 2.4])  # round which the shortest way bends
    way = np.linalg.norm(contacts[0].position - jamb) + np.linalg.norm(jamb - listener)
    # Below 1.5 kHz the KEMAR head delays by 0.285 ms (theta + sin theta), within 4 %.
    angles = np.radians(np.linspace(-90.0, 90.0, 181))
    delays = 0.285e-3 * (angles + np.sin(angles))
    for yaw in (0.0, 0.8, 2.0, 2.6):
        sound = render_soundscape(scene, emitters, listener, np.full(12, yaw), path_count=64)
        onset = int(np.argmax(np.abs(sound).max(axis=0) > 0.02 * np.abs(sound).max()))
        np.testing.assert_allclose(onset / RATE, 0.1 + contacts[0].time + way / 343.0, atol=2e-3)
        heard = np.interp(interaural_delay(sound[:, onset - 32 : onset + 32], RATE), delays, np.degrees(angles))
        true = math.atan2(listener[0] - jamb[0], listener[2] - jamb[2]) - yaw
        np.testing.assert_allclose(heard, math.degrees(math.asin(math.sin(true))), atol=10.0)


def test_cups_thrown_about_a_house_stay_in_it_and_sound_in_the_air() -> None:
    """None falls through floors or furniture, and no emitter lies inside anything."""
    house, rng = generate_house(5, rooms=2), np.random.default_rng(0)
    with PhysicsWorld(house, time_step=1 / 480) as world:
        cups = []
        for door in house.portals:
            for _ in range(6):  # the doorway is free
                away = rng.uniform(-0.2, 0.2, 3)
                place = np.array([door.center[0], 1.2, door.center[2]]) + away
                with contextlib.suppress(ValueError):  # one that would start in a door's leaf or in another cup
                    cups.append(world.add(CUP, place, velocity=rng.normal(size=3), spin=3 * rng.normal(size=3)))
        contacts = world.settle(2.0)
        assert len(cups) >= 2
        assert min(world.pose(cup)[0][1] for cup in cups) > 0.0
    for emitter in contact_emitters(contacts, merge=0.05, most=100):
        check_source(house, emitter.position)


def test_malformed_drops_are_refused() -> None:
    """Messages name culprit and remedy."""
    with pytest.raises(ValueError, match="there is no collision"):
        contact_sound(())
    with pytest.raises(ValueError, match="there is no collision"):
        contact_emitters(())
    with pytest.raises(ValueError, match=r"most at least 1, not 0\.3 and 0"):
        contact_emitters((), most=0)
    with pytest.raises(ValueError, match="height must be positive"):
        drop_clip(CUP, "parquet", 0.0)
    with pytest.raises(ValueError, match="Did you mean 'parquet'"):
        drop_clip(CUP, "parqet")
