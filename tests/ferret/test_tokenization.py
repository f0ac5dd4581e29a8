"""The released tokenizer, to the id, and the special tokens of every Ferret tokenizer."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from sentencepiece import SentencePieceProcessor
from transformers import AutoTokenizer

from ferret.errors import WeightsError
from ferret.prompts import REGION_TOKEN
from ferret.tokenization import load_released_tokenizer, special_token

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "misc"
GOLDEN = json.loads((PARITY / "tokenization.json").read_text())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_released_tokenizer(PARITY / "tokenizer")


@pytest.mark.parametrize("case", GOLDEN["plain"], ids=lambda case: repr(case["text"]))
def test_ids_are_those_of_the_released_tokenizer(tokenizer: Any, case: dict[str, Any]) -> None:
    assert tokenizer(case["text"])["input_ids"] == case["ids"]


def test_plain_text_is_segmented_as_sentencepiece_does(tokenizer: Any) -> None:
    reference = SentencePieceProcessor(model_file=str(PARITY / "tokenizer" / "tokenizer.model"))
    draw = random.Random(0)
    for _ in range(500):
        text = "".join(draw.choices("abcdeinorstu  TIAS.,?[]0123456789'\nécat dog man image the object", k=40))
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == reference.encode(text)


def test_it_survives_saving_and_loads_by_the_auto_class(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert all(loaded(case["text"])["input_ids"] == case["ids"] for case in GOLDEN["plain"])
    assert loaded.pad_token == "<unk>"
    assert loaded.padding_side == "right"


def test_decoding_leaves_special_tokens_out(tokenizer: Any) -> None:
    ids = tokenizer("The dog [10, 20, 30, 40] sleeps.</s>")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "The dog [10, 20, 30, 40] sleeps."


@pytest.mark.parametrize(("content", "strips"), [("<region_fea>", True), ("<image>", False), ("</s>", False)])
def test_only_the_region_token_swallows_blanks(content: str, strips: bool) -> None:
    token = special_token(content)
    assert (token.content, token.lstrip, token.rstrip) == (content, strips, strips)
    assert token.special
    assert not token.normalized


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PARITY / "tokenizer", tmp_path / "ferret")
    return tmp_path / "ferret"


def test_ids_of_added_tokens_may_stand_in_the_configuration(folder: Path) -> None:
    (folder / "added_tokens.json").unlink()
    config = {"added_tokens_decoder": {"0": {"content": "<unk>"}, "420": {"content": REGION_TOKEN}}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert load_released_tokenizer(folder).convert_tokens_to_ids(REGION_TOKEN) == 420


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tokenizer.model", None, "does not exist"),
        ("tokenizer.model", "no model", "not a SentencePiece model"),
        ("added_tokens.json", "{", "is damaged"),
        ("added_tokens.json", '["<region_fea>"]', "is damaged"),
        ("added_tokens.json", '{"<region_fea>": 425}', "not the next free id"),
        ("added_tokens.json", None, "adds no '<region_fea>' token"),
    ],
)
def test_damaged_folders(folder: Path, name: str, content: str | None, words: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(WeightsError, match=words):
        load_released_tokenizer(folder)
