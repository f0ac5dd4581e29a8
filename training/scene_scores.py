"""How answers about scenes are judged: pure functions from a reply and the truth to a score between 0 and 1.

A `Reply` is what either column of the evaluation said, in one form: the model alone through `ferret.parsing`, the whole
assistant through the answer object of the contract. Names agree up to article, number and case (`ferret.words`); boxes
agree from an IoU of 0.5; every score is per question, so that means have plain standard errors.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferret.masks import decode_rle, mask_iou
from ferret.parsing import parse_answer
from ferret.regions import Box, box_iou
from ferret.words import plural, same_name

IOU_THRESHOLD = 0.5
ERROR = "error"
"""The status of a reply that is no answer: the one that answers raised an error."""
_NUMBER_WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_NUMBER = re.compile(rf"\b(?:\d+|{'|'.join(_NUMBER_WORDS)})\b")
_QUOTED = re.compile(r'["“]([^"”]*)["”]')
_DENIAL = re.compile(
    r"^\W*(?:no\b|there (?:is|are) no\b|there (?:is|are)n't\b|i (?:do not|don't|cannot|can't) see\b|nothing\b)"
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right, as far as the kind of question needs it. `labels` go with `boxes`, in pixels of the scene."""

    name: str = ""
    text: str = ""
    present: bool = True
    boxes: tuple[Box, ...] = ()
    labels: tuple[str, ...] = ()
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered: prose, a status of the contract, the phrases that regions are linked to, and the regions."""

    text: str
    status: str = "answered"
    phrases: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    labels: tuple[str, ...] = ()
    mask: NDArray[np.bool_] | None = None
    read: tuple[str, ...] = ()
    confidence: float = 1.0
    raw: float | None = None
    """What the assistant's checks came to before calibration, where it tells (0..1)."""
    intent: str = ""
    """What the assistant took the question for, several steps joined by "+"; empty where it does not tell."""


def reply_of_model(text: str, width: int, height: int, confidence: float = 1.0) -> Reply:
    """The reply that a model's raw text is, with boxes named by the phrases before them."""
    parsed = parse_answer(text, width, height)
    boxes: list[Box] = []
    labels: list[str] = []
    for span in parsed.spans:
        for index in span.boxes:
            boxes.append(parsed.boxes[index])
            labels.append(span.text)
    linked = {index for span in parsed.spans for index in span.boxes}
    for index, box in enumerate(parsed.boxes):
        if index not in linked:
            boxes.append(box)
            labels.append("")
    status = "not_found" if denies(parsed.text) else "answered"
    phrases = tuple(span.text for span in parsed.spans)
    return Reply(parsed.text, status, phrases, tuple(boxes), tuple(labels), confidence=confidence)


def reply_of_assistant(answer: Mapping[str, Any]) -> Reply:
    """The reply that an answer object of the contract is; regions that the user gave are no part of it."""
    regions = [region for region in answer["regions"] if region["source"] != "user"]
    boxed = [region for region in regions if region["box"] is not None]
    masks = [region["mask"] for region in regions if region["mask"] is not None]
    basis = answer.get("basis") or {"score": None, "intents": ()}
    return Reply(
        text=answer["text"],
        status=answer["status"],
        phrases=tuple(span["text"] for span in answer["spans"]),
        boxes=tuple(Box(*region["box"]) for region in boxed),
        labels=tuple(region["label"] or "" for region in boxed),
        mask=decode_rle(masks[0]) if masks else None,
        # A sign that the user pointed at is read into the user's own region.
        read=tuple(region["text"] for region in answer["regions"] if region["text"]),
        confidence=float(answer["confidence"]),
        raw=basis["score"],
        intent="+".join(basis["intents"]),
    )


# --- what prose says --------------------------------------------------------------------------------------------------


def denies(text: str) -> bool:
    """Whether an answer says that there is none: "There is no dog.", "No, ...", "0 apples", "I do not see ..."."""
    return bool(_DENIAL.match(text.lower())) or re.match(r"^\W*(?:there are )?0\b", text.lower()) is not None


def names_in(text: str, names: Sequence[str]) -> list[str]:
    """The names that a text mentions in singular or plural, in order; of overlapping names the longest counts."""
    found = _name_pattern(tuple(names)).findall(text.lower().replace("-", " "))
    return [_singular(tuple(names))[word] for word in found]


@lru_cache(maxsize=4)
def _singular(names: tuple[str, ...]) -> Mapping[str, str]:
    return {plural(name): name for name in names} | {name: name for name in names}


