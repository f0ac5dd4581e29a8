"""The pipeline as a run uses it: files in, batches out, the same for any number of processes, faults told."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ferret.errors import TrainingError
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from training.data.packing import PADDING, PackedBatch
from training.data.pipeline import DataPipeline
from training.loop import Draw
from training.tuning.settings import Part, Source, TuneSettings

SIZE = (64, 48)
MakePipeline = Callable[..., DataPipeline]


def record(number: int, image: str | None = None) -> dict[str, Any]:
    """A conversation whose length depends on its number."""
    turns: list[dict[str, str]] = [
        {"from": "human", "value": f"<image>\nWhat is <bbox_location0>{' and why' * (number % 5)}?"},
        {"from": "gpt", "value": f"A dog <bbox_location0>{' that sleeps' * (number % 7)}."},
    ]
    box = [[5, 5, 30 + number % 20, 40]]
    return {
        "id": number, "image": image or f"{number % 6}.png", "image_w": 64, "image_h": 48,
        "conversations": turns, "box_x1y1x2y2": [box, box],
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`grit.json` of 24 conversations about six pictures, `captions.json` of 10, and the pictures."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(6):
        Image.fromarray(rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)).save(tmp_path / f"images/{number}.png")
    (tmp_path / "grit.json").write_text(json.dumps([record(number) for number in range(24)]))
    captions = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(6)],
        "annotations": [{"id": n, "image_id": n % 6, "caption": f"A picture of {n} dogs."} for n in range(10)],
    }
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    return tmp_path


@pytest.fixture
def pipeline(folder: Path, released: FerretProcessor, released_model: FerretForConditionalGeneration) -> MakePipeline:
    """`pipeline(batch=16, ...)`: over both files, for the tiny released checkpoint."""

    def make(*sources: Source, processor: FerretProcessor = released, **changes: Any) -> DataPipeline:
        given = sources or (
            Source(reader="ferret", path=folder / "grit.json", images=folder / "images"),
            Source(reader="captions", path=folder / "captions.json", images=folder / "images", weight=0.5),
        )
        values: dict[str, Any] = {"length": 1200, "batch": 12, "micro_batch": 2, "steps": 3} | changes
        settings = TuneSettings(model="tiny", sources=given, parts=(Part.PROJECTOR,), **values)
        return DataPipeline(settings, processor, released_model.config, folder / "stores")

    return make


def conversations(batches: list[PackedBatch]) -> Counter[tuple[int, tuple[int, ...]]]:
    """The source and the tokens of every conversation of a step."""
    found: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for batch in batches:
        for row in range(len(batch.input_ids)):
            keys = torch.stack([batch.sample[row], batch.thread[row], batch.source[row]], -1)
            for key in keys.unique(dim=0):
                if key[2] != PADDING:
                    found[int(key[2]), tuple(batch.input_ids[row][(keys == key).all(-1)].tolist())] += 1
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_a_step_holds_its_samples(pipeline: MakePipeline, packed: bool) -> None:
    made = pipeline(pack=packed)
    assert made.epoch_length == 24 + 5
    assert made.names == ("ferret", "captions")
    batches = made.micro_batches(Draw(seed=0, size=12, first=0))
    found = conversations(batches)
    assert found.total() == 12
    sources = Counter(place.source for place in made.mixture.places(0, 12))
    assert Counter(source for source, _ in found.elements()) == sources
    assert all(1 <= len(batch.input_ids) <= 2 for batch in batches)
    assert all(batch.input_ids.shape[1] <= 1200 for batch in batches)
    rows = sum(len(batch.input_ids) for batch in batches)
    assert rows < 6 if packed else rows == 12
    assert batches[0].packed == packed


def test_packing_changes_neither_conversations_nor_answers(pipeline: MakePipeline) -> None:
    draw = Draw(seed=0, size=12, first=24)
    packed, padded = (pipeline(pack=pack).micro_batches(draw) for pack in (True, False))
    assert conversations(packed) == conversations(padded)
    assert sum(batch.answer_tokens for batch in packed) == sum(batch.answer_tokens for batch in padded)
    # The pictures that conversations of a step share are looked at once.
    assert sum(len(batch.pixel_values) for batch in packed) <= 6 < sum(len(batch.pixel_values) for batch in padded)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_a_step_is_the_same_for_any_number_of_processes(pipeline: MakePipeline, ranks: int) -> None:
    made = pipeline()
    size = 12 // ranks
    for step in (0, 2, 5):  # the third lies in two epochs
        whole = conversations(made.micro_batches(Draw(seed=0, size=12, first=12 * step)))
        shares: Counter[Any] = Counter()
        for rank in range(ranks):
            shares += conversations(made.micro_batches(Draw(step * ranks + rank, size, 0.5, 12 * step + rank * size)))
        assert shares == whole


def test_a_run_that_goes_on_draws_what_it_would_have(pipeline: MakePipeline) -> None:
    first, second = pipeline(), pipeline()
    first.micro_batches(Draw(seed=1, size=12, first=0))
    for one, other in zip(*(p.micro_batches(Draw(seed=2, size=12, first=12)) for p in (first, second)), strict=True):
        for name, value in one.model_inputs().items():
            assert torch.equal(value, other.model_inputs()[name])
        assert torch.equal(one.labels, other.labels)


def test_the_model_takes_the_batches(pipeline: MakePipeline, released_model: FerretForConditionalGeneration) -> None:
    model: Any = released_model
    for batch in pipeline().micro_batches(Draw(seed=0, size=12, first=0)):
        with torch.inference_mode():
            loss = model(**batch.model_inputs(), labels=batch.labels).loss
        assert torch.isfinite(loss)


def test_a_missing_picture_does_not_stop_a_run(pipeline: MakePipeline, folder: Path) -> None:
    (folder / "images/3.png").unlink()
    (folder / "images/4.png").write_bytes(b"no picture")
    made = pipeline(pack=False)
    kept = sum(conversations(made.micro_batches(Draw(0, 29, first=0))).values())
    drawn = made.report()["drawn"]
    gone = 8 + sum(
        made.stores[1][place.sample].image.name in ("3.png", "4.png")
        for place in made.mixture.places(0, 29)
        if place.source == 1
    )
    assert (kept, drawn["encoded"]) == (29 - gone, 29 - gone)
    assert drawn["left_out"] == {"picture missing or unreadable": gone}
    assert any("3.png' does not exist" in example for example in drawn["examples"])


def test_a_share_of_which_nothing_can_be_used_is_empty(pipeline: MakePipeline, folder: Path) -> None:
    made = pipeline()
    for path in (folder / "images").iterdir():
        path.unlink()
    assert made.micro_batches(Draw(0, 4, first=0)) == []
    assert made.report()["drawn"]["left_out"] == {"picture missing or unreadable": 4}


def test_long_conversations_are_cut_or_left_out_and_told(pipeline: MakePipeline) -> None:
    longest = 64 + max(len(tokens) for _, tokens in conversations(pipeline().micro_batches(Draw(0, 29))))
    made = pipeline(length=longest + 120)
    batches = made.micro_batches(Draw(0, 29))
    drawn = made.report()["drawn"]
    assert 0 < drawn["encoded"] < 29
    assert drawn["encoded"] + drawn["left_out"]["first turn too long"] == 29
    assert max(batch.input_ids.shape[1] for batch in batches) <= longest + 120


def test_a_sample_may_not_be_longer_than_the_models_context(
    pipeline: MakePipeline, folder: Path, released_model: FerretForConditionalGeneration
) -> None:
    """A packed sequence may: positions restart."""
    context = released_model.config.text_config.max_position_embeddings  # type: ignore[union-attr]
    long = record(0) | {"conversations": [
        {"from": "human", "value": "What is <bbox_location0>?"},
        {"from": "gpt", "value": "word " * context + "<bbox_location0>"},
    ]}  # fmt: skip
    (folder / "grit.json").write_text(json.dumps([long, *(record(number) for number in range(60))]))
    source = Source(reader="ferret", path=folder / "grit.json", images=folder / "images")
    made = pipeline(source, length=8 * context, micro_batch=1)
    batches = made.micro_batches(Draw(0, 61))
    assert made.report()["drawn"]["left_out"] == {"first turn too long": 1}
    assert max(batch.input_ids.shape[1] for batch in batches) > context
    assert max(int(batch.position_ids.max()) for batch in batches) < context


def test_reports_and_hashes_go_into_a_run_folder(pipeline: MakePipeline, folder: Path) -> None:
    (folder / "grit.json").write_text(json.dumps([record(0), {"id": 1}, record(2)]))
    made = pipeline()
    report = json.loads(json.dumps(made.report()))
    assert report["sources"]["ferret"]["samples"] == 2
    assert report["sources"]["ferret"]["malformed"] == 1
    assert "grit.json, [1]" in report["sources"]["ferret"]["examples"][0]
    before = made.hashes()
    assert set(before) == {"ferret", "captions"}
    (folder / "grit.json").write_text(json.dumps([record(0)]))
    after = pipeline().hashes()
    assert after["captions"] == before["captions"]
    assert after["ferret"] != before["ferret"]


def test_sources_of_one_reader_have_names_of_their_own(pipeline: MakePipeline, folder: Path) -> None:
    (folder / "other").mkdir()
    paths = [folder / "grit.json", folder / "more.json", folder / "other" / "grit.json"]
    for path in paths[1:]:
        path.write_text((folder / "grit.json").read_text())
    sources = [Source(reader="ferret", path=path, images=folder / "images") for path in paths]
    captions = Source(reader="captions", path=folder / "captions.json", images=folder / "images")
    names = pipeline(*sources, captions).names
    assert names == ("ferret:grit#1", "ferret:more", "ferret:grit#2", "captions")


@pytest.mark.parametrize(
    ("content", "images", "changes", "message"),
    [
        ([], "images", {}, "grit.json' holds nothing to train on for 'ferret': 0 record"),
        ([{"id": 1}], "images", {}, "1 malformed, the first: .*grit.json, \\[0\\]"),
        ([record(0)], "elsewhere", {}, "none of 1 pictures tried in .*elsewhere' can be read, the first: .*0.png"),
        ([record(n) for n in range(40)], ".", {}, "none of 16 pictures tried"),
        ([record(0)], "images", {"length": 64}, "length of 64 leaves no room"),
        ([record(0)], "images", {"seed": -1}, "seed must be 0 or more"),
    ],
)
def test_what_cannot_train_is_found_out_before_it_begins(
    pipeline: MakePipeline, folder: Path, content: Any, images: str, changes: dict[str, Any], message: str
) -> None:
    (folder / "grit.json").write_text(json.dumps(content))
    source = Source(reader="ferret", path=folder / "grit.json", images=folder / images)
    with pytest.raises(TrainingError, match=message):
        pipeline(source, **changes)


def test_a_processor_of_another_checkpoint_is_refused(pipeline: MakePipeline, nano: FerretProcessor) -> None:
    with pytest.raises(TrainingError, match="takes 49 tokens for a picture but the model 64: "):
        pipeline(processor=nano)
