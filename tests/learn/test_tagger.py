"""The sound tagger: loss, examples, learner, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from avi_env.acoustics import Emitter, Soundscape, load_hrtf, render_rirs
from avi_env.content import content_path
from avi_env.policies.files import WEIGHTS
from avi_env.policies.learner import EnvironmentSettings, learner_part
from avi_env.policies.recipe import ValidationSettings, load_recipe
from avi_env.policies.tagger import TaggerSpec, Tags, load_tagger, make_tagger, save_tagger
from avi_env.policies.tagger_clips import loop_table, play_loops, played_at
from avi_env.policies.tagger_data import Examples, ExampleSettings, SoundExamples, heard
from avi_env.policies.tagger_features import feature_frames
from avi_env.policies.tagger_learner import TaggerLearner, TaggerSettings, begin_tagger, validate_tagger
from avi_env.policies.tagger_loss import Sounds, tagging_loss
from avi_env.policies.tagger_measures import tagging_measures
from avi_env.policies.tagger_network import TrackOutputs, azimuth_bins, told_azimuth
from avi_env.policies.tagger_responses import HouseResponses, ear_geometry, house_responses
from avi_env.scene import load_scene, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.sounds import make_clip, sound_classes

SMALL = {"widths": (4, 4, 4, 4), "bearings": 8, "recurrent": 4, "features": 16, "heads": 2}
ROOM = "house:0:living_room"


def _outputs(count: int, seed: int = 0) -> TrackOutputs:
    stream = torch.Generator().manual_seed(seed)
    return TrackOutputs(*(torch.randn(count, 2, *rest, generator=stream) for rest in ((5,), (48,), (2,), (), ())))


def _responses() -> HouseResponses:
    """Free field: from the left and from the right, 1 m and 2 m away."""
    response = np.zeros((2, 2, 2, 400), dtype=np.float16)
    for pose, (lead, gain) in enumerate(((4, 1.0), (-4, 0.5))):
        for ear in range(2):
            response[pose, :, ear, 100 + (lead if ear else -lead)] = gain
    azimuth = np.array([[0.5, 0.5], [-0.5, -0.5]], dtype=np.float32)
    distance = np.array([[1.0, 1.0], [2.0, 2.0]], dtype=np.float32)
    return HouseResponses(response, np.ones((2, 2), np.float32), azimuth, distance, np.ones((2, 2), bool))


def test_the_order_of_sounds_and_tracks_does_not_matter() -> None:
    """Exchanged tracks, or exchanged slots, cost the same."""
    outputs, stream = _outputs(6), torch.Generator().manual_seed(1)
    active = torch.tensor([[True, True], [True, False], [False, True], [False, False], [True, True], [True, True]])
    sounds = Sounds(
        active,
        torch.randint(5, (6, 2), generator=stream),
        torch.rand(6, 2, generator=stream) * 6 - 3,
        torch.rand(6, 2, generator=stream) * 5 + 0.5,
    )
    loss, parts = tagging_loss(outputs, sounds)
    for other in (
        tagging_loss(TrackOutputs(*(part.flip(1) for part in outputs)), sounds),
        tagging_loss(outputs, Sounds(*(column.flip(1) for column in sounds))),
    ):
        torch.testing.assert_close(other[0], loss)
        for name, part in parts.items():
            torch.testing.assert_close(other[1][name], part)


def test_azimuths_are_refined_between_their_bins() -> None:
    """A bell around an azimuth is told as that azimuth, across the seam behind, too."""
    azimuth = torch.tensor([0.0, 0.4, -2.0, 3.12, -3.12])
    logits = (azimuth[:, None] - azimuth_bins(48)).cos() / 0.13**2
    np.testing.assert_allclose(told_azimuth(logits), azimuth, rtol=0, atol=0.01)


def test_examples_are_a_function_of_the_seed() -> None:
    """Same stream, same bits; pairs differ in class; mirrored ears exchange sides."""
    loops = loop_table(("phone", "dog_bark", "fan"), sound_classes(), seeds=(0,), speeds=(0.8, 1.25))
    assert len(loops.start) == 6
    settings = ExampleSettings(colour_db=3.0, noise_share=0.5, near_share=0.5, mirrored=True)
    examples = SoundExamples(_responses(), loops, settings)
    first, again, other = (examples.draw(24, torch.Generator().manual_seed(seed)) for seed in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.audio, other.audio)
    paired = first.level[:, 1] > -torch.inf
    assert 0 < int(paired.sum()) < 24
    assert bool((first.kind[paired, 0] != first.kind[paired, 1]).all())
    assert torch.equal(first.azimuth[:, 0].abs(), torch.full((24,), 0.5))
    assert len(set(first.azimuth[first.distance[:, 0] == 1.0, 0].tolist())) == 2


def test_what_is_too_faint_does_not_count() -> None:
    """Silence, what nobody hears, and what another sound drowns."""
    level = torch.tensor([[60.0, 45.0], [60.0, 39.0], [4.0, -torch.inf], [20.0, -torch.inf]])
    assert heard(level).tolist() == [[True, True], [True, False], [False, False], [True, False]]


def test_a_loop_played_faster_is_shorter_and_higher() -> None:
    """A tone of 100 cycles stays one of 100 cycles."""
    loop = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype(np.float32)
    fast = played_at(loop, 1.25)
    assert abs(len(fast) - 6400) < 40
    np.testing.assert_allclose(fast, np.sin(2 * np.pi * 100 * np.arange(len(fast)) / len(fast)), rtol=0, atol=1e-4)


def test_examples_are_what_an_agent_hears() -> None:
    """The same second of the same sound by the soundscape of the environments: the late noise of tones may differ."""
    scene = load_scene(ROOM)
    responses = house_responses(ROOM, sources=2, listeners=3, seconds=1.0, path_count=256)
    rng = np.random.default_rng([0, 0x7461676765])  # as `house_responses` draws its places
    from avi_env.navigation import walkable_grid
    from avi_env.policies.tagger_responses import _source_places, random_ears

    grid = walkable_grid(scene, 0.2, 1.5)
    places = _source_places(scene, grid, rng, 2)
    ears, yaw = random_ears(scene, grid, rng, places, 3)
    np.testing.assert_array_equal(ear_geometry(scene, places, ears, yaw)[0], responses.azimuth)
    clip = make_clip("vacuum_cleaner")
    scape = Soundscape(3, 1, load_hrtf("kemar", 16000), path_count=256)
    for row in range(3):
        scape.set_source(row, 0, scene, Emitter(clip, places[1].astype(np.float32)))
    rows = torch.arange(3)
    pose = (torch.zeros(3, dtype=torch.int32), torch.from_numpy(ears).float(), torch.from_numpy(yaw).float())
    stream, bank = scape.start(rows), SceneBank([scene])
    for second in range(2):
        audio, stream = scape.listen(bank, stream, rows, *pose, torch.full((3,), 16000 * second), 16000)
    table = loop_table(("vacuum_cleaner/canister",), sound_classes(), seeds=(0,))
    dry = play_loops(table, torch.zeros(1, dtype=torch.int64), torch.zeros(1), 32000)
    for row in range(3):
        response = torch.from_numpy(responses.response[row, 1].astype(np.float32) * responses.scale[row, 1])
        mine = torch.fft.irfft(torch.fft.rfft(dry, 48000) * torch.fft.rfft(response, 48000), 48000)[:, 16000:32000]
        error = (mine - audio[row]).square().mean() / audio[row].square().mean()
        assert float(error) < 0.01, f"row {row}: {10 * np.log10(float(error)):.1f} dB"


def _examples() -> Examples:
    row = torch.tensor
    return Examples(
        torch.zeros(3, 2, 1),
        row([[True, False], [True, True], [True, True]]),
        row([[1, 0], [1, 2], [3, 4]]),
        row([[0.5, 0.0], [0.5, -0.5], [1.0, -1.0]]),
        row([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]]),
        torch.ones(3, 2, dtype=torch.bool),
        row([[60.0, -torch.inf], [60.0, 50.0], [60.0, 50.0]]),
    )


def test_measures_of_what_is_told() -> None:
    """All right, whatever the tracks' order; then one class of five wrong and one sound not told."""
    examples = _examples()
    order = torch.tensor([[0, 1], [1, 0], [1, 0]])
    parts = [column.gather(1, order) for column in (examples.kind, examples.azimuth, examples.distance)]
    activity = torch.tensor([[0.9, 0.1], [0.9, 0.8], [0.9, 0.8]])
    tags = Tags(torch.nn.functional.one_hot(parts[0], 5).float(), parts[1], parts[2], activity)
    right = tagging_measures(tags, examples, 5)
    assert (right["class_accuracy"], right["number_right"], right["f20"], right["er20"]) == (1.0, 1.0, 1.0, 0.0)
    assert right["azimuth_error"] == 0.0
    wrong = tags.probability.clone()
    wrong[2, 0] = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0])
    activity = activity.clone()
    activity[1, 1] = 0.2
    measures = tagging_measures(tags._replace(probability=wrong, activity=activity), examples, 5)
    np.testing.assert_allclose(measures["class_accuracy"], 0.8)
    np.testing.assert_allclose(measures["class_accuracy_fainter"], 0.5)
    np.testing.assert_allclose(measures["er20"], 2 / 5)  # one substituted, one deleted


