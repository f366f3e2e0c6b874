"""Folders of the user's own sounds: layouts, levels, licences, splits, and what is refused."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

import avi_env  # noqa: F401 - registers the environments
from avi_env.sounds import (
    active_level,
    class_of_sound,
    emitters_of_sound,
    expand_sounds,
    make_clip,
    sound_classes,
    sound_library,
    sound_phrase,
)


def write(file: Path, pitch: float = 440.0, seconds: float = 0.5, rate: int = 16000, channels: int = 1) -> None:
    """Writes a tone in the format of the file's suffix, its channels at different levels."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.1 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    soundfile.write(file, tone[:, None] * np.linspace(1.0, 0.5, channels), rate)


@pytest.fixture
def esc50(tmp_path: Path) -> Path:
    """Three files in the layout of ESC-50."""
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold, target, category in ((1, 0, "dog"), (4, 0, "dog"), (5, 41, "chainsaw")):
        name = f"{fold}-1001-A-{target}.wav"
        write(tmp_path / "audio" / name, 300.0 + 50 * fold, rate=44100)
        rows.append(f"{name},{fold},{target},{category},False,1001,A")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def fsd50k(tmp_path: Path) -> Path:
    """Three files in the layout of FSD50K, the first with a licence."""
    truth = tmp_path / "FSD50K.ground_truth"
    truth.mkdir()
    (truth / "vocabulary.csv").write_text("0,Bark,/m/05tny_\n1,Dog,/m/0bt9lr\n2,Wind_chime,/m/026fgl\n")
    (truth / "dev.csv").write_text(
        'fname,labels,mids,split\n64760,"Bark,Dog","/m/05tny_,/m/0bt9lr",train\n16399,Wind_chime,/m/026fgl,val\n'
    )
    (truth / "eval.csv").write_text("fname,labels,mids\n37199,Wind_chime,/m/026fgl\n")
    for file in ("dev_audio/64760", "dev_audio/16399", "eval_audio/37199"):
        write(tmp_path / f"FSD50K.{file}.wav", rate=44100)
    (tmp_path / "FSD50K.metadata").mkdir()
    (tmp_path / "FSD50K.metadata" / "dev_clips_info_FSD50K.json").write_text('{"64760": {"license": "CC0"}}')
    return tmp_path


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Class folders with WAV, FLAC and OGG of three rates, one to three channels."""
    write(tmp_path / "telephone" / "a.wav", 800.0, rate=8000)
    write(tmp_path / "telephone" / "b.flac", 900.0, rate=22050, channels=2)
    write(tmp_path / "whale" / "deep.ogg", 200.0, rate=48000, channels=3)
    (tmp_path / "whale" / "notes.txt").write_text("no sound")
    return tmp_path


def test_esc50(esc50: Path) -> None:
    """Category and fold come from meta/esc50.csv: folds 1-3 train, 4 val, 5 test; a dog is our dog_bark."""
    library = sound_library(esc50)
    assert library.layout == "esc50"
    assert [(s.sound_class, s.split) for s in library.sounds] == [
        ("chainsaw", "test"),
        ("dog", "train"),
        ("dog", "val"),
    ]
    assert library.sounds[1].licence == "CC BY-NC 3.0"
    assert library.classes["dog"].spl_db == 85.0
    assert library.classes["dog"].emitters == ("dog",)
    assert library.classes["chainsaw"].spl_db == 65.0
    assert [s.split for s in library.select("dog", "unheard")] == ["val"]
    clip = library.clip("dog/1-1001-A-0.wav", sample_rate=16000)
    assert_allclose(active_level(clip.samples, 16000), 85.0, atol=0.1)
    assert clip.sample_rate == 16000


def test_fsd50k(fsd50k: Path) -> None:
    """The first label is the class, eval is test, licences come from the metadata."""
    library = sound_library(fsd50k)
    assert library.layout == "fsd50k"
    assert [(s.sound_class, s.file.stem, s.split, s.licence) for s in library.sounds] == [
        ("Bark", "64760", "train", "CC0"),
        ("Wind_chime", "16399", "val", ""),
        ("Wind_chime", "37199", "test", ""),
    ]
    assert library.classes["Bark"].sounds_like == "dog_bark"
    assert library.classes["Wind_chime"].sounds_like == "wind_chime"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["sounds/1s_all/telephone.wav"], [("telephone", "")]),
        (["sounds/chair/a.wav", "sounds/chair/b.wav"], [("chair", ""), ("chair", "")]),
        (
            ["sounds/semantic_splits/train/chair.wav", "sounds/semantic_splits/test/chair.wav"],
            [("chair", "test"), ("chair", "train")],
        ),
        (["sounds/semantic_splits/val/chair/a.wav"], [("chair", "val")]),
    ],
)
def test_soundspaces(tmp_path: Path, files: list[str], expected: list[tuple[str, str]]) -> None:
    """Its flat folder, class folders and split folders; files of one name in two splits keep apart."""
    for file in files:
        write(tmp_path / file)
    library = sound_library(tmp_path)
    assert [(s.sound_class, s.split) for s in library.sounds] == expected
    assert len({s.name for s in library.sounds}) == len(files)
    for sound in library.sounds:
        assert make_clip(sound.name).name == sound.name


def test_class_folders_of_any_format(folders: Path) -> None:
    """WAV, FLAC and OGG of any rate and number of channels become calibrated loops at the rate that is asked for."""
    library = sound_library(folders)
    assert set(library.classes) == {"telephone", "whale"}
    for sound in library.sounds:
        clip = make_clip(sound.name, sample_rate=44100)
        assert clip.sample_rate == 44100
        level = library.classes[sound.sound_class].spl_db
        assert_allclose(active_level(clip.samples, 44100), level, atol=0.2)
    first, second = (make_clip(f"{folders}:telephone", seed).name for seed in (0, 1))
    assert (first, second) == (f"{folders}:telephone/a.wav", f"{folders}:telephone/b.flac")


def test_names_of_a_folder(folders: Path) -> None:
    """A folder stands for its classes; classes that ours know have our emitters and phrase, others sound bodiless."""
    assert expand_sounds((str(folders),)) == (f"{folders}:telephone", f"{folders}:whale")
    assert expand_sounds((f"{folders}:split:train",)) == tuple(s.name for s in sound_library(folders).sounds)
    assert class_of_sound(f"{folders}:telephone/a.wav") == "phone"
    assert class_of_sound(f"{folders}:whale") == "whale"
    assert emitters_of_sound(f"{folders}:telephone") == ("phone",)
    assert emitters_of_sound(f"{folders}:whale") == ()
    assert sound_phrase(f"{folders}:telephone") == "ringing phone"
    assert sound_phrase(f"{folders}:whale") == "whale"


def test_settings_of_a_folder(folders: Path) -> None:
    """sounds.toml states levels, licence, emitters, phrase and how much of a long file is used."""
    (folders / "sounds.toml").write_text(
        'spl_db = 70\nlicence = "CC0"\nlongest_seconds = 0.3\n[classes.whale]\nspl_db = 90\nemitters = ["bathtub"]\n'
        'phrase = "singing whale"\nsounds_like = "singing"\nlicence = "mine"\n'
    )
    library = sound_library(folders)
    whale, telephone = library.classes["whale"], library.classes["telephone"]
    assert (whale.spl_db, whale.emitters, whale.phrase, whale.sounds_like) == (
        90.0,
        ("bathtub",),
        "singing whale",
        "singing",
    )
    assert telephone.spl_db == 70.0
    assert [s.licence for s in library.sounds] == ["CC0", "CC0", "mine"]
    assert library.clip("whale").seconds <= 0.3


def test_a_folder_in_an_environment(folders: Path) -> None:
    """`sounds` takes a folder: its sounds are hidden and heard, and the target tells its own classes too."""
    keywords = {"scene": "shoebox:5x3x4", "sensors": ("audio", "target"), "bake_paths": 64}
    env = gym.make("avi_env/AudioNav-v0", sounds=str(folders), **keywords)
    seen = set()
    for seed in range(6):
        observation, _ = env.reset(seed=seed)
        name = env.unwrapped.episode.sound
        seen.add(name)
        known = (*sound_classes(), "whale")
        assert_array_equal(observation["target"], [float(kind == class_of_sound(name)) for kind in known])
        assert np.abs(observation["audio"]).max() > 1e-4
    assert seen == {f"{folders}:telephone", f"{folders}:whale"}
    env.close()
    one = gym.make("avi_env/AudioNav-v0", sounds=f"{folders}:whale/deep.ogg", **keywords)
    one.reset(seed=0)
    assert one.unwrapped.episode.sound == f"{folders}:whale/deep.ogg"
    one.close()


def break_esc50(folder: Path, old: str, new: str) -> None:
    """Changes the text of an ESC-50 table."""
    table = folder / "meta" / "esc50.csv"
    table.write_text(table.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("category", "label", r"esc50\.csv has no column 'category'.*take the data set's own file"),
        ("5-1001-A-41.wav,5", "lost.wav,5", r"esc50\.csv lists lost\.wav, which is not in .*audio: unpack it"),
        (",5,41", ",7,41", "fold '7': folds are 1 to 5"),
        (",chainsaw", ",", r"esc50\.csv, line 4: an entry of .* is empty"),
        (",chainsaw", ",saw:chain", "holds ':' or '/': rename it"),
    ],
)
def test_broken_esc50(esc50: Path, old: str, new: str, message: str) -> None:
    """Missing columns, files and entries, folds that are none: the message names the table and the remedy."""
    break_esc50(esc50, old, new)
    with pytest.raises(ValueError, match=message):
        sound_library(esc50)


def test_tables_of_a_spreadsheet(esc50: Path) -> None:
    """A byte order mark is none of the first column's name; letters that are not UTF-8 are no reason to stop."""
    table = esc50 / "meta" / "esc50.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"chainsaw", "S\u00e4ge".encode("latin-1")))
    assert {sound.sound_class for sound in sound_library(esc50).sounds} == {"dog", "S\ufffdge"}


