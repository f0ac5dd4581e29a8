"""Samples as tokens: the released labels and ids, every template, whole turns cut, everything left out counted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from ferret.errors import TrainingError
from ferret.processing import FerretProcessor
from ferret.prompts import IMAGE_TOKEN, TEMPLATES, place_regions
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble
from training.data.encoding import IGNORED, Encoded, SampleEncoder, share_images
from training.data.encoding_report import EncodingReport, Reason
from training.data.pictures import Pictures
from training.readers import READERS, Report, Sample, Turn

PARITY = Path(__file__).parents[2] / "fixtures" / "parity" / "misc"
LABELS = json.loads((PARITY / "training_labels.json").read_text())
DATASET = json.loads((PARITY / "dataset.json").read_text())
SIZE = (60, 40)
BOX, OTHER = Box(10, 5, 30, 25), Box(0, 0, 60, 40)

MakeSample = Callable[..., Sample]
MakeEncoder = Callable[..., SampleEncoder]
Processors = dict[str, FerretProcessor]
TURNS = (
    Turn("What is <region2> beside <region1>?", "a dog <box1>.", (BOX, Point(3, 4)), boxes=(BOX,)),
    Turn("Where?", "Here <box2>, not <box1>: naïve 你好", boxes=(BOX, OTHER)),
    Turn("And", "ok", (Scribble(((1, 1), (20, 20))),)),
)


def shape() -> Mask:
    array = np.zeros(SIZE[::-1], dtype=np.bool_)
    array[8:30, 5:20] = True
    return Mask(array)


def expanded(values: list[int], ids: list[int], count: int, fill: int) -> list[int]:
    """Recorded ids have one token for the picture, ours one for each of its vectors."""
    at = ids.index(-200)
    return values[:at] + [fill] * count + values[at + 1 :]


def learned(processor: FerretProcessor, encoded: Encoded) -> str:
    ids = encoded.labels[encoded.labels != IGNORED]
    return str(processor.tokenizer.decode(ids, skip_special_tokens=False))


# -- parity with the released training ---------------------------------------------------------------------------------


def recorded_turns(case: int) -> tuple[Turn, ...]:
    """The recorded conversation, its regions taken out of the text: they are written in again when it is encoded."""
    texts = [message["value"].removeprefix("<image>\n") for message in LABELS[case]["conversations"]]
    regions: tuple[tuple[Region, ...], ...] = ((Point(1, 2),),) if case == 0 else ((), (Box(7, 8, 9, 10),), ())
    written = ("[1, 2] <region_fea>", "[7, 8, 9, 10] <region_fea>")[case]
    return tuple(
        Turn(question.replace(written, "<region1>"), answer, given)
        for question, answer, given in zip(texts[::2], texts[1::2], regions, strict=True)
    )


@pytest.mark.parametrize("case", [0, 1])
def test_recorded_labels_to_the_id(
    case: int, processors: Processors, encoder: MakeEncoder, picture: Callable[..., Path]
) -> None:
    one = Sample("a", "1", picture("square.png", 1000, 1000), (1000, 1000), recorded_turns(case))
    (encoded,) = encoder(processors["ferret_v1"]).encode([one], [0])
    ids, labels = LABELS[case]["input_ids"], LABELS[case]["labels"]
    assert encoded.ids.tolist() == expanded(ids, ids, 4, -200)
    assert encoded.labels.tolist() == expanded(labels, ids, 4, IGNORED)


@pytest.mark.parametrize(
    ("case", "kind", "masks"), [("mask_s0", Box, True), ("mask_s1", Point, True), ("nomask_s0", Box, False)]
)
def test_recorded_samples_to_the_id_and_the_pixel(
    case: str, kind: type[Any], masks: bool, processors: Processors, encoder: MakeEncoder, tmp_path: Path
) -> None:
    record = {name: value for name, value in DATASET["sample"].items() if masks or name != "masks"}
    (tmp_path / "grit.json").write_text(json.dumps([record]))
    read = READERS["ferret"].read
    one = next(
        found
        for seed in range(20)
        for found in read(tmp_path / "grit.json", images=PARITY, report=Report(), seed=seed)
        if isinstance(found.turns[0].regions[0], kind)
    )
    processor = processors["ferret_v1"]
    (encoded,) = encoder(processor).encode([one], [0])
    result = next(result for result in DATASET["results"] if result["case"] == case)
    ids, labels = result["input_ids"], result["labels"]
    assert encoded.ids.tolist() == expanded(ids, ids, 4, -200)
    assert encoded.labels.tolist() == expanded(labels, ids, 4, IGNORED)
    masks_wh = load_file(PARITY / "dataset_masks.safetensors")
    for index, points in enumerate(encoded.points):
        x, y = np.rint(points.numpy() * np.array([70, 50])).astype(int).T
        inside = masks_wh[f"{case}_region{index}_wh"] != 0
        assert inside[x, y].all()
        assert len({*zip(x, y, strict=True)}) == min(int(inside.sum()), 16)


# -- every template ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES)
def test_ids_are_those_of_the_processor(
    template: str, processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    """Training reads what inference does: the whole conversation, and every open prompt on the way, token by token."""
    processor = processors[template]
    conversation = processor.conversation
    (encoded,) = encoder(processor).encode([sample(*TURNS)], [0])
    released = conversation.released_coordinates
    texts: list[str | None] = []
    for turn in TURNS:
        texts.append(place_regions(turn.question, turn.regions, [SIZE], released=released).text)
        texts.append(turn.answer_text(*SIZE, released=released))
    texts[0] = f"{IMAGE_TOKEN}\n{texts[0]}"
    assert encoded.ids.tolist() == processor.tokenize(conversation.render(texts))
    for answer in (1, 3, 5):
        prompt = processor.tokenize(conversation.render([*texts[:answer], None]))
        assert encoded.ids[: len(prompt)].tolist() == prompt
        assert encoded.labels[len(prompt) - 1] == IGNORED
        assert encoded.labels[len(prompt)] == encoded.ids[len(prompt)]
    before = processor.tokenize(conversation.prompt("").split(IMAGE_TOKEN)[0])
    assert encoded.prefix == len(before) + processor.num_image_tokens


@pytest.mark.parametrize("template", TEMPLATES)
def test_answers_and_what_ends_them_are_learned_and_nothing_else(
    template: str, processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    processor = processors[template]
    end = processor.conversation.answer[1]
    turns = (Turn("What is it?", "a man [1, 2]."), Turn("Where is it?", "on a box"))
    (encoded,) = encoder(processor).encode([sample(*turns)], [0])
    text = learned(processor, encoded).replace(" ", "")  # the tokenizer of nano splits at blanks and forgets them
    assert text.split(end) == ["aman[1,2].", "onabox", ""]
    where = encoded.labels != IGNORED
    assert (encoded.labels[where] == encoded.ids[where]).all()
    stop = processor.tokenizer.convert_tokens_to_ids(processor.conversation.stop)
    assert (encoded.labels == stop).sum() == 2


def test_a_prompt_is_the_same_alone_or_among_others(
    processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    samples = [sample(turn) for turn in TURNS] + [sample(*TURNS)]
    for processor in processors.values():
        together = encoder(processor).encode(samples, [0, 1, 2, 3])
        for number, one in enumerate(samples):
            (alone,) = encoder(processor).encode([one], [number])
            assert together[number].ids.tolist() == alone.ids.tolist()
            assert together[number].labels.tolist() == alone.labels.tolist()
            assert torch.equal(together[number].points, alone.points)
            assert together[number].sources == (number,)


# -- regions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["ferret_v1", "ferret_nano"])
def test_points_are_those_of_the_processor_in_the_order_of_the_tokens(
    template: str, processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    processor = processors[template]
    regions = (BOX, Point(3, 4), shape(), Polygon(((1, 1), (50, 2), (20, 39))), Scribble(((2, 3), (40, 30))))
    turn = Turn("<region3> <region1> <region3>", "a", regions)  # the others are appended
    (encoded,) = encoder(processor).encode([sample(turn, Turn("<region1>", "b", (OTHER,)))], [0])
    order: list[Region] = [regions[place] for place in (2, 0, 2, 1, 3, 4)] + [OTHER]
    assert torch.equal(encoded.points, torch.stack([processor.region_points(region, *SIZE) for region in order]))
    assert encoded.points.dtype == torch.float32
    assert (encoded.ids == processor.region_token_id).sum() == 7


def test_regions_are_cut_to_what_they_lie_on(processors: Processors, encoder: MakeEncoder, sample: MakeSample) -> None:
    turn = Turn("<region1> <region2>", "a", (OTHER, Point(19, 10)), (shape(), None))
    (encoded,) = encoder(processors["ferret_v1"]).encode([sample(turn)], [0])
    x, y = (encoded.points * torch.tensor(SIZE)).round().long().unbind(-1)
    assert shape().array[y[0], x[0]].all()
    assert not shape().array[y[1], x[1]].all()


def test_a_conversation_without_regions(processors: Processors, encoder: MakeEncoder, sample: MakeSample) -> None:
    (encoded,) = encoder(processors["ferret_v1"]).encode([sample(TURNS[1])], [0])
    assert encoded.points.shape == (0, 16, 2)


def test_a_record_without_size_takes_the_pictures(
    processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    told, untold = encoder(processors["ferret_v1"]).encode([sample(*TURNS), sample(*TURNS, size=None)], [0, 0])
    assert told.ids.tolist() == untold.ids.tolist()
    assert told.size == untold.size == SIZE


@pytest.mark.parametrize("size", [(120, 80), (600, 400), (30, 20), (599, 400), (61, 40)])
def test_a_picture_that_was_scaled_keeps_its_regions(
    size: tuple[int, int], processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    (encoded,) = encoder(processors["ferret_nano"]).encode(
        [sample(Turn("q <region1>", "a", (Point(5, 5),)), size=size)], [0]
    )
    assert encoded.size == size
    assert encoded.points.mean(dim=(0, 1)).tolist() == pytest.approx([5 / size[0], 5 / size[1]], abs=0.1)


# -- too long ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES)
def test_whole_turns_are_cut_from_the_end_with_their_regions(
    template: str, processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    processor = processors[template]
    prefixes = [encoder(processor).encode([sample(*TURNS[:turns])], [0])[0] for turns in (1, 2, 3)]
    lengths = [len(encoded) for encoded in prefixes]
    for length in (exact + over for exact in lengths for over in (-1, 0, 1)):
        made = encoder(processor, length)
        encoded = made.encode([sample(*TURNS)], [0])
        turns = sum(fits <= length for fits in lengths)
        assert made.report.encoded == bool(turns)
        assert made.report.left_out[Reason.LENGTH] == (not turns)
        assert (made.report.cut, made.report.turns_cut) == (turns in (1, 2), 3 - turns if turns else 0)
        if turns:
            assert encoded[0].ids.tolist() == prefixes[turns - 1].ids.tolist()
            assert encoded[0].labels.tolist() == prefixes[turns - 1].labels.tolist()
            assert torch.equal(encoded[0].points, prefixes[turns - 1].points)


def test_the_length_counts_the_pictures_tokens(processors: Processors, encoder: MakeEncoder) -> None:
    prefix = len(processors["ferret_nano"].tokenize("USER: ")) + 49
    with pytest.raises(TrainingError, match=f"alone take {prefix} tokens"):
        encoder(processors["ferret_nano"], prefix)
    encoder(processors["ferret_nano"], prefix + 1)


# -- left out ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "reason", "detail"),
    [
        (Turn("<region1>", "a", (Box(10, 5, 61, 25),)), Reason.REGION, "outside its image of 60x40"),
        (Turn("<region1>", "a", (Box(10, 5, 10, 25),)), Reason.REGION, "no area"),
        (Turn("<region1>", "a", (Mask(np.ones((4, 4), np.bool_)),)), Reason.REGION, "mask is 4x4"),
        (Turn("<region1>", "a", (Point(50, 35),), (shape(),)), Reason.REGION, "covers no pixel"),
        (Turn("<region1>", "a", (BOX,), (Box(float("nan"), 0, 1, 1),)), Reason.REGION, "not a finite number"),
        (Turn("<region1>", "a", (Box(1, 1, 2, 2, image=1),)), Reason.REGION, "image 2"),
        (Turn("q \ud800", "a"), Reason.TEXT, "half of a character"),
        (Turn("q", "\udfff"), Reason.TEXT, "half of a character"),
        (Turn("word " * 4000, "a"), Reason.LENGTH, "2048 are allowed"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(
    turn: Turn, reason: Reason, detail: str, processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    made = encoder(processors["ferret_v1"])
    good = sample(*TURNS, image="b.png")
    encoded = made.encode([good, sample(turn), good], [0, 1, 2])
    assert [one.sources for one in encoded] == [(0,), (2,)]
    assert made.report.left_out == {reason: 1}
    assert made.report.encoded == 2
    assert detail in str(made.report.examples[0])
    assert "about a.png" in str(made.report.examples[0])


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_picture_that_cannot_be_read_does_not_stop_the_others(
    content: bytes | None, processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    bad, good = sample(*TURNS, image="bad.png"), sample(*TURNS, image="good.png")
    if content is None:
        bad.image.unlink()
    else:
        bad.image.write_bytes(content)
    made = encoder(processors["ferret_v1"])
    assert len(made.encode([bad, good], [0, 0])) == 1
    assert made.report.left_out == {Reason.PICTURE: 1}
    assert made.encode([bad], [0]) == []


@pytest.mark.parametrize("size", [(40, 60), (60, 60), (60, 35)])
def test_a_picture_of_another_shape_than_told_is_left_out(
    size: tuple[int, int], processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    made = encoder(processors["ferret_v1"])
    assert made.encode([sample(Turn("q", "a"), size=size)], [0]) == []
    assert made.report.left_out == {Reason.SIZE: 1}


@settings(max_examples=40)
@given(text=st.text(st.sampled_from("<>/|s regionfmaxt_e"), max_size=40))
@pytest.mark.parametrize("template", ["ferret_nano", "ferret_llama_3"])
def test_no_text_can_stand_for_a_picture_or_a_region(template: str, text: str) -> None:
    """Whatever is written, what comes through has one picture and as many region tokens as regions."""
    processor, made, path = _kept(template)
    samples = [
        Sample("a", "1", path, None, (Turn(f"q {words}", f"a {words}", (BOX,)),))
        for words in (text, f"<<<{text}image>>>", f"<<<region_fea>>>{text}")
    ]
    for one in made.encode(samples, [0] * len(samples)):
        assert (one.ids == processor.image_token_id).sum() == processor.num_image_tokens
        assert (one.ids == processor.region_token_id).sum() == len(one.points) == 1


_KEPT: dict[str, tuple[FerretProcessor, SampleEncoder, Path]] = {}


def _kept(template: str) -> tuple[FerretProcessor, SampleEncoder, Path]:
    """Property tests make many samples: of one encoder, about one picture, which is read once."""
    return _KEPT[template]


@pytest.fixture(autouse=True, scope="module")
def _keep(processors: Processors) -> None:
    path = PARITY / "dataset_image.png"
    for name, processor in processors.items():
        _KEPT[name] = processor, SampleEncoder(processor, 2048, Pictures(processor.image_processor)), path


# -- the report --------------------------------------------------------------------------------------------------------


def test_a_sample_that_fails_again_is_counted_again_and_told_once(
    processors: Processors, encoder: MakeEncoder, sample: MakeSample
) -> None:
    made = encoder(processors["ferret_v1"])
    bad = sample(Turn("<region1>", "a", (Box(10, 5, 99, 25),)))
    for _ in range(3):
        made.encode([bad], [0])
    assert made.report.left_out == {Reason.REGION: 3}
    assert len(made.report.examples) == 1
    as_json = json.loads(json.dumps(made.report.as_json()))
    assert as_json["left_out"] == {Reason.REGION.value: 3}
    assert as_json["examples"][0].startswith("ferret about a.png: box")


def test_only_so_many_examples_are_kept() -> None:
    report = EncodingReport(keep=2)
    for number in range(5):
        report.leave_out(Sample("a", str(number), Path("a.png"), None, ()), Reason.PICTURE, "is gone")
    assert [example.id for example in report.examples] == ["0", "1"]
    assert report.left_out.total() == 5


# -- sharing -----------------------------------------------------------------------------------------------------------


def flat(name: str, prefix: int, tail: int, source: int = 0) -> Encoded:
    """A conversation of `tail` tokens about the picture of that name."""
    ids = np.concatenate([np.arange(prefix), 1000 + 100 * source + np.arange(tail)])
    return Encoded(
        ids, ids + 1, np.repeat([0, 1], [prefix, tail]), torch.full((source % 3, 4, 2), float(source)),
        Path(name), SIZE, (source,),
    )  # fmt: skip


def test_conversations_about_one_picture_share_it() -> None:
    first, second, third = flat("a", 5, 3, 1), flat("b", 5, 2, 2), flat("a", 5, 4, 5)
    shared, alone = share_images([first, second, third], 100)
    assert alone is second
    assert shared.ids.tolist() == [0, 1, 2, 3, 4, 1100, 1101, 1102, 1500, 1501, 1502, 1503]
    assert shared.labels.tolist() == (shared.ids + 1).tolist()
    assert shared.thread.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert shared.positions.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 8]
    assert shared.points[:, 0, 0].tolist() == [1, 5, 5]
    assert shared.sources == (1, 5)
    assert shared.prefix == 5


@given(
    conversations=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), max_size=25),
    length=st.integers(40, 80),
)
def test_sharing_keeps_everything_and_the_length(conversations: list[tuple[str, int]], length: int) -> None:
    encoded = [flat(name, 10, tail, number) for number, (name, tail) in enumerate(conversations)]
    shared = share_images(encoded, length)
    assert all(len(one) <= length for one in shared)
    assert sorted(source for one in shared for source in one.sources) == list(range(len(encoded)))
    for one in shared:
        assert one.ids[: one.prefix].tolist() == list(range(10))
        for thread, source in enumerate(one.sources, 1):
            mine, original = one.thread == thread, encoded[source]
            assert one.ids[mine].tolist() == original.ids[10:].tolist()
            assert one.labels[mine].tolist() == original.labels[10:].tolist()
            assert one.positions[mine].tolist() == original.positions[10:].tolist()
            assert original.image == one.image
        assert torch.equal(one.points, torch.cat([encoded[source].points for source in one.sources]))
    for name in "abc":  # no two of a picture's groups would fit into one
        sizes = sorted(len(one) for one in shared if one.image == Path(name))
        assert len(sizes) < 2 or sizes[0] + sizes[1] - 10 > length
