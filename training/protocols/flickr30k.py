"""Flickr30k Entities: where are the things that a sentence names? Merged boxes, R@1 (ferret-spec 4).

    file = Path("final_flickr_mergedGT_test.json")
    benchmark = read_flickr30k(file, images=Path("flickr30k-images"), report=Report())
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
from training.protocols.answers import box_fault, plain_phrase
from training.protocols.published import published
from training.protocols.questions import Benchmark, Protocol, SizedQuestion, gathered, named_split
from training.protocols.result import Metric, Result, percent
from training.readers.mdetr import Entity, Sentence, Span, SpanList, locations_question, span_in
from training.readers.records import checked_rows, indexed_rows, load_tables
from training.readers.report import Report

IOU_THRESHOLD = 0.5
RANKS = {"R@1": 1, "R@5": 5, "R@10": 10, "upper bound": None}
"""How many boxes of a phrase are looked at; None is all of them."""

_FILE = re.compile(r"final_flickr_mergedGT_(val|test)\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlickrQuestion(SizedQuestion):
    """A question for one sentence: its phrases, and the one true box of each, in pixels."""

    phrases: tuple[str, ...]
    boxes: tuple[Box, ...]


class _Sentence(Sentence):
    """`tokens_positive_eval` holds for each phrase that is asked for its spans of characters."""

    tokens_positive_eval: list[list[SpanList]]


def read_flickr30k(path: Path, *, images: Path, report: Report) -> Benchmark[FlickrQuestion]:
    """The questions of a file, one for each sentence that has a phrase with a box; the others are left out, counted.

    Malformed too: a sentence with a phrase that has no words or no box, and a box of no sentence.

    Raises:
        TrainingError: the file cannot be read, has another name, or nothing in it can be asked.
    """
    named = named_split(path, _FILE, "Flickr30k", "final_flickr_mergedGT_test.json or _val")
    rows, entities = load_tables(path, "images", "annotations")
    sentences = indexed_rows(path, "images", rows, _Sentence, report)
    boxes: dict[tuple[int, Span], list[Box]] = {}
    for where, entity in checked_rows(path, "annotations", entities, Entity, report):
        if entity.image_id not in sentences:
            report.refuse(path, where, f"refers to {entity.image_id} of images, where there is no sound entry")
            continue
        x, y, width, height = entity.bbox
        for start, end in entity.tokens_positive:
            boxes.setdefault((entity.image_id, (start, end)), []).append(Box(x, y, x + width, y + height))
    questions = []
    for number, sentence in sentences.items():
        if not sentence.tokens_positive_eval:
            report.leave_out("sentence without a phrase")
            continue
        try:
            truths = [_truth(sentence, spans, boxes) for spans in sentence.tokens_positive_eval]
        except TrainingError as error:
            report.refuse(path, f"images, id {number}", error)
            continue
        report.use()
        phrases = tuple(phrase for phrase, _ in truths)
        questions.append(
            FlickrQuestion(
                image=images / sentence.file_name,
                text=locations_question(phrases),
                phrases=phrases,
                boxes=tuple(box for _, box in truths),
                width=sentence.width,
                height=sentence.height,
            )
        )
    return gathered("flickr30k", named[1], questions, report)


def _truth(sentence: _Sentence, spans: list[list[int]], boxes: dict[tuple[int, Span], list[Box]]) -> tuple[str, Box]:
    """A phrase in small letters, and its one box."""
    places = [span_in(sentence.caption, start, end) for start, end in spans]
    phrase = " ".join(sentence.caption[start:end] for start, end in places).lower().strip()
    found = [box for place in places for box in boxes.get((sentence.id, place), [])]
    if not found:
        raise TrainingError(f"the phrase {phrase!r} at {spans} has no box")
    return phrase, _around(found)


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


FLICKR30K = Protocol(
    score_flickr30k,
    unasked="counts as an answer without boxes: all its phrases are missed",
    unasked_counts=True,
    fault=lambda question, answer: box_fault(answer, question.width, question.height),
)