def test_broken_fsd50k(fsd50k: Path) -> None:
    """A label outside the vocabulary, a missing vocabulary and a missing audio folder are named."""
    truth = fsd50k / "FSD50K.ground_truth"
    table = (truth / "dev.csv").read_text()
    (truth / "dev.csv").write_text(table.replace("Wind_chime", "Wind_chimes"))
    with pytest.raises(ValueError, match=r"dev\.csv: 16399: unknown label .*Did you mean 'Wind_chime'"):
        sound_library(fsd50k)
    (truth / "dev.csv").write_text(table)
    (truth / "vocabulary.csv").rename(truth / "words.csv")
    with pytest.raises(ValueError, match=r"vocabulary\.csv is missing: unpack"):
        sound_library(fsd50k)
    (truth / "words.csv").rename(truth / "vocabulary.csv")
    (fsd50k / "FSD50K.dev_audio").rename(fsd50k / "audio")
    with pytest.raises(ValueError, match=r"FSD50K\.dev_audio is missing.*unpack the audio there"):
        sound_library(fsd50k)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spl = 70", r"sounds\.toml: unknown key 'spl'. Did you mean 'spl_db'"),
        ("[classes.whales]\nspl_db = 1", r"sounds\.toml: unknown sound class 'whales'. Did you mean 'whale'"),
        ('[classes.whale]\nspl_db = "loud"', r"classes\.whale\.spl_db must be a float, not 'loud'"),
        ('[classes.whale]\nsounds_like = "fone"', "Did you mean 'phone'"),
        ("longest_seconds = 0.01", r"at least 0\.2 s"),
        ("spl_db = [", r"sounds\.toml is no TOML"),
        ("spl_db = nan", r"sounds\.toml: spl_db must be finite, not nan"),
    ],
)
def test_broken_settings(folders: Path, text: str, message: str) -> None:
    """Unknown keys and classes, wrong types and broken TOML are named with the file."""
    (folders / "sounds.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        sound_library(folders)


def test_broken_folders(tmp_path: Path, folders: Path) -> None:
    """Missing and empty folders, unknown classes and files, silent and unreadable files are named."""
    with pytest.raises(FileNotFoundError, match=r"no folder of sounds at .*nowhere"):
        sound_library(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty holds no sounds .*expected class folders"):
        sound_library(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"unknown sound class of .* 'wale'. Did you mean 'whale'"):
        make_clip(f"{folders}:wale")
    with pytest.raises(ValueError, match=r"unknown sound of class 'whale' .*Did you mean 'deep\.ogg'"):
        expand_sounds((f"{folders}:whale/depp.ogg",))
    with pytest.raises(ValueError, match="has no sounds of the split 'test'"):  # not the scene's own sounds instead
        expand_sounds((f"{folders}:split:test",))
    bad = folders / "bad"
    write(bad / "short.wav", seconds=0.1)
    soundfile.write(bad / "silent.wav", np.zeros(8000), 16000)
    (bad / "text.wav").write_text("no sound")
    broken = sound_library(bad)
    for name, message in (("short", r"lasts 0\.10 s"), ("silent", "silent"), ("text", "no readable sound file")):
        with pytest.raises(ValueError, match=rf"{name}\.wav.*{message}"):
            broken.clip(f"{name}/{name}.wav")
