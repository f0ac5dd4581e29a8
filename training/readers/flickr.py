"""Flickr30k Entities as MDETR's `final_flickr_mergedGT_{split}.json` has it: sentences whose phrases have boxes.

Each entry of `images` is one sentence (`caption`) about a picture. Each of `annotations` is a box [x, y, width,
height] with `tokens_positive`, the character spans [[start, end], ...] of the phrases for it. Merged means that all
boxes of a phrase were made one (ferret-spec 4); the file with separate boxes reads as well.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ferret.regions import Box
from training.readers.mdetr import Entity, Sentence, Span, locations_question, span_in
from training.readers.records import checked_rows, entry_of, indexed_rows, load_tables, sides_on_image, spoken
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn, source_text

PHRASES, CAPTIONS = "flickr30k", "flickr30k-captions"


@dataclass(frozen=True)
class _Grounded:
    """A sentence and the boxes of its phrases, in the order in which these end."""

    sentence: Sentence
    phrases: tuple[tuple[Span, tuple[Box, ...]], ...]

    def sample(self, source: str, images: Path, question: str, answer: str) -> Sample:
        boxes = tuple(box for _, its in self.phrases for box in its)
        sentence = self.sentence
        turn = Turn(question, answer, boxes=boxes)
        return Sample(source, str(sentence.id), images / sentence.file_name, sentence.size, (turn,))


def read_flickr_phrases(path: Path, *, images: Path, report: Report) -> Iterator[Sample]:
    """Find every phrase of a sentence, with the released question, phrases in small letters (ferret-spec 4).

    Sentences without any box are left out, and counted.

    Raises:
        TrainingError: the file cannot be read.
    """
    for grounded in _sentences(path, report):
        names = [spoken(grounded.sentence.caption[start:end]).lower() for (start, end), _ in grounded.phrases]
        marks = _marks(grounded)
        answer = ", ".join(f"{name} {mark}" for name, mark in zip(names, marks, strict=True))
        yield grounded.sample(PHRASES, images, locations_question(names), answer)


def read_flickr_captions(path: Path, *, images: Path, report: Report) -> Iterator[Sample]:
    """Say the sentence, with its boxes behind the phrases; the request ends as Ferret-v2's do (ferret-spec 5).

    Sentences without any box are left out, and counted.

    Raises:
        TrainingError: the file cannot be read.
    """
    question = "Describe the image in one sentence. Include the coordinates for each mentioned object."
    for grounded in _sentences(path, report):
        text, start = "", 0
        for (span, _), mark in zip(grounded.phrases, _marks(grounded), strict=True):
            text += f"{source_text(grounded.sentence.caption[start : span[1]])} {mark}"
            start = span[1]
        text += source_text(grounded.sentence.caption[start:])
        yield grounded.sample(CAPTIONS, images, question, " ".join(text.split()))


def _marks(grounded: _Grounded) -> list[str]:
    """`<box1> <box2>`, `<box3>`, ...: the placeholders of each phrase."""
    marks, count = [], 0
    for _, boxes in grounded.phrases:
        marks.append(" ".join(f"<box{count + n}>" for n in range(1, len(boxes) + 1)))
        count += len(boxes)
    return marks


def _sentences(path: Path, report: Report) -> Iterator[_Grounded]:
    """The sentences that have boxes, in the order of the file."""
    captions, boxes = load_tables(path, "images", "annotations")
    sentences = indexed_rows(path, "images", captions, Sentence, report)
    phrases: dict[int, dict[Span, list[Box]]] = {number: defaultdict(list) for number in sentences}
    used: dict[int, int] = dict.fromkeys(sentences, 0)
    for where, entity in checked_rows(path, "annotations", boxes, Entity, report):
        try:
            sentence = entry_of(sentences, entity.image_id, "images")
            box = sides_on_image(entity.bbox, sentence.size)
            spans = [span_in(sentence.caption, start, end) for start, end in entity.tokens_positive]
        except MALFORMED as error:
            report.refuse(path, where, error)
            continue
        used[sentence.id] += 1
        for span in spans:
            phrases[sentence.id][span].append(box)
    for number, sentence in sentences.items():
        found = sorted(phrases[number].items(), key=lambda item: (item[0][1], item[0][0]))
        if not found:
            report.leave_out("sentence without a box")
            continue
        report.use(used[number])
        yield _Grounded(sentence, tuple((span, tuple(its)) for span, its in found))
