"""From a picture's labels to instructions: questions of every intent, with true answers, with and without hints.

    instructions = write_instructions(picture, vocabulary, WritingSettings(seed=0))

What is drawn for a picture depends on the seed and on the picture alone, not on its name and not on the others.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np

from ferret.errors import TrainingError
from ferret.regions import Mask
from training.experts.certainty import Facts, Picture, Sureness, find_facts
from training.experts.exchange import Asker, Coordinates, Exchange, Intent
from training.experts.hints import Kind, write_hints
from training.experts.makers import MAKERS, Maker
from training.experts.makers.steps import join_steps
from training.experts.wordings import COORDINATES_ASKED, COORDINATES_REFUSED
from training.readers.ferret_json import NAME
from training.readers.sample import Sample, Turn
from training.wordings import pick

Choice = TypeVar("Choice")

INTENTS: tuple[Intent, ...] = get_args(Intent)
"""Every intent; the last is `steps`, which is made of the others."""
DEFAULT_WEIGHTS: Mapping[Intent, float] = dict.fromkeys(INTENTS, 1.0)

QUESTIONS = 10
"""Questions about a picture; for so many the bounds of the makers are meant."""
HINT_SHARES: Mapping[Kind, float] = {"none": 0.4, "right": 0.3, "partial": 0.15, "wrong": 0.15}
TWINS = 0.35
"""Share of the questions with hints that are asked without them as well."""
COORDINATE_SHARES: Mapping[Coordinates, float] = {"asked": 0.4, "unsaid": 0.45, "refused": 0.15}
CONVERSATIONS = 0.4
"""Share of the questions of several steps that are put one after the other."""
NEGATIVES = 0.65
"""Questions for what is not there, or not so, for each of the others: faint pictures would have nothing else."""
_MISSES = 4


@dataclass(frozen=True)
class WritingSettings:
    """How instructions are written.

    Attributes:
        seed: of everything that is drawn.
        per_picture: how many questions a picture gives at most, the same question without its hints not counted.
        sure: from which scores on labels are asked about.
        weights: how often each intent is asked for; where a picture cannot serve one, the others take its place.

    Raises:
        TrainingError: no question, an unknown intent, no positive weight or a negative one, a score outside 0..1.
    """

    seed: int = 0
    per_picture: int = QUESTIONS
    sure: Sureness = field(default_factory=Sureness)
    weights: Mapping[Intent, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))

    def __post_init__(self) -> None:
        if self.per_picture < 1:
            raise TrainingError(f"{self.per_picture} questions a picture are none: ask for 1 or more")
        if self.seed < 0:
            raise TrainingError(f"seed {self.seed} is negative: give 0 or more")
        unknown = sorted(set(self.weights) - set(INTENTS))
        if unknown:
            raise TrainingError(f"there is no intent {unknown[0]!r}: choose from {', '.join(INTENTS)}")
        weights = self.weights.values()
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
            raise TrainingError("weights of intents must be 0 or more, and at least one of them more than 0")
        for name, score in (("objects", self.sure.objects), ("text", self.sure.text), ("masks", self.sure.masks)):
            if not 0 <= score <= 1:
                raise TrainingError(f"the score from which {name} are sure is {score}: give a number from 0 to 1")


@dataclass(frozen=True)
class Instruction:
    """A conversation about a picture as it is written.

    Attributes:
        picture: what it is about.
        id: unique among the instructions of all pictures.
        task: name of its maker; those of several steps are called `steps`, or `conversation` when they take turns.
        intent: what was drawn.
        turns: the exchanges, with hints and wishes in their questions.
        hints: which kind of hints the first question has.
        coordinates: how the question stands to coordinates.
        twin: whether it repeats the one before it without the hints.
    """

    picture: Picture
    id: str
    task: str
    intent: Intent
    turns: tuple[Exchange, ...]
    hints: Kind
    coordinates: Coordinates
    twin: bool = False

    @property
    def intents(self) -> tuple[Intent, ...]:
        """What is asked for, step by step."""
        return tuple(intent for turn in self.turns for intent in turn.intents)

    @property
    def negative(self) -> bool:
        """Whether it asks, among others, for what is not there, or not so."""
        return any(turn.negative for turn in self.turns)

    def sample(self, images: Path) -> Sample:
        """The instruction as the reader of the released format gives it, where its coin says boxes.

        Args:
            images: folder of the pictures.
        """
        turns = []
        for turn in self.turns:
            masks = tuple(None if mark.mask is None else Mask.from_rle(mark.mask) for mark in turn.regions)
            regions, boxes = tuple(mark.box for mark in turn.regions), tuple(mark.box for mark in turn.boxes)
            turns.append(Turn(turn.question, turn.answer, regions, masks, boxes))
        return Sample(NAME, self.id, images / self.picture.name, self.picture.size, tuple(turns))


@dataclass(frozen=True)
class Written:
    """What a picture came to: its instructions, and how many of its labels were not asked about, by reason."""

    instructions: tuple[Instruction, ...]
    rejected: Counter[str]


def write_instructions(picture: Picture, vocabulary: Sequence[str], settings: WritingSettings) -> Written:
    """The instructions of a picture, as many as `settings` asks for and the labels allow.

    Args:
        picture: with its labels.
        vocabulary: every name that the detector knows.
        settings: how they are written.
    """
    facts = find_facts(picture, vocabulary, settings.sure)
    writer = _Writer(picture, facts, np.random.default_rng([settings.seed, int(picture.hash, 16)]), settings)
    return Written(tuple(writer.write()), facts.rejected)


class _Writer:
    """Writes the instructions of one picture."""

    def __init__(self, picture: Picture, facts: Facts, rng: np.random.Generator, settings: WritingSettings) -> None:
        self.picture, self.facts, self.rng, self.settings = picture, facts, rng, settings
        self.weights = {intent: settings.weights[intent] for intent in INTENTS if settings.weights.get(intent, 0) > 0}
        parts: list[Intent] = [intent for intent in self.weights if intent != "steps"]
        self.parts: list[Intent] = parts or [*INTENTS[:-1]]
        rounds = math.ceil(settings.per_picture / QUESTIONS)
        self.left = {maker.task: maker.most * rounds for maker in MAKERS}
        self.misses: Counter[str] = Counter()
        self.asked: set[tuple[str, ...]] = set()
        self.positive, self.negative = 0, 0

    def write(self) -> list[Instruction]:
        instructions: list[Instruction] = []
        made = 0
        while made < self.settings.per_picture and self.weights:
            intent = self._draw(self.weights)
            coordinates = self._draw(COORDINATE_SHARES)
            drawn = self._steps(coordinates) if intent == "steps" else self._one(intent, coordinates)
            if drawn is None:
                self._miss(intent)
                continue
            made += 1
            task, turns = drawn
            kind = self._draw(HINT_SHARES)
            hints = write_hints(self.facts, turns[0], kind, self.rng)
            wishes = {"asked": COORDINATES_ASKED, "refused": COORDINATES_REFUSED}.get(coordinates)
            wish = None if wishes is None else pick(wishes, self.rng)
            versions = [(hints, "none" if hints is None else kind)]
            if hints is not None and self.rng.random() < TWINS:
                versions.append((None, "none"))
            for twin, (said, given) in enumerate(versions):
                identity = f"{self.picture.hash[:16]}-{len(instructions)}"
                dressed = _dressed(turns, said, wish)
                instructions.append(
                    Instruction(self.picture, identity, task, intent, dressed, given, coordinates, bool(twin))
                )
        return instructions

    def _one(self, intent: Intent, coordinates: Coordinates) -> tuple[str, tuple[Exchange, ...]] | None:
        """A new question of an intent, by one of its makers."""
        makers = {maker: maker.share for maker in MAKERS if maker.intent == intent and self.left[maker.task] > 0}
        if not makers:
            self.weights.pop(intent, None)
            return None
        maker = self._draw(makers)
        exchange = self._make(maker, coordinates)
        return None if exchange is None else (maker.task, (exchange,))

    def _steps(self, coordinates: Coordinates) -> tuple[str, tuple[Exchange, ...]] | None:
        """Two or three questions of different intents, joined or one after the other."""
        wanted = 2 + int(self.rng.random() < 0.35)
        exchanges: list[Exchange] = []
        for place in self.rng.permutation(len(self.parts)).tolist():
            makers = {maker: maker.share for maker in MAKERS if maker.intent == self.parts[place]}
            exchange = self._make(self._draw(makers), coordinates, limited=False)
            if exchange is not None:
                exchanges.append(exchange)
            if len(exchanges) == wanted:
                break
        if len(exchanges) < 2:
            return None
        if self.rng.random() < CONVERSATIONS:
            return "conversation", tuple(exchanges)
        return "steps", (join_steps(Asker(self.facts, self.rng, coordinates), exchanges),)

    def _make(self, maker: Maker, coordinates: Coordinates, *, limited: bool = True) -> Exchange | None:
        """What a maker makes, unless the picture was asked the same before, or too much that is not so."""
        exchange = maker.make(Asker(self.facts, self.rng, coordinates))
        key = () if exchange is None else (maker.task, exchange.answer, *(str(mark.box) for mark in exchange.regions))
        if exchange is None or key in self.asked:
            self.misses[maker.task] += 1
            if self.misses[maker.task] >= _MISSES:
                self.left[maker.task] = 0
            return None
        if exchange.negative and self.negative > NEGATIVES * self.positive:
            return None
        self.positive += not exchange.negative
        self.negative += exchange.negative
        self.asked.add(key)
        if limited:
            self.left[maker.task] -= 1
        return exchange

    def _miss(self, intent: Intent) -> None:
        """An intent that came to nothing again and again is not drawn any more."""
        self.misses[intent] += 1
        if self.misses[intent] >= _MISSES * (1 + sum(maker.intent == intent for maker in MAKERS)):
            self.weights.pop(intent, None)

    def _draw(self, shares: Mapping[Choice, float]) -> Choice:
        options, bounds = list(shares), list(accumulate(shares.values()))
        return options[min(bisect_right(bounds, self.rng.random() * bounds[-1]), len(options) - 1)]


def _dressed(turns: Sequence[Exchange], hints: str | None, wish: str | None) -> tuple[Exchange, ...]:
    """The turns with hints behind the first question, and behind every question what is wished of the answer."""
    dressed = []
    for number, turn in enumerate(turns):
        parts = [turn.question, hints if number == 0 else None, wish]
        dressed.append(replace(turn, question=" ".join(part for part in parts if part)))
    return tuple(dressed)
