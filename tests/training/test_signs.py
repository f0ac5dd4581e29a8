"""Signs: text from a fixed list, drawn so that it can be read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.signs import WORDS, draw_sign, font_files, random_text, sign_to_size


def sign(seed: int, text: str = "OPEN", size: int = 32) -> np.ndarray:
    return draw_sign(np.random.default_rng(seed), text, size)


def test_words_are_unique_capitals() -> None:
    assert len(set(WORDS)) == len(WORDS) > 100
    assert all(word.isalpha() and word.isupper() for word in WORDS)


def test_fonts_are_there_in_a_fixed_order() -> None:
    files = font_files()
    assert len(files) >= 4
    assert all(path.is_file() for path in files)
    assert list(files) == sorted(files)
    assert {path.stem.split("-")[0] for path in files} == {"DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral"}


@settings(max_examples=200)
@given(st.integers(0, 2**40))
def test_texts_are_one_to_three_words_of_the_list(seed: int) -> None:
    text = random_text(np.random.default_rng(seed))
    words = text.split(" ")
    assert 1 <= len(words) <= 3
    assert all(word.upper() in WORDS for word in words[:-1])
    assert words[-1].upper() in WORDS or 1 <= int(words[-1]) <= 999


def test_texts_come_in_all_forms() -> None:
    texts = [random_text(np.random.default_rng(seed)) for seed in range(300)]
    assert {len(text.split(" ")) for text in texts} == {1, 2, 3}
    assert any(text.isupper() for text in texts)
    assert any(text.istitle() for text in texts)
    assert any(text.islower() for text in texts)
    assert any(text[-1].isdigit() for text in texts)


@settings(max_examples=60)
@given(st.integers(0, 2**40), st.sampled_from(["A", "OPEN", "Exit 7", "best fresh bread", "999"]))
def test_a_sign_is_premultiplied_and_its_letters_stand_out(seed: int, text: str) -> None:
    board = sign(seed, text)
    assert board.dtype == np.uint8
    assert board.shape[2] == 4
    assert (board[..., :3] <= board[..., 3:]).all()
    solid = board[..., 3] == 255
    assert solid.mean() > 0.85  # at most its corners are cut off
    brightness = board[..., :3].astype(int).sum(-1)[solid]
    assert np.ptp(brightness) > 200
    assert (board == sign(seed, text)).all()


def test_signs_of_two_seeds_differ() -> None:
    assert sign(1).shape != sign(2).shape or (sign(1) != sign(2)).any()


def test_the_text_decides_what_is_drawn() -> None:
    one, other = sign(3, "OPEN"), sign(3, "EXIT")
    assert one.shape != other.shape or (one != other).any()
    widths = [np.mean([sign(seed, text).shape[1] for seed in range(10)]) for text in ("GO", "STOP", "TOMORROW")]
    assert widths == sorted(widths)


def test_several_words_are_sometimes_set_below_each_other() -> None:
    shapes = [sign(seed, "BEST BREAD").shape for seed in range(30)]
    tall = sum(height > 0.45 * width for height, width, _ in shapes)
    assert 3 < tall < 27


@pytest.mark.parametrize("size", [8, 32, 60])
def test_letters_grow_with_the_font(size: int) -> None:
    height, width, _ = sign(0, "WATER", size).shape
    assert size < height < 4 * size
    assert width > 2 * size


@pytest.mark.parametrize("side", [1, 5, 40, 400])
def test_resizing_sets_the_longer_side(side: int) -> None:
    board = sign(1, "LIBRARY")
    resized = sign_to_size(board, side)
    assert max(resized.shape[:2]) == side
    assert min(resized.shape[:2]) >= 1
    assert (resized[..., :3] <= resized[..., 3:]).all()
    if side >= 40:
        ratio = board.shape[1] / board.shape[0]
        assert resized.shape[1] / resized.shape[0] == pytest.approx(ratio, rel=0.1)
