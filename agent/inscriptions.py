"""What stands on things, where a plan tells them by it: "the sign that says exit".

The look at the whole picture reads what is large; what it has read nothing on is read from close by, the likeliest
things first. What was read is held against the words of the question and decides which things are meant: it reaches
neither the plan nor the words of an answer.
"""

from collections.abc import Collection, Sequence

from agent.checking import Checker
from agent.closer import MOST_READ, text_key
from agent.perception import pictures_of
from agent.sightings import Sighting, covered
from agent.state import Look
from agent.texts import lines_with, stands_in


def lines_of(checker: Checker, image: int) -> list[Sighting]:
    """The lines of text that are surely read on one picture, in reading order."""
    return _surely_read(checker.observed.lines(image), checker)


def text_on(thing: Sighting, checker: Checker) -> str:
    """What stands on a thing, as one text; "" where nothing was read on it. A line of text carries itself."""
    if thing.text:
        return thing.text
    lines = [line for line in lines_of(checker, thing.image) if _carries(thing, line, checker)]
    return joined(lines or _surely_read(checker.observed.at(text_key(thing)) or (), checker))


def says(thing: Sighting, wanted: str, checker: Checker) -> bool:
    """Whether whole words on a thing spell what is wanted."""
    return stands_in(wanted, text_on(thing, checker))


def by_themselves(wanted: str, things: Sequence[Sighting], images: Sequence[int], checker: Checker) -> list[Sighting]:
    """The places where what is wanted stands on none of the things: a line, or a few lines as one."""
    places = []
    for image in images:
        free = [
            line
            for line in lines_of(checker, image)
            if not any(_carries(thing, line, checker) for thing in things)
        ]
        said = lines_with(wanted, free)
        alone = [[line] for line in said if stands_in(wanted, line.text or "")]
        places += [_as_one(run) for run in alone or [said] if run]
    return places


def readings(checker: Checker, images: Sequence[str], outside: Collection[int] = ()) -> list[Look]:
    """A look at every thing that a plan tells by its text and on which nothing was read yet, on the pictures that are
    not `outside`; `images` are the artifact ids of all.
    """
    looks: dict[str, Look] = {}
    for step in checker.plan.steps:
        phrases = dict.fromkeys(one.of for one in step.filters if one.text is not None)
        for image in pictures_of(step, len(checker.pictures), checker.marks):
            things = [] if image in outside else [one for phrase in phrases for one in checker.present(phrase, image)]
            for thing in things:
                if not text_on(thing, checker):
                    shown = {"kind": "box", "image": image, "numbers": list(thing.box)}
                    key = text_key(thing)
                    looks[key] = Look(tool="ocr", image=image, artifact=images[image], regions=[shown], key=key)
    return list(looks.values())[:MOST_READ]


def joined(lines: Sequence[Sighting]) -> str:
    """Lines that stand together as one text."""
    return " ".join(" ".join((line.text or "").split()) for line in lines)


def _as_one(lines: Sequence[Sighting]) -> Sighting:
    x1, y1, x2, y2 = zip(*(line.box for line in lines), strict=True)
    box = (min(x1), min(y1), max(x2), max(y2))
    score = sum(line.score for line in lines) / len(lines)
    return Sighting("text", lines[0].image, box, score, lines[0].source, text=joined(lines))


def _surely_read(lines: Sequence[Sighting], checker: Checker) -> list[Sighting]:
    return [line for line in lines if line.score >= checker.limits.reading and line.text]


def _carries(thing: Sighting, line: Sighting, checker: Checker) -> bool:
    return thing.image == line.image and covered(line.region, thing.region) >= checker.limits.inside