@lru_cache(maxsize=4)
def _name_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(_singular(names), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


def number_in(text: str) -> int | None:
    """The first number of a text, in digits or in words up to twelve; None if there is none."""
    match = _NUMBER.search(text.lower())
    if match is None:
        return None
    word = match.group()
    return int(word) if word.isdigit() else _NUMBER_WORDS.index(word)


# --- matching and F1 --------------------------------------------------------------------------------------------------


def f1(true_positives: int, predicted: int, actual: int) -> float:
    """Harmonic mean of precision and recall; 1 when there was nothing to find and nothing was claimed."""
    return 2 * true_positives / (predicted + actual) if predicted + actual else 1.0


def match_boxes(
    predicted: Sequence[Box],
    actual: Sequence[Box],
    agree: Callable[[int, int], bool] = lambda _predicted, _actual: True,
    threshold: float = IOU_THRESHOLD,
) -> list[tuple[int, int]]:
    """Pairs (predicted, actual), each used once, best IoU first, none below `threshold`; `agree` may forbid a pair."""
    pairs = [
        (box_iou(one, other), i, j) for i, one in enumerate(predicted) for j, other in enumerate(actual) if agree(i, j)
    ]
    matched: list[tuple[int, int]] = []
    used_predicted: set[int] = set()
    used_actual: set[int] = set()
    for iou, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if iou >= threshold and i not in used_predicted and j not in used_actual:
            matched.append((i, j))
            used_predicted.add(i)
            used_actual.add(j)
    return matched


# --- one score a kind -------------------------------------------------------------------------------------------------


def score_refer(reply: Reply, truth: Truth, names: Sequence[str]) -> float:
    """1 if the first thing named is the right one: the first linked phrase, else the first known name in the prose."""
    if any(same_name(said, truth.name) for said in (reply.text, *reply.phrases[:1])):
        return 1.0
    return float(names_in(reply.text, names)[:1] == [truth.name] and not denies(reply.text))


def score_ground_one(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """1 if the first box given overlaps the object by an IoU of 0.5 at least (acc@0.5)."""
    return float(bool(reply.boxes) and box_iou(reply.boxes[0], truth.boxes[0]) >= IOU_THRESHOLD)


def score_ground_all(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """F1 of the boxes at IoU 0.5."""
    return f1(len(match_boxes(reply.boxes, truth.boxes)), len(reply.boxes), len(truth.boxes))


def score_absent(reply: Reply, _truth: Truth, _names: Sequence[str]) -> float:
    """1 if the status is `not_found`."""
    return float(reply.status == "not_found")


def score_exist(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """1 if yes or no is right; an answer that is unsure is wrong."""
    if reply.status == "unsure":
        return 0.0
    said_no = reply.status == "not_found" or denies(reply.text)
    return float(said_no != truth.present)


def score_count(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """1 if the number is right: the first in the prose, else none if nothing was found, else the number of boxes."""
    said = number_in(reply.text)
    if said is None:
        said = 0 if reply.status == "not_found" else len(reply.boxes)
    return float(said == len(truth.boxes))


def score_list(reply: Reply, truth: Truth, names: Sequence[str]) -> float:
    """F1 of the set of names mentioned."""
    said, actual = set(names_in(reply.text, names)), set(truth.labels)
    return f1(len(said & actual), len(said), len(actual))


def score_dense_detect(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """F1 of named boxes: the name must agree and the IoU be 0.5 at least."""
    matched = match_boxes(
        reply.boxes, truth.boxes, lambda i, j: same_name(_without_number(reply.labels[i]), truth.labels[j])
    )
    return f1(len(matched), len(reply.boxes), len(truth.boxes))


def _without_number(label: str) -> str:
    """ "2: cat" -> "cat": the running number of a dense answer is no part of the name."""
    return re.sub(r"^[\W\d]+", "", label)


def score_segment(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """IoU of the first mask given; 0 without one."""
    if reply.mask is None or truth.mask is None or reply.mask.shape != truth.mask.shape:
        return 0.0
    return float(mask_iou(reply.mask, truth.mask))


def score_relate(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """1 if the first relation mentioned is the right one."""
    said = re.findall(r"left of|right of|above|below|overlap", reply.text.lower())
    return float(said[:1] == [truth.text.removesuffix("ping")])


def score_read(reply: Reply, truth: Truth, _names: Sequence[str]) -> float:
    """1 if the words are exact, letter case included: those in quotation marks, else those read into a region."""
    quoted = [_spaced(text) for text in _QUOTED.findall(reply.text)]
    said = [" ".join(quoted)] if quoted else [" ".join(_spaced(text) for text in reply.read), _spaced(reply.text)]
    return float(_spaced(truth.text) in said)


def _spaced(text: str) -> str:
    return " ".join(text.split())


Scorer = Callable[[Reply, Truth, Sequence[str]], float]
SCORERS: Mapping[str, Scorer] = {
    "refer_point": score_refer,
    "refer_box": score_refer,
    "refer_mask": score_refer,
    "refer_scribble": score_refer,
    "ground_one": score_ground_one,
    "ground_all": score_ground_all,
    "absent": score_absent,
    "exist": score_exist,
    "count": score_count,
    "list": score_list,
    "dense_detect": score_dense_detect,
    "segment": score_segment,
    "relate": score_relate,
    "read": score_read,
}
"""The scorer of each kind of question, in the order of the tables."""


def judge(kind: str, reply: Reply, truth: Truth, names: Sequence[str]) -> float:
    """The score of a reply to a question of `kind`, 0..1; a reply that is an error scores nothing whatever it says.

    `names` are all names that a scene may hold, by which names are found in prose.
    """
    return 0.0 if reply.status == ERROR else SCORERS[kind](reply, truth, names)


def mean_and_error(scores: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error (sample deviation over the square root of the count; 0 below two scores)."""
    mean = float(np.mean(scores))
    error = float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0
    return mean, error
