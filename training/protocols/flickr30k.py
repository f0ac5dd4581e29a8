"""Flickr30k Entities: where are the things that a sentence names? Merged boxes, R@1 (ferret-spec 4).

    benchmark = read_flickr30k(Path("final_flickr_mergedGT_test.json"), images=Path("flickr30k-images"))
    score_flickr30k(benchmark, answers)["R@1"]

Reads the file that MDETR made of the Entities by the merged-box protocol: all true boxes of a phrase are one box
around them. A sentence is asked about at once. A predicted box counts for a phrase only if the words before it are
that phrase.
MDETR gives entities whose boxes all but coincide (IoU of 0.95) the box of one of them; so does this protocol.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ferret.errors import TrainingError
from ferret.parsing import released_boxes
from ferret.regions import Box, box_iou
from training.protocols.answers import plain_phrase
from training.protocols.published import published
from training.protocols.questions import (
    Benchmark,
    CaptionedImage,
    Question,
    Record,
    named_split,
    picture_path,
    read_json,
)
from training.protocols.result import Metric, Result, percent

IOU_THRESHOLD = 0.5
RANKS = {"R@1": 1, "R@5": 5, "R@10": 10, "upper bound": None}
"""How many boxes of a phrase are looked at; None is all of them."""

_FILE = re.compile(r"final_flickr_mergedGT_(val|test)\.json")
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlickrQuestion(Question):
    """A question for one sentence: its phrases, the one true box of each, and the size of the picture, in pixels."""

    phrases: tuple[str, ...]
    boxes: tuple[Box, ...]
    width: int
    height: int


class _Image(CaptionedImage):
    """A sentence about a picture; `tokens_positive_eval` holds for each phrase its spans of characters."""

    tokens_positive_eval: list[list[_Span]]


class _Annotation(Record):
    """A true box, (left, top, width, height) in pixels, and the spans of the phrases that it belongs to."""

    image_id: int
    bbox: tuple[float, float, float, float]
    tokens_positive: list[_Span]


class _File(Record):
    images: list[_Image]
    annotations: list[_Annotation]


def read_flickr30k(path: Path, *, images: Path) -> Benchmark[FlickrQuestion]:
    """The questions of a file, one for each sentence that has a phrase with a box.

    Raises:
        TrainingError: the file cannot be read, has another name or format, or a phrase has no box or no words.
    """
    named = named_split(path, _FILE, "Flickr30k", "final_flickr_mergedGT_test.json or _val")
    content = read_json(path, _File)
    boxes: dict[tuple[int, _Span], list[Box]] = {}
    for annotation in content.annotations:
        x, y, width, height = annotation.bbox
        for span in annotation.tokens_positive:
            boxes.setdefault((annotation.image_id, span), []).append(Box(x, y, x + width, y + height))
    questions = []
    for entry in content.images:
        where = f"{path}, image {entry.id}"
        phrases, truths = [], []
        for spans in entry.tokens_positive_eval:
            phrase = " ".join(entry.caption[start:end] for start, end in spans).lower().strip()
            found = [box for span in spans for box in boxes.get((entry.id, span), [])]
            if not phrase or not found:
                raise TrainingError(f"{where}: the phrase {phrase!r} at {spans} has no words or no box")
            phrases.append(phrase)
            truths.append(_around(found))
        if phrases:
            questions.append(
                FlickrQuestion(
                    image=picture_path(images, entry.file_name, where),
                    text=f"What are the locations of {', '.join(phrases)}?",
                    phrases=tuple(phrases),
                    boxes=tuple(truths),
                    width=entry.width,
                    height=entry.height,
                )
            )
    return Benchmark("flickr30k", named[1], tuple(questions))


def score_flickr30k(benchmark: Benchmark[FlickrQuestion], answers: Sequence[str]) -> Result:
    """R@1, and R@5, R@10 and R over all boxes: the share of phrases one of whose first boxes fits from an IoU of 0.5.

    Raises:
        TrainingError: there is not one answer for each question.
    """
    fits: list[list[bool]] = []  # for every phrase, whether each box given for it fits
    for question, answer in benchmark.answered(answers):
        given: dict[str, list[Box]] = {}
        for phrase, box in released_boxes(answer, question.width, question.height):
            given.setdefault(plain_phrase(phrase), []).append(box)
        names = [plain_phrase(phrase) for phrase in question.phrases]
        for index, (name, truth) in enumerate(zip(names, question.boxes, strict=True)):
            # "a man" twice in a sentence are two men: the boxes under that name are dealt to them in turn.
            turn, turns = names[:index].count(name), names.count(name)
            fits.append([box_iou(box, truth) >= IOU_THRESHOLD for box in given.get(name, [])[turn::turns]])
    return Result(
        benchmark.name,
        benchmark.split,
        tuple(
            Metric(
                metric,
                percent([any(found[:rank]) for found in fits]),
                len(fits),
                published(benchmark.name, benchmark.split, metric),
            )
            for metric, rank in RANKS.items()
        ),
    )


def _around(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.x1 for box in boxes),
        min(box.y1 for box in boxes),
        max(box.x2 for box in boxes),
        max(box.y2 for box in boxes),
    )
