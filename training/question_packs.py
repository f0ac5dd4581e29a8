"""Many questions about one picture in one sequence, each as if it were asked alone.

Behind the image tokens come as many questions with their answers as fit. Each sees the picture and itself, not its
neighbours, and starts at the same position, exactly as it will stand when somebody asks it. Noted beside the tokens is
what `training.gazing` needs: where answers speak of which object.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from ferret.coordinates import BINS, box_to_bins
from ferret.prompts import IMAGE_TOKEN, get_template, place_regions
from ferret.regions import Box
from ferret.sampler import sample_points
from training.instructions import Instruction
from training.nano import IMAGE_SIZE, TEMPLATE, name_words, nano_tokenizer, number_tokens
from training.scenes import Scene

POINTS = 128  # of a region
SEARCH = 4
SEARCHING = frozenset({"ground_one", "ground_all", "ground_absent", "exist", "count"})  # tasks that begin by finding

Boxes = Mapping[tuple[int, ...], int]
"""The objects of a scene, from 1, by their boxes in bins."""


@dataclass(frozen=True)
class Gaze:
    """Where one token of a sequence should look.

    Attributes:
        position: of the token that looks: the one before a coordinate, or before an answer.
        coordinate: 0 to 3 before a coordinate, `SEARCH` before an answer that has to find something.
        objects: the objects to look at, from 1; none of them is there if it is empty.
        names: positions of the words that name what is looked for; none where that is not certain.
    """

    position: int
    coordinate: int
    objects: tuple[int, ...]
    names: tuple[int, ...] = ()


@dataclass(frozen=True)
class Packed:
    """One picture and its questions as one sequence of L tokens."""

    ids: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    segments: np.ndarray
    positions: np.ndarray
    soft: np.ndarray
    points: list[Tensor]
    gazes: list[Gaze]
    tasks: list[str]


@lru_cache(maxsize=1)
def _prefix() -> tuple[list[int], list[int]]:
    """Token ids before the image and (none but) after it, up to the question."""
    template, tokenizer = get_template(TEMPLATE), nano_tokenizer()
    before = tokenizer(template.begin + template.user[0])["input_ids"]
    return list(before), [tokenizer.get_vocab()[IMAGE_TOKEN]] * ((IMAGE_SIZE // 32) ** 2)


@lru_cache(maxsize=1)
def _brackets() -> tuple[int, int]:
    """The tokens that open and close coordinates; to copy the whole vocabulary for them takes a millisecond."""
    vocabulary = nano_tokenizer().get_vocab()
    return vocabulary["["], vocabulary["]"]


def object_boxes(scene: Scene) -> Boxes:
    """The scene's objects by the boxes that answers give of them."""
    height, width = scene.ids.shape
    return {box_to_bins(Box(*item.box), width, height): number for number, item in enumerate(scene.objects, 1)}


def pack_questions(
    instructions: list[Instruction], size: tuple[int, int], length: int, objects: Boxes = MappingProxyType({})
) -> Packed:
    """Put questions one behind the other after one image, as long as they fit in `length` tokens of text.

    Answers are learned, questions are not; every answer weighs as the square root of its length. `size` is the
    picture's (width, height), in which the regions are given; answers are followed to `objects` by their boxes.
    """
    template, tokenizer = get_template(TEMPLATE), nano_tokenizer()
    before, image = _prefix()
    ids = [*before, *image]
    start = len(ids)
    labels, weights, segments = [-100] * start, [0.0] * start, [0] * start
    positions, soft = list(range(start)), [False] * start
    points: list[Tensor] = []
    gazes: list[Gaze] = []
    tasks: list[str] = []
    referring = [place_regions(item.question, item.regions, [size]) for item in instructions]
    prompts = [f"\n{text.text}{template.user[1]}{template.assistant}" for text in referring]
    answers = ["".join((template.answer[0], item.answer, template.answer[1])) for item in instructions]
    prompt_ids = tokenizer(prompts, add_special_tokens=False)["input_ids"] if prompts else []
    answer_ids = tokenizer(answers, add_special_tokens=False)["input_ids"] if answers else []
    width, height = size
    for item, text, prompt, answer in zip(instructions, referring, prompt_ids, answer_ids, strict=True):
        if len(ids) + len(prompt) + len(answer) > start + length:
            continue
        tasks.append(item.task)
        places = _coordinates(answer)
        gazes += _gazes(item.task, prompt, answer, places, objects, len(ids))
        number = np.zeros(len(answer), bool)
        number[[at for at, _ in places]] = True
        ids += [*prompt, *answer]
        labels += [-100] * len(prompt) + answer
        weights += [0.0] * len(prompt) + [1 / np.sqrt(len(answer))] * len(answer)
        segments += [len(tasks)] * (len(prompt) + len(answer))
        positions += range(start, start + len(prompt) + len(answer))
        soft += [False] * len(prompt) + number.tolist()
        points += [sample_points(item.regions[place].to_mask(width, height), POINTS) for place in text.order]
    return Packed(
        ids=np.array(ids), labels=np.array(labels), weights=np.array(weights), segments=np.array(segments),
        positions=np.array(positions), soft=np.array(soft), points=points, gazes=gazes, tasks=tasks,
    )  # fmt: skip


def _coordinates(answer: list[int]) -> list[tuple[int, int]]:
    """Where in an answer's tokens coordinates stand, and which bins they are."""
    opened, closed = _brackets()
    first = int(number_tokens()[0])
    inside, found = False, []
    for at, token in enumerate(answer):
        if token in (opened, closed):
            inside = token == opened
        elif inside and 0 <= token - first < BINS:
            found.append((at, token - first))
    return found


def _gazes(
    task: str, prompt: list[int], answer: list[int], places: list[tuple[int, int]], objects: Boxes, start: int
) -> list[Gaze]:
    """Where the tokens of a question, which begins at position `start`, and its answer should look (see `Gaze`)."""
    boxes = [places[at : at + 4] for at in range(0, len(places) - 3, 4)]
    named = [(box, objects.get(tuple(value for _, value in box))) for box in boxes]
    known = [(box, number) for box, number in named if number is not None]
    begin = start + len(prompt)
    gazes = []
    for box, number in known:
        names = tuple(begin + at for at in _name_before(answer, box[0][0] - 1))
        gazes += [Gaze(begin + at - 1, coordinate, (number,), names) for coordinate, (at, _) in enumerate(box)]
    if task in SEARCHING and len(known) == len(boxes):
        end = places[0][0] - 1 if places else len(answer)
        said = {token for token in answer[:end] if token in name_words()}
        asked = tuple(start + at for at, token in enumerate(prompt) if token in said)
        gazes.append(Gaze(begin - 1, SEARCH, tuple(number for _, number in known), asked))
    return gazes


def _name_before(answer: list[int], bracket: int) -> list[int]:
    """Where the name stands that the box opening at `bracket` belongs to; several boxes may follow one name."""
    opened, closed = _brackets()
    at = bracket
    while at > 0 and answer[at - 1] == closed:
        at = max(place for place in range(at) if answer[place] == opened)
    end = at
    while at > 0 and answer[at - 1] in name_words():
        at -= 1
    return list(range(at, end))


def packed_mask(segments: Tensor) -> Tensor:
    """What each token may look at, bool [B, 1, L, L]: the picture (segment 0) and its own question so far."""
    length = segments.shape[1]
    past = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    same = segments[:, :, None] == segments[:, None, :]
    return ((same | (segments[:, None, :] == 0)) & past)[:, None]
