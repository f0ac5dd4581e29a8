"""ferret-nano: a tokenizer with a token for every word it needs, and files that the engine reads as training wrote."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import PreTrainedTokenizerFast

from ferret.engine import Engine, Prompt
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from ferret.prompts import get_template, place_regions
from ferret.regions import Box, Mask, Point, Region, Scribble
from training.art import load_art
from training.instructions import TASK_NAMES, Instruction, make_instructions
from training.nano import (
    TEMPLATE,
    WORD_LENGTH,
    name_tokens,
    name_words,
    nano_config,
    nano_tokenizer,
    new_nano,
    number_embeddings,
    number_tokens,
    plural_tokens,
    save_nano,
    to_model_size,
    to_pixels,
)
from training.question_packs import pack_questions
from training.scenes import Scene, category_names
from training.signs import WORDS, random_text
from training.wordings import WORDINGS, all_wordings, word_question, words_of

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>", "<image>", "<region_fea>")
SIZE = (200, 100)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return nano_tokenizer()


@pytest.fixture(scope="module")
def model() -> FerretForConditionalGeneration:
    torch.manual_seed(0)
    return new_nano().eval()


@pytest.fixture(scope="module")
def folder(model: FerretForConditionalGeneration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("weights") / "new" / "ferret-nano"
    save_nano(model, place)
    return place


@pytest.fixture(scope="module")
def processor(folder: Path) -> FerretProcessor:
    loaded = FerretProcessor.from_pretrained(folder)
    assert isinstance(loaded, FerretProcessor)
    return loaded


@pytest.fixture
def zoo(draw_scene: Callable[..., Scene]) -> Scene:
    """A scene that every task can ask about."""
    return draw_scene(
        ("dog", (5, 10, 60, 70)),
        ("dog", (70, 40, 110, 95)),
        ("owl", (90, 5, 130, 45)),
        ("sign", (140, 10, 195, 35), "Best bread 42"),
        ("t shirt", (140, 50, 190, 90)),
    )


def squeezed(text: str) -> str:
    return text.replace(" ", "")


# --- the tokenizer ---------------------------------------------------------------------------------------------------


def test_special_tokens_come_first_and_are_never_split(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_ids_to_tokens(list(range(6))) == list(SPECIAL)
    for token in SPECIAL:
        assert tokenizer.tokenize(f"USER{token}:") == ["USER", token, ":"]
    ids = tokenizer("[1, 2] <region_fea> is", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["[", "1", ",", "2", "]", "<region_fea>", "is"]
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<s>", "</s>", "<pad>")
    assert tokenizer("USER")["input_ids"] == [2, *tokenizer("USER", add_special_tokens=False)["input_ids"]]


def test_numbers_are_one_token_each_in_their_order(tokenizer: PreTrainedTokenizerFast) -> None:
    for number in range(1000):
        assert tokenizer.tokenize(str(number)) == [str(number)]
    assert number_tokens().tolist() == list(range(6, 1006))


def test_names_are_whole_words(tokenizer: PreTrainedTokenizerFast) -> None:
    for name in category_names(load_art("train")):
        assert tokenizer.tokenize(name) == words_of(name)
        assert squeezed(tokenizer.decode(tokenizer(name, add_special_tokens=False)["input_ids"])) == squeezed(name)


def test_wordings_are_whole_words(tokenizer: PreTrainedTokenizerFast) -> None:
    for text in all_wordings():
        plain = re.sub(r"\{[a-z0-9]*\}|<region\d+>", " ", text)
        for form in (plain, plain.lower()):
            assert tokenizer.tokenize(form) == words_of(form)
    rng = np.random.default_rng(0)
    for family in WORDINGS:
        for split in ("train", "heldout"):
            for name in ("dog", "scissors", "t shirt", "owl"):
                text = word_question(family, split, rng, name=name, regions=2)
                plain = re.sub(r"<region\d+>", " ", text)
                assert tokenizer.tokenize(plain) == words_of(plain)


def test_words_of_signs_are_whole_words_in_every_case(tokenizer: PreTrainedTokenizerFast) -> None:
    for word in WORDS:
        for form in (word, word.title(), word.lower()):
            assert tokenizer.tokenize(form) == [form]
    for seed in range(100):
        text = random_text(np.random.default_rng(seed))
        assert tokenizer.tokenize(text) == text.split(" ")


@pytest.mark.parametrize("task", TASK_NAMES)
def test_questions_and_answers_round_trip(tokenizer: PreTrainedTokenizerFast, zoo: Scene, task: str) -> None:
    made = make_instructions(zoo, np.random.default_rng(0), 10, {task: 1.0})
    assert made
    for item in made:
        for text in (place_regions(item.question, item.regions, [SIZE]).text, item.answer):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            tokens = tokenizer.convert_ids_to_tokens(ids)
            assert "<unk>" not in tokens
            assert not any(token.startswith("##") for token in tokens)
            assert squeezed(tokenizer.decode(ids)) == squeezed(text)


@settings(max_examples=100)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40))
def test_any_english_text_is_spelled_if_need_be(text: str) -> None:
    tokenizer = nano_tokenizer()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert squeezed(tokenizer.decode(ids)) == text


def test_letters_of_other_alphabets_are_unknown(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("dog 犬 dog") == ["dog", "<unk>", "dog"]


# --- the model -------------------------------------------------------------------------------------------------------


def test_the_model_is_small(model: FerretForConditionalGeneration) -> None:
    assert 4e6 < sum(parameter.numel() for parameter in model.parameters()) < 20e6
    config = nano_config()
    assert config.num_image_tokens == 49
    assert config.sampler_shape.num_points == 128
    assert (config.image_token_id, config.region_token_id) == (4, 5)
    assert model.lm_head.weight is model.get_input_embeddings().weight


def test_numbers_begin_near_their_neighbours(model: FerretForConditionalGeneration) -> None:
    embeddings = number_embeddings(256)
    assert embeddings.shape == (1000, 256)
    assert torch.equal(model.get_input_embeddings().weight[6:1006], embeddings)
    distance = torch.cdist(embeddings, embeddings)
    for step in (1, 3, 10):
        near, far = distance.diagonal(step), distance.diagonal(2 * step)
        assert (near[: len(far)] < far).all()
    others = 0.04 * 16 * WORD_LENGTH
    assert embeddings.norm(dim=-1).mean().item() == pytest.approx(others, rel=0.15)


def test_the_last_layer_begins_by_handing_over_the_box_of_the_token_it_looks_at(
    model: FerretForConditionalGeneration,
) -> None:
    projector, last = model.model.projector, model.model.language_model.layers[-1].self_attn
    box = torch.tensor([0.1004, 0.2004, 0.5004, 0.9904])
    bare = torch.zeros(1, 1, 256)
    with torch.no_grad():
        projector.box.weight.zero_()
        projector.box.bias.copy_(box.logit())
        values = last.v_proj(projector.write_places(bare)).view(4, 64)
        for coordinate, fraction in enumerate(box):
            mine = torch.zeros(4, 64)
            mine[coordinate] = values[coordinate]  # one head looks there, the others at nothing
            said = last.o_proj(mine.flatten()) @ model.get_input_embeddings().weight.T
            assert int(said[6:1006].argmax()) == int(fraction * 1000)


def test_names_are_not_drowned_at_first(model: FerretForConditionalGeneration) -> None:
    ids = torch.tensor([[2, *name_tokens()[0][:20, 0].tolist()]])
    with torch.inference_mode():
        output = model.model.language_model(ids, output_hidden_states=True)
    first, last = output.hidden_states[0][0, 1:], output.hidden_states[-2][0, 1:]
    likeness = torch.nn.functional.normalize(last, dim=-1) @ torch.nn.functional.normalize(first, dim=-1).T
    assert (likeness.argmax(-1) == torch.arange(20)).float().mean() > 0.9  # every name is still most like itself


def test_the_last_layers_begin_by_looking_at_what_is_alike(model: FerretForConditionalGeneration) -> None:
    for layer in model.model.language_model.layers[-2:]:
        assert torch.equal(layer.self_attn.q_proj.weight, layer.self_attn.k_proj.weight)


def test_plurals_are_paired_with_what_they_are_of(tokenizer: PreTrainedTokenizerFast) -> None:
    pairs = {tuple(tokenizer.convert_ids_to_tokens(list(pair))) for pair in plural_tokens()}
    assert {("dogs", "dog"), ("mice", "mouse"), ("leaves", "leaf"), ("engines", "engine")} <= pairs
    words = tokenizer.convert_ids_to_tokens(sorted(name_words()))
    assert {"dog", "dogs", "fire", "engine", "sign"} <= set(words)
    assert not {"a", "the", "[", "is", "no"} & set(words)


def test_names_are_means_of_their_words(tokenizer: PreTrainedTokenizerFast) -> None:
    ids, weights = name_tokens()
    names = category_names(load_art("train"))
    assert ids.shape == weights.shape == (365, max(len(words_of(name)) for name in names))
    torch.testing.assert_close(weights.sum(1), torch.ones(365))
    for name, row, share in zip(names, ids, weights, strict=True):
        assert tokenizer.convert_ids_to_tokens(row[share > 0].tolist()) == words_of(name)


# --- files -----------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_what_was_trained(model: FerretForConditionalGeneration, folder: Path) -> None:
    assert sum(file.stat().st_size for file in folder.iterdir()) < 40e6
    engine = Engine.load(folder, device="cpu")
    loaded = engine.model.state_dict()
    assert loaded.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        wanted = value.half().float() if value.is_floating_point() else value
        assert torch.equal(loaded[name], wanted), name
    assert model.dtype == torch.float32  # saving has left it alone
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8))
    prompts = [Prompt("What is <region1>?", (Box(10, 10, 60, 60),)), Prompt("Where is the dog?")]
    answers = engine.answer(picture, prompts, max_new_tokens=4)
    assert [len(answer.token_ids) for answer in answers] == [4, 4]


def test_the_tokenizer_survives(processor: FerretProcessor, tokenizer: PreTrainedTokenizerFast) -> None:
    loaded = processor.tokenizer
    assert loaded.get_vocab() == tokenizer.get_vocab()
    text = 'USER: Where is [1, 20, 300, 999] <region_fea> "Best BREAD", please?</s>'
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    ids = loaded("ox [1, 20, 300, 999].", add_special_tokens=False)["input_ids"]
    assert loaded.decode(ids) == tokenizer.decode(ids)
    assert processor.template == TEMPLATE
    assert (processor.num_image_tokens, processor.num_region_points) == (49, 128)


def test_pictures_are_seen_in_training_as_later(processor: FerretProcessor) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, shape, np.uint8) for shape in ((224, 224, 3), (100, 320, 3), (400, 37, 3))]
    trained = to_pixels([to_model_size(picture) for picture in pictures])
    asked = processor(images=pictures)["pixel_values"]
    assert trained.shape == (3, 3, 224, 224)
    torch.testing.assert_close(trained, asked, atol=1e-6, rtol=0)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_questions_are_asked_in_training_as_later(processor: FerretProcessor, zoo: Scene, task: str) -> None:
    for item in make_instructions(zoo, np.random.default_rng(1), 6, {task: 1.0}):
        packed = pack_questions([item], SIZE, 500)
        question, regions = processor.refer(item.question, item.regions, [SIZE])
        prompt = processor.conversation.prompt(question)
        asked = processor(images=zoo.image, text=prompt, regions=regions)
        learned = packed.labels != -100
        assert packed.ids[~learned].tolist() == asked["input_ids"][0].tolist()
        assert packed.positions.tolist() == list(range(len(packed.ids)))
        points = torch.stack(packed.points) if packed.points else None
        assert (points is None) == ("region_points" not in asked)
        if points is not None:
            assert torch.equal(points, asked["region_points"])
        # And with the answer it is the whole conversation, to the token that ends it.
        whole = get_template(TEMPLATE).render([f"<image>\n{question}", item.answer])
        assert packed.ids.tolist() == processor.tokenize(whole)
        assert processor.tokenizer.convert_ids_to_tokens(int(packed.ids[-1])) == "</s>"


@pytest.mark.parametrize(
    "region",
    [
        Point(0.5, 0.5),
        Point(199.5, 99.5),
        Box(0, 0, 200, 100),
        Box(13.3, 20.7, 14.1, 21.2),
        Box(150.2, 40.9, 200, 100),
        Scribble(((3.5, 4.5), (80.0, 90.0), (81.0, 20.0))),
        Mask(np.arange(20000).reshape(100, 200) % 7 == 3),
    ],
    ids=lambda region: type(region).__name__,
)
def test_any_region_is_read_in_training_as_later(processor: FerretProcessor, region: Region) -> None:
    item = Instruction("refer", "What is <region1>?", (region,), "a dog")
    packed = pack_questions([item], SIZE, 500)
    question, regions = processor.refer(item.question, [region.checked(*SIZE)], [SIZE])
    asked = processor(text=processor.conversation.prompt(question), regions=regions, sizes=[SIZE])
    assert packed.ids[packed.labels == -100].tolist() == asked["input_ids"][0].tolist()
    assert torch.equal(packed.points[0], asked["region_points"][0])
