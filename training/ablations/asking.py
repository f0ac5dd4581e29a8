"""Asking a language model of an ablation about held-out scenes: greedy answers, judged as by `evaluate scenes`.

    refer                points, boxes and masks are named, equally many of each
    ground               the first box overlaps the object asked for by an IoU of 0.5 at least
    refer, hint          boxes, points, masks and strokes are named, given a hint; 85 % are right, as in training
    refer, wrong hint    the part of these whose hint is wrong
    refer, no hint       the same questions without their hints
    read, OCR lines      a sign is quoted, given all lines that were read in the picture
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from ferret.regions import Region
from ferret.words import same_name, with_article
from training.ablations.figures import Measured
from training.instructions import Asker, Instruction, object_names
from training.nano import WEIGHTS
from training.scene_questions import FIRST_SEED, evaluation_scenes
from training.scene_scores import Truth, judge, reply_of_model
from training.scenes import Scene, SceneMaker
from training.wordings import HINT, OCR

if TYPE_CHECKING:
    from ferret.engine import Engine
    from ferret.modeling import FerretForConditionalGeneration

Asked = Literal["refer", "ground", "hints"]

REFERRING = ("refer_point", "refer_box", "refer_mask")
TOGETHER = 32  # questions that are answered at once
LONGEST = 40  # tokens of an answer: the longest right ones are a name with a box, or a sign


@dataclass(frozen=True)
class _Asking:
    """A question about a scene, how it is judged, and the measures to which its score belongs."""

    scene: Scene
    question: str
    regions: tuple[Region, ...]
    kind: str
    truth: Truth
    measures: tuple[str, ...]


def measure(
    model: "FerretForConditionalGeneration", maker: SceneMaker, asked: tuple[Asked, ...], count: int
) -> dict[str, Measured]:
    """Ask a model in evaluation mode `count` questions of each kind about held-out scenes, in held-out wordings.

    Returns:
        The mean score of every measure of `asked`.
    """
    from ferret.checkpoints import load_processor  # here, for it needs transformers
    from ferret.engine import Engine

    engine = Engine(model, load_processor(WEIGHTS, model.config))
    scores: dict[str, list[float]] = defaultdict(list)
    for batch in _together(_askings(maker, asked, count)):
        for one, score in zip(batch, _answered(engine, batch), strict=True):
            for name in one.measures:
                scores[name].append(score)
    return {name: Measured.of(found) for name, found in scores.items()}


def without_hint(question: str) -> str:
    """A question without what another tool said, which stands at its end if it is there."""
    for form in (HINT, OCR):
        question = question.partition(form.partition("{}")[0])[0]
    return question


def _answered(engine: "Engine", batch: list[_Asking]) -> list[float]:
    """The scores of the answers to some questions."""
    from ferret.engine import Prompt

    images = [Image.fromarray(one.scene.image) for one in batch]
    prompts = [Prompt(one.question, one.regions) for one in batch]
    said = engine.answer_each(images, prompts, LONGEST)
    replies = [reply_of_model(one.text, *image.size) for one, image in zip(said, images, strict=True)]
    return [judge(one.kind, reply, one.truth, object_names()) for one, reply in zip(batch, replies, strict=True)]


def _together(askings: Iterator[_Asking]) -> Iterator[list[_Asking]]:
    batch: list[_Asking] = []
    for one in askings:
        batch.append(one)
        if len(batch) == TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch


def _askings(maker: SceneMaker, asked: tuple[Asked, ...], count: int) -> Iterator[_Asking]:
    measures = dict.fromkeys(REFERRING, "refer") if "refer" in asked else {}
    measures |= {"ground_one": "ground"} if "ground" in asked else {}
    for scene, questions in evaluation_scenes(maker, count, list(measures)) if measures else ():
        for one in questions:
            yield _Asking(scene, one.text, one.regions, one.kind, one.truth, (measures[one.kind],))
    if "hints" in asked:
        for scene, made in _instructions(maker, "refer_hint", count):
            name = next(name for name in object_names() if with_article(name) == made.answer)
            hint = made.question.partition(HINT.partition("{}")[0])[2]
            told = ("refer, hint",) if same_name(hint, name) else ("refer, hint", "refer, wrong hint")
            hinted = _Asking(scene, made.question, made.regions, "refer_box", Truth(name=name), told)
            yield hinted
            yield replace(hinted, question=without_hint(made.question), measures=("refer, no hint",))
        with_signs = SceneMaker(maker.art, replace(maker.settings, sign=1.0))
        for scene, made in _instructions(with_signs, "read", count):
            truth = Truth(text=made.answer.strip('"'))
            yield _Asking(scene, made.question, made.regions, "read", truth, ("read, OCR lines",))


def _instructions(maker: SceneMaker, task: str, count: int) -> Iterator[tuple[Scene, Instruction]]:
    """One instruction of `task` about each of `count` held-out scenes that can serve it."""
    seed = FIRST_SEED
    while count:
        scene = maker.make(seed)
        made = Asker(scene, np.random.default_rng([scene.seed, 0]), "heldout").ask(task)
        if made is not None:
            yield scene, made
            count -= 1
        seed += 1