@pytest.fixture(scope="module")
def environment() -> EnvironmentSettings:
    """One room and two sounds."""
    return EnvironmentSettings(
        keywords={"scenes": ROOM, "sounds": ["phone/marimba", "fan/desk"], "bake_paths": 256, "sensors": ["audio"]}
    )


def test_a_restored_learner_goes_on_to_the_bit(environment: EnvironmentSettings) -> None:
    """Weights after three iterations, with and without an interruption; validation gives numbers."""
    settings = TaggerSettings(sources=2, listeners=8, seeds=1, chunk=16, batch=8, noise_share=0.5)

    def learner() -> TaggerLearner:
        return TaggerLearner(environment, begin_tagger(SMALL, environment, 3), settings, 3, "cpu")

    whole = learner()
    whole.iterate()
    state = whole.state()
    told = [whole.iterate() for _ in range(2)][-1]
    resumed = learner()
    resumed.restore(state)
    again = [resumed.iterate() for _ in range(2)][-1]
    assert resumed.steps == 48
    assert told["train/loss"] == again["train/loss"]
    pairs = zip(whole.policy().network.parameters(), resumed.policy().network.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    where = ValidationSettings(episodes=8, keywords={"sounds": ["fan/pedestal"]})
    assert 0.0 <= validate_tagger(whole.policy(), where, environment, "cpu")["class_accuracy"] <= 1.0


def test_the_recipe_fits_its_learner() -> None:
    """Sounds and houses of training and validation are apart."""
    recipe = load_recipe("sound_tagger")
    assert isinstance(recipe.stages[0].settings, TaggerSettings)
    assert learner_part("sound_tagging", "begin")(recipe.policy, recipe.environment, 0).classes == sound_classes()
    assert recipe.environment.keywords["sounds"] == ["split:heard"]
    assert recipe.validation.keywords["sounds"] == ["split:val"]


def test_a_saved_tagger_is_loaded(tmp_path: Path) -> None:
    """Half precision is all that is lost; shapes, order by activity, and shorter sound."""
    tagger = make_tagger(TaggerSpec(network=SMALL), seed=1)
    save_tagger(tmp_path, tagger)
    loaded = load_tagger(tmp_path)
    assert loaded.spec == TaggerSpec(network={**SMALL, "widths": [4, 4, 4, 4]})
    audio = torch.randn(3, 2, 20000, generator=torch.Generator().manual_seed(2)) * 0.01
    tags = loaded.tag(audio)
    np.testing.assert_allclose(tags.probability, tagger.tag(audio).probability, rtol=0, atol=2e-3)
    assert tags.probability.shape == (3, 2, len(sound_classes()))
    assert bool((tags.activity[:, 0] >= tags.activity[:, 1]).all())
    assert torch.equal(loaded.tag(audio[:, :, -16000:]).distance, tags.distance)
    assert loaded.tag(audio[:, :, :4000]).azimuth.shape == (3, 2)
    assert feature_frames(16000) == 49


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """Cut short, another network, unknown sizes, sound of another shape."""
    path = save_tagger(tmp_path, make_tagger(TaggerSpec(network=SMALL)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="whole file"):
        load_tagger(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no weights"):
        load_tagger(tmp_path)
    with pytest.raises(ValueError, match="recurrent"):
        make_tagger(TaggerSpec(network={"recurent": 3}))
    with pytest.raises(ValueError, match="shape"):
        make_tagger(TaggerSpec(network=SMALL)).tag(torch.zeros(2, 16000))


def test_the_bench_measures_all_ears() -> None:
    """Tagger, GCC-PHAT, ear table and templates on the same lone sounds: classical ears know left from right."""
    from avi_env.bench.tagger import _measured

    loops = loop_table(("fan/desk", "dishes/mixed"), sound_classes(), seeds=(0,))
    scenes = SoundExamples(_responses(), loops, ExampleSettings(pair_share=0.2, begun_share=0.0))
    examples = scenes.draw(24, torch.Generator().manual_seed(0))
    result = _measured(make_tagger(TaggerSpec(network=SMALL)), examples)
    lone = result["lone_in_room"]
    assert lone["sounds"] > 8
    assert set(lone["azimuth_error"]) == {"tagger", "gcc_phat", "ear_table"}
    assert lone["azimuth_error"]["gcc_phat"] < 40.0  # 8 samples of delay are 52 degrees, the responses say 29
    assert 0.0 <= lone["class_accuracy"]["templates"] <= 1.0


def test_the_tagger_that_ships_hears_left_and_right() -> None:
    """One sound, 2 m to either side in a large room: its class, its side, and that there is one."""
    tagger = load_tagger()
    room = shoebox((9.0, 3.0, 9.0), material="carpet")
    sides = [(2.5, 1.25, 4.5), (6.5, 1.25, 4.5)]
    responses = torch.from_numpy(render_rirs(room, sides, [(4.5, 1.25, 4.5)], 0.0, 16000, seconds=0.5, path_count=512))
    dry = torch.from_numpy(np.resize(make_clip("vacuum_cleaner/upright", 3).samples, 32000))
    sound = torch.fft.irfft(torch.fft.rfft(dry, 40000) * torch.fft.rfft(responses[:, 0], 40000), 40000)
    tags = tagger.tag(sound[..., 16000:32000])
    assert [tagger.classes[kind] for kind in tags.kind[:, 0].tolist()] == ["vacuum_cleaner"] * 2
    assert float(tags.azimuth[0, 0].sin()) > 0.5
    assert float(tags.azimuth[1, 0].sin()) < -0.5
    assert bool((tags.activity[:, 0] > 0.5).all())
    assert (content_path("policies", "sound_tagger") / WEIGHTS).stat().st_size < 10e6
