"""Proofs in samples: steps by one level in regular places are accused, covers with such places are not."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

import stegnet
from study.proofs_samples import main, of_picture, of_sound
from tests.support.sounds import noise

FRAMES = 60_000


def recording(loud: float = 3000) -> np.ndarray:
    tones = np.sin(np.arange(FRAMES) / 9)[:, None] * [[loud, 0.7 * loud]]
    return np.rint(tones).astype(np.int32) + noise(FRAMES, level=0.02)


def with_part(start: int, part: np.ndarray) -> np.ndarray:
    sound = recording()
    sound[start : start + len(part)] = part
    return sound


def with_equal_channels() -> np.ndarray:
    sound = recording()
    sound[9000:30_000, 1] = sound[9000:30_000, 0]
    return sound


SOUNDS = {
    "silence": with_part(9000, np.zeros((6000, 2), np.int32)),
    "held": with_part(9000, np.full((6000, 2), 700)),
    "repeats": with_part(30_000, recording()[9000:20_000]),
    "clipped": np.clip(recording(60_000), -32768, 32767),
    "alike": with_equal_channels(),
    "missing": np.rint(noise(FRAMES, level=0.01) * 1.25).astype(np.int32),
    "finer": noise(FRAMES, bits=12) * 16,
    "doubled": np.repeat(recording()[: FRAMES // 2], 2, 0),
}


def stepped(samples: np.ndarray) -> np.ndarray:
    """The samples, one in a thousand a level nearer to 0 or farther from it, within the range."""
    random = np.random.default_rng(1)
    steps = random.choice([-1, 1], samples.shape) * (random.random(samples.shape) < 0.001)
    return np.clip(samples + steps, samples.min(), samples.max())


def photograph(height: int = 128, width: int = 192) -> np.ndarray:
    """A textured picture, (H, W, 3) uint8."""
    grown = np.random.default_rng(2).normal(0, 9, (height, width, 3)).cumsum(0).cumsum(1)
    grown = grown / np.abs(grown).max() * 90 + np.random.default_rng(3).normal(0, 4, grown.shape)
    return np.clip(grown + 128, 1, 254).astype(np.uint8)


def framed() -> np.ndarray:
    picture = photograph()
    picture[:20] = picture[-20:] = 16
    return picture


def tiled() -> np.ndarray:
    return np.tile(photograph()[:64, :96], (2, 2, 1))


PICTURES = {
    "borders": framed(),
    "repeats": tiled(),
    "missing": np.rint(np.clip(photograph().astype(float) * 1.6 - 80, 0, 255)).astype(np.uint8),
    "doubled": photograph()[:64, :96].repeat(2, 0).repeat(2, 1),
}


def test_covers_are_not_accused() -> None:
    for name, sound in {"plain": recording(), **SOUNDS}.items():
        assert not any(of_sound(sound).values()), name
    for name, picture in {"plain": photograph(), **PICTURES}.items():
        assert not any(of_picture(picture).values()), name


@pytest.mark.parametrize("rule", SOUNDS)
def test_a_step_in_a_regular_place_of_a_sound_is_accused(rule: str) -> None:
    assert of_sound(stepped(SOUNDS[rule]))[rule] > 0
    assert not any(of_sound(stepped(recording())).values())


@pytest.mark.parametrize("rule", PICTURES)
def test_a_step_in_a_regular_place_of_a_picture_is_accused(rule: str) -> None:
    assert of_picture(stepped(PICTURES[rule].astype(int)).astype(np.uint8))[rule] > 0
    assert not any(of_picture(stepped(photograph().astype(int)).astype(np.uint8)).values())


def test_files_are_read_and_a_table_is_written(tmp_path: Path) -> None:
    Image.fromarray(framed()).save(tmp_path / "a.png")
    soundfile.write(tmp_path / "b.flac", SOUNDS["finer"].astype(np.int16), 44100)
    soundfile.write(tmp_path / "c.wav", stepped(SOUNDS["finer"]).astype(np.int16), 44100)
    main(tmp_path, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv", index_col="file").fillna(0)
    assert (table.sum(axis=1) > 0).to_dict() == {"a.png": False, "b.flac": False, "c.wav": True}


@pytest.mark.parametrize("name", ["silence", "held", "repeats", "clipped", "alike"])
def test_containers_have_no_steps_in_regular_places(name: str, tmp_path: Path) -> None:
    """What repeats in a whole file is warned of instead."""
    soundfile.write(tmp_path / "a.wav", SOUNDS[name].astype(np.int16), 44100)
    stegnet.hide(tmp_path / "a.wav", bytes(700), tmp_path / "b.wav", key=stegnet.Key(bytes(32)))
    container = soundfile.read(tmp_path / "b.wav", dtype="int16")[0].astype(np.int32)
    assert (container != SOUNDS[name]).any()
    assert not any(of_sound(container).values())


def test_what_is_called_hard_to_find_leaves_the_margins_of_a_picture_alone(tmp_path: Path) -> None:
    """A third of the picture; of a small one, half of which is its margins, nothing is called so."""
    picture, key = photograph(288, 400), stegnet.Key(bytes(32))
    picture[:48] = picture[-48:] = (90, 120, 40)
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(stegnet.CapacityError, match=r"at most \d+ bytes are hard to find") as refused:
        stegnet.hide(tmp_path / "a.png", bytes(9000), tmp_path / "b.png", key=key, at_most_safe=True)
    told = re.search(r"at most (\d+)", str(refused.value))
    assert told
    most = int(told[1])
    stegnet.hide(tmp_path / "a.png", bytes(most), tmp_path / "b.png", key=key, at_most_safe=True)
    with Image.open(tmp_path / "b.png") as image:
        container = np.array(image)
    assert (container != picture).any()
    assert not any(of_picture(container).values())
    picture[:80] = picture[-80:] = (90, 120, 40)
    Image.fromarray(picture[16:144, :192]).save(tmp_path / "small.png")
    with pytest.raises(stegnet.CapacityError, match="none are hard to find"):
        stegnet.hide(tmp_path / "small.png", b"x", tmp_path / "c.png", key=key, at_most_safe=True)
