"""The engine against the plain way of doing the same, with a small model of random weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ferret import engine as engine_module
from ferret.checkpoints import load_model, load_processor
from ferret.engine import Engine, Prompt, find_weights, listening
from ferret.errors import RegionError, RequestError, WeightsError
from ferret.images import load_image
from ferret.regions import Box, Point, Polygon

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "model"

PROMPTS = [
    Prompt("What is the object <region1> and the object <region2>?", (Box(20, 20, 80, 70), Point(100, 50))),
    Prompt("where is the man?"),
    Prompt("What is this?", (Polygon(((10, 10), (90, 20), (40, 80))),)),
    Prompt(
        "Is <region2> the same as <region1>, in this image and in the other image?", (Point(9, 9), Box(1, 2, 60, 70))
    ),
]


@pytest.fixture(scope="module")
def parts() -> tuple[object, object]:
    model = load_model(PARITY / "checkpoint", vision_tower=PARITY / "clip")
    return model, load_processor(PARITY / "checkpoint", model.config)


@pytest.fixture
def engine(parts: tuple[object, object]) -> Engine:
    return Engine(*parts)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return load_image(PARITY / "image0.png")


def plainly(engine: Engine, picture: Image.Image, prompt: Prompt, tokens: int) -> tuple[list[int], list[float]]:
    """Greedy decoding of one prompt through processor and model, without cache, batch or padding."""
    processor = engine.processor
    text, regions = processor.refer(prompt.question, prompt.regions, [picture.size])
    inputs = processor(images=picture, text=processor.conversation.prompt(text), regions=regions or None)
    ids, logprobs = inputs["input_ids"], []
    with torch.inference_mode():
        for _ in range(tokens):
            logits = engine.model(**(inputs | {"input_ids": ids, "attention_mask": torch.ones_like(ids)})).logits[0, -1]
            best = logits.log_softmax(-1).max(-1)
            ids = torch.cat([ids, best.indices.view(1, 1)], dim=1)
            logprobs.append(float(best.values))
    return ids[0, -tokens:].tolist(), logprobs


def test_a_batch_gives_what_the_model_gives_plainly(engine: Engine, picture: Image.Image) -> None:
    """The shared prefix, the padding between it and shorter questions, and the batched regions change nothing."""
    answers = engine.answer(picture, PROMPTS, max_new_tokens=6)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        ids, logprobs = plainly(engine, picture, prompt, 6)
        assert list(answer.token_ids) == ids
        assert answer.logprobs == pytest.approx(logprobs, abs=1e-3)
        assert answer.confidence == pytest.approx(float(np.exp(np.mean(logprobs))), abs=1e-3)
        assert not answer.complete
        assert answer.text == engine.processor.tokenizer.decode(ids, skip_special_tokens=True).strip()


def test_answers_end_at_the_stop_token_each_for_itself(engine: Engine, picture: Image.Image) -> None:
    free = engine.answer(picture, PROMPTS, max_new_tokens=8)
    stop = free[0].token_ids[3]
    engine._stop_ids = frozenset({stop})
    for prompt, before, answer in zip(PROMPTS, free, engine.answer(picture, PROMPTS, max_new_tokens=8), strict=True):
        ids = before.token_ids
        expected = ids[: ids.index(stop)] if stop in ids else ids
        assert answer.token_ids == expected
        assert answer.complete == (stop in ids)
        assert len(answer.logprobs) == len(expected)
        assert (answer.confidence == 0.0) == (not expected)
        assert "".join(engine.stream(picture, prompt, max_new_tokens=8)) == answer.text


def test_the_same_request_gives_the_same_bytes(parts: tuple[object, object], picture: Image.Image) -> None:
    first = Engine(*parts).answer(picture, PROMPTS, max_new_tokens=5)  # type: ignore[arg-type]
    second = Engine(*parts).answer(picture, PROMPTS, max_new_tokens=5)  # type: ignore[arg-type]
    assert first == second


def test_a_listener_hears_every_answer_of_a_batch_in_pieces(engine: Engine, picture: Image.Image) -> None:
    heard: list[tuple[Prompt, str]] = []

    def listener(image: Image.Image, prompt: Prompt, piece: str) -> None:
        assert image is picture
        heard.append((prompt, piece))

    with listening(listener):
        answers = engine.answer(picture, PROMPTS, max_new_tokens=8)
    told = ["".join(piece for asked, piece in heard if asked is prompt) for prompt in PROMPTS]
    assert told == [answer.text for answer in answers]
    # Side by side: the first answer is not complete when the second begins.
    order = [PROMPTS.index(prompt) for prompt, _ in heard]
    assert order != sorted(order)
    heard.clear()
    assert engine.answer(picture, PROMPTS, max_new_tokens=8) == answers
    assert heard == []


def test_what_a_listener_raises_ends_the_answering(engine: Engine, picture: Image.Image) -> None:
    def listener(*_: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), listening(listener):
        engine.answer(picture, PROMPTS[:1], max_new_tokens=8)
    assert engine.answer(picture, PROMPTS[:1], max_new_tokens=2)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_stream_is_the_answer_in_pieces(prompt: Prompt, engine: Engine, picture: Image.Image) -> None:
    pieces = list(engine.stream(picture, prompt, max_new_tokens=12))
    assert len(pieces) > 1
    assert all(pieces)
    assert "".join(pieces) == engine.answer(picture, [prompt], max_new_tokens=12)[0].text


def test_scores_are_log_probabilities(engine: Engine, picture: Image.Image) -> None:
    prompt = PROMPTS[0]
    words = ["a dog", "cat", "a man and a cat [1, 2, 3, 4]."]
    scores = engine.score(picture, prompt, words)
    processor = engine.processor
    text, regions = processor.refer(prompt.question, prompt.regions, [picture.size])
    plain = processor.tokenize(processor.conversation.prompt(text))
    for word, score in zip(words, scores, strict=True):
        inputs = processor(images=picture, text=f"{processor.conversation.prompt(text)} {word}", regions=regions)
        ids = inputs["input_ids"][0]
        with torch.inference_mode():
            logprobs = engine.model(**inputs).logits[0].log_softmax(-1)
        expected = sum(float(logprobs[place - 1, ids[place]]) for place in range(len(plain), len(ids)))
        assert score == pytest.approx(expected, abs=1e-3)
    assert engine.score(picture, prompt, []) == []
    assert engine.score(picture, prompt, words[:1]) == pytest.approx(scores[:1], abs=1e-3)


def test_a_picture_is_encoded_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = Engine._encode

    def counted(self: Engine, image: Image.Image) -> object:
        encoded.append(int(np.asarray(image)[0, 0, 0]))
        return encode(self, image)

    monkeypatch.setattr(Engine, "_encode", counted)
    engine.pictures = 2
    pictures = [Image.new("RGB", (30, 20), (shade, 0, 0)) for shade in range(3)]
    for picture in (pictures[0], pictures[0].copy(), pictures[1], pictures[0], pictures[2], pictures[0], pictures[1]):
        engine.answer(picture, [Prompt("What is this?", (Point(3, 3),))], max_new_tokens=1)
    assert encoded == [0, 1, 2, 1]  # the second picture had been used least recently when the third came


def test_the_map_is_what_answers_are_given_from(
    engine: Engine, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, (rows, columns) = engine.feature_map(picture)
    pixels = engine.processor.image_processor([picture], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(cells, engine.model.get_image_features(pixels)[0][0].detach())
    assert len(cells) == rows * columns
    monkeypatch.setattr(engine, "_encode", None)  # it is kept
    engine.answer(picture, [Prompt("What is this?")], max_new_tokens=1)


def test_a_batch_over_pictures_gives_what_each_gives_alone(engine: Engine, picture: Image.Image) -> None:
    """Pictures of several sizes, regions on some, questions of several lengths, and a picture that comes back."""
    other = load_image(PARITY / "image1.png")
    images = [picture, other, Image.new("RGB", (200, 90), (9, 90, 200)), other.copy(), picture]
    box = Box(20, 20, 80, 70)
    asked = [*PROMPTS[:3], Prompt("What is this?", (box,)), Prompt("What is this?", (box,))]
    together = engine.answer_each(images, asked, max_new_tokens=6)
    for image, prompt, answer in zip(images, asked, together, strict=True):
        (alone,) = engine.answer(image, [prompt], max_new_tokens=6)
        assert answer.token_ids == alone.token_ids
        assert answer.logprobs == pytest.approx(alone.logprobs, abs=1e-3)
        assert (answer.text, answer.complete) == (alone.text, alone.complete)
    assert together[3].logprobs != together[4].logprobs, "the same region on two pictures is two regions"


def test_a_batch_over_pictures_encodes_each_once_and_leaves_the_kept_ones_as_they_are(
    engine: Engine, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Engine._encode
    encoded: list[Image.Image] = []

    def counted(self: Engine, image: Image.Image) -> object:
        encoded.append(image)
        return encode(self, image)

    monkeypatch.setattr(Engine, "_encode", counted)
    other = load_image(PARITY / "image1.png")
    first = engine.answer(picture, PROMPTS[:1], max_new_tokens=3)
    engine.answer_each([picture, other, picture.copy(), other], [PROMPTS[1]] * 4, max_new_tokens=3)
    assert len(encoded) == 2
    assert engine.answer(picture, PROMPTS[:1], max_new_tokens=3) == first


def test_every_prompt_has_a_picture(engine: Engine, picture: Image.Image) -> None:
    assert engine.answer_each([], []) == []
    with pytest.raises(RequestError, match=r"1 picture\(s\) for 2 prompt"):
        engine.answer_each([picture], PROMPTS[:2])


def test_pictures_and_regions_matter(engine: Engine, picture: Image.Image) -> None:
    other = load_image(PARITY / "image1.png")
    prompt = Prompt("What is this?", (Box(20, 20, 80, 70),))
    moved = Prompt("What is this?", (Box(1, 60, 40, 99),))
    one, two, three = (
        engine.answer(image, [asked], max_new_tokens=3)[0].logprobs
        for image, asked in ((picture, prompt), (other, prompt), (picture, moved))
    )
    assert one != two
    assert one != three


def test_the_image_index_of_a_region_is_not_looked_at(engine: Engine, picture: Image.Image) -> None:
    here, there = (Prompt("What is this?", (Box(20, 20, 80, 70, image=image),)) for image in (0, 3))
    assert engine.answer(picture, [here], 3) == engine.answer(picture, [there], 3)


def test_large_batches_are_cut(engine: Engine, picture: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = engine.answer(picture, PROMPTS, max_new_tokens=3)
    scores = engine.score(picture, PROMPTS[1], ["a", "b", "dog"])
    monkeypatch.setattr(engine_module, "MAX_BATCH", 2)
    cut = engine.answer(picture, PROMPTS, max_new_tokens=3)
    assert [answer.token_ids for answer in cut] == [answer.token_ids for answer in expected]
    assert engine.score(picture, PROMPTS[1], ["a", "b", "dog"]) == pytest.approx(scores, abs=1e-3)
    assert engine.answer(picture, []) == []


@pytest.mark.parametrize(
    ("prompt", "error", "message"),
    [
        (Prompt("  "), RequestError, "the question is empty"),
        (Prompt("What?", (Box(10, 10, 500, 20),)), RegionError, "500"),
        (Prompt("What is <region2>?", (Point(1, 1),)), RegionError, "region2"),
        (Prompt("where " * 3000), RequestError, "make it shorter"),
    ],
)
def test_bad_prompts_are_named(
    prompt: Prompt, error: type[Exception], message: str, engine: Engine, picture: Image.Image
) -> None:
    with pytest.raises(error, match=message):
        engine.answer(picture, [PROMPTS[1], prompt])


def test_an_answer_stops_where_the_model_ends(engine: Engine, picture: Image.Image) -> None:
    length = len(plain_ids(engine, picture, PROMPTS[1]))
    config = engine.model.config.text_config
    before = config.max_position_embeddings
    try:
        config.max_position_embeddings = length + 3
        answer = engine.answer(picture, [PROMPTS[1]], max_new_tokens=50)[0]
    finally:
        config.max_position_embeddings = before
    assert len(answer.token_ids) == 3
    assert not answer.complete


def plain_ids(engine: Engine, picture: Image.Image, prompt: Prompt) -> Sequence[int]:
    text, _ = engine.processor.refer(prompt.question, prompt.regions, [picture.size])
    return engine.processor.tokenize(engine.processor.conversation.prompt(text))


# -- finding weights ---------------------------------------------------------------------------------------------------


def test_a_folder_is_loaded_whole(
    parts: tuple[object, object], engine: Engine, picture: Image.Image, tmp_path: Path
) -> None:
    model, processor = parts
    model.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    processor.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    loaded = Engine.load(tmp_path, device="cpu")
    assert loaded.name == tmp_path.name
    assert loaded.device == torch.device("cpu")
    assert loaded.answer(picture, PROMPTS, 4) == engine.answer(picture, PROMPTS, 4)
    assert Engine.load(str(tmp_path), device="cpu", dtype="bfloat16").model.dtype == torch.bfloat16


def test_embedded_names_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ferret-one", "ferret-two"):
        (tmp_path / "weights" / name).mkdir(parents=True)
        (tmp_path / "weights" / name / "config.json").write_text("{}")
    (tmp_path / "ferret-one").mkdir()
    monkeypatch.setattr(engine_module, "WEIGHTS", tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    assert find_weights("ferret-one") == tmp_path / "weights" / "ferret-one"
    assert find_weights(tmp_path / "weights" / "ferret-two") == tmp_path / "weights" / "ferret-two"
    with pytest.raises(
        WeightsError, match="unknown model 'ferret-ten': the embedded ones are ferret-one, ferret-two; for"
    ):
        find_weights("ferret-ten")
    for name in ("", "x" * 5000, "~nobody-of-that-name/model", "a\0b"):
        with pytest.raises(WeightsError, match="unknown model"):
            find_weights(name)
    with pytest.raises(WeightsError, match=r"holds no model \(no config.json\)"):
        find_weights(tmp_path / "ferret-one")


def test_unknown_weights_are_refused_before_anything_is_loaded() -> None:
    with pytest.raises(WeightsError, match="unknown model 'apple/ferret-7b'"):
        Engine.load("apple/ferret-7b")
