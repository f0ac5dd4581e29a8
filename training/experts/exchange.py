"""One question with its true answer, and what the makers of questions share: a die, the facts, a draft to write in.

Texts hold placeholders as samples do: `<region1>` in a question, `<box1>` in an answer behind the phrase it belongs to.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from ferret.masks import Rle
from ferret.regions import Box
from ferret.words import counted, is_or_are, is_plural, plural, with_article
from training.experts.certainty import Facts, Line, Thing
from training.experts.names import countable
from training.experts.wordings import PLACES, WORDINGS
from training.wordings import pick

Intent = Literal[
    "refer", "ground", "describe", "list", "count", "exist", "relate", "read", "segment", "compare", "steps"
]
"""What a question asks for; `steps` is several of the others in one question or one conversation."""

Coordinates = Literal["asked", "unsaid", "refused"]
"""Whether a question asks for coordinates in so many words, leaves it open, or asks for an answer without."""

Item = TypeVar("Item")
_PLACEHOLDER = re.compile(r"<(region|box)(\d+)>")


@dataclass(frozen=True, slots=True)
class Marked:
    """A place in the picture: its box in pixels, and the mask of what is there where it has one."""

    box: Box
    mask: Rle | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer.

    Attributes:
        intents: what it asks for, one after the other.
        question: text with `<region1>`, ..., every region named.
        answer: text with `<box1>`, ..., every box named.
        regions: what the question points at.
        boxes: what the answer finds.
        about: the things and lines of text that the answer rests on.
        absent: names of things that it asks for though they are not there.
        negative: whether it asks for what is not there, or is not so.
    """

    intents: tuple[Intent, ...]
    question: str
    answer: str
    regions: tuple[Marked, ...] = ()
    boxes: tuple[Marked, ...] = ()
    about: tuple[Thing | Line, ...] = ()
    absent: tuple[str, ...] = ()
    negative: bool = False

    def counted_on(self, regions: int, boxes: int) -> "Exchange":
        """The same exchange with its regions and boxes numbered behind so many others, whose texts it will join."""
        before = {"region": regions, "box": boxes}

        def renumber(match: re.Match[str]) -> str:
            return f"<{match[1]}{int(match[2]) + before[match[1]]}>"

        question, answer = (_PLACEHOLDER.sub(renumber, text) for text in (self.question, self.answer))
        return Exchange(
            self.intents, question, answer, self.regions, self.boxes, self.about, self.absent, self.negative
        )


@dataclass(slots=True)
class Draft:
    """An exchange while it is written: numbers the regions and boxes as they come up.

    `boxes_wanted` says whether mentions in the answer carry boxes.
    """

    boxes_wanted: bool
    regions: list[Marked] = field(default_factory=list)
    boxes: list[Marked] = field(default_factory=list)
    about: list[Thing | Line] = field(default_factory=list)

    def region(self, what: Thing | Line) -> str:
        """The placeholder of a region that marks `what`."""
        self._note(what)
        self.regions.append(_marked(what))
        return f"<region{len(self.regions)}>"

    def mention(self, phrase: str, what: Sequence[Thing | Line]) -> str:
        """A phrase of the answer with the boxes of what it names behind it, if they are wanted."""
        written = [phrase]
        for each in what:
            self._note(each)
            if self.boxes_wanted:
                self.boxes.append(_marked(each))
                written.append(f"<box{len(self.boxes)}>")
        return " ".join(written)

    def exchange(
        self,
        intent: Intent,
        question: str,
        answer: str,
        *,
        absent: Sequence[str] = (),
        negative: bool = False,
        about: Sequence[Thing | Line] = (),
    ) -> Exchange:
        """The finished exchange; `about` adds what the answer rests on without mentioning it."""
        for each in about:
            self._note(each)
        return Exchange(
            (intent,), question, sentence(answer), tuple(self.regions), tuple(self.boxes), tuple(self.about),
            tuple(absent), negative or bool(absent),
        )  # fmt: skip

    def _note(self, what: Thing | Line) -> None:
        if what not in self.about:
            self.about.append(what)


def _marked(what: Thing | Line) -> Marked:
    return Marked(what.box, what.mask if isinstance(what, Thing) else None)


@dataclass(frozen=True, slots=True)
class Asker:
    """What a maker has to ask with: what is certain, a source of chance, and how the question stands to coordinates."""

    facts: Facts
    rng: np.random.Generator
    coordinates: Coordinates

    def draft(self, *, boxes: bool = False) -> Draft:
        """A new draft; where the question leaves it open, the answer carries boxes if `boxes`."""
        return Draft(self.coordinates == "asked" or (boxes and self.coordinates == "unsaid"))

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return bool(self.rng.random() < share)

    def one(self, options: Sequence[Item]) -> Item:
        """One of the options, all equally likely."""
        return options[int(self.rng.random() * len(options))]

    def some(self, options: Sequence[Item], fewest: int, most: int) -> list[Item]:
        """`fewest` to `most` of the options, as far as there are as many, in random order."""
        wanted = int(self.rng.integers(fewest, max(fewest, min(most, len(options))) + 1))
        return [options[index] for index in self.rng.permutation(len(options))[:wanted].tolist()]

    def word(self, family: str, name: str = "", **fields: str) -> str:
        """A question of a family of wordings; `name` gives its fields n, ns, a, is and does."""
        templates = WORDINGS[family]
        if name and not countable(name) and not is_plural(name):  # nobody asks for "any bread"
            templates = tuple(template for template in templates if "{ns}" not in template) or templates
        template = pick(templates, self.rng)
        if name:
            fields |= {"n": name, "ns": plural(name), "a": with_article(name), "is": is_or_are(name)}
            fields["does"] = "do" if fields["is"] == "are" else "does"
        if "{place}" in template:
            fields["place"] = pick(PLACES, self.rng) if self.chance(0.6) else ""
        return sentence(template.format(**fields))

    def number(self, draft: Draft, name: str) -> str:
        """How many things of a name there are, with their boxes: "3 dogs", "1 dog", "no dogs"."""
        found = self.facts.by_name.get(name, ())
        return draft.mention(counted(len(found), name), found) if found else f"no {plural(name)}"

    def absent(self, like: str | None = None, accept: Callable[[str], bool] = lambda name: bool(name)) -> str | None:
        """The name of something that is not there, near `like` if that is given; None where none is found."""
        for _ in range(4):
            name = self.facts.absent(self.rng, like)
            if name is not None and accept(name):
                return name
        return None


def sentence(text: str) -> str:
    """The text with a capital letter in front."""
    return text[:1].upper() + text[1:]


def an(name: str, count: int = 1) -> str:
    """So many of a name, indefinite: "a dog", "3 dogs"; what is not counted in words, however many: "glasses"."""
    return counted(count, name) if count > 1 and countable(name) else with_article(name)


def the(name: str, count: int = 1) -> str:
    """So many of a name, definite: "the dog", "the 3 dogs", "the glasses"."""
    return f"the {counted(count, name)}" if count > 1 and countable(name) else f"the {name}"


def verb(name: str, count: int = 1) -> str:
    """ "is" or "are", as so many of a name need it."""
    return "are" if count > 1 and countable(name) else is_or_are(name)


def it_is(name: str) -> str:
    """ "it is" or "they are", about something of that name."""
    return "they are" if is_plural(name) else "it is"


def there_is_no(name: str) -> str:
    """That something is not there: "there is no dog", "there are no glasses"."""
    return f"there {is_or_are(name)} no {name}"


def quoted(line: Line) -> str:
    """What was read, in quotation marks."""
    return f'"{line.text}"'
