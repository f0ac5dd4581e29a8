"""How Ferret is asked: one wording per purpose, in the forms that its answers were trained on, and how they are read.

The wordings stand here alone. The embedded weights answer in fixed short forms ("a dog"; "dog [x1, y1, x2, y2]";
"There is no dog."); larger weights answer the same questions in longer prose, which is read by the same functions.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.context import Context
from agent.lexicon import Lexicon
from agent.sightings import Corners, shifted
from agent.zooming import View, view_of
from ferret.parsing import parse_answer
from ferret.regions import Box, Region
from ferret.words import bare_name, is_or_are, plural, same_name, with_article

if TYPE_CHECKING:
    from PIL import Image

REFER = "What is <region1>?"
HINT = " Hint: {}."
READ = "What is written in <region1>?"
DESCRIBE = "Describe the picture. Include the coordinates for each mentioned object."

# What makes control tokens, names of regions and coordinates of words.
_BRACKETS = re.compile(r"[<>\[\]|]+")
# A longer answer than this is prose of its own, not a name.
NAME_WORDS = 4

_TELL: "ContextVar[Callable[[Ask, str], None] | None]" = ContextVar("ferret_tell", default=None)


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask Ferret about one picture; `key` tells what for.

    `thing` is what is known to lie at the one region: of a point it tells how large a thing it means.
    """

    key: str
    image: int
    question: str
    regions: tuple[Region, ...] = ()
    thing: Box | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What Ferret said: prose without coordinates, the boxes it gave (pixels), and how sure it was (0..1)."""

    key: str
    image: int
    raw: str
    text: str
    confidence: float
    boxes: tuple[Corners, ...] = ()

    @property
    def denies(self) -> bool:
        """Whether Ferret says that there is none."""
        words = self.text.lower().lstrip()
        return words.startswith(("there is no", "there are no", "no,", "no ", "nothing", "none")) or words in {
            "no",
            "no.",
        }

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the state."""
        return {
            "key": self.key, "image": self.image, "raw": self.raw, "text": self.text,
            "confidence": self.confidence, "boxes": [list(box) for box in self.boxes],
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Reply":
        """The reply that `to_json` wrote."""
        return cls(**{**value, "boxes": tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in value["boxes"])})


def refer(key: str, region: Region, hint: str | None = None, thing: Box | None = None) -> Ask:
    """What is in this region? `hint` is what an instrument takes it for: words, whatever else it may hold; `thing`
    where it has found it.
    """
    words = " ".join(_BRACKETS.sub(" ", hint).split()) if hint else ""
    return Ask(key, region.image, REFER + (HINT.format(words) if words else ""), (region,), thing)


def read(key: str, region: Region) -> Ask:
    """What is written in this region?"""
    return Ask(key, region.image, READ, (region,))


def ground(key: str, image: int, name: str, *, every: bool) -> Ask:
    """Where is it; where are they all?"""
    question = f"Find all {plural(name)}." if every else f"Where {is_or_are(name)} the {name}?"
    return Ask(key, image, question)


def describe(key: str, image: int) -> Ask:
    """What is on the picture, in Ferret's own words?"""
    return Ask(key, image, DESCRIBE)


def ask_ferret(asks: Sequence[Ask], images: Sequence["Image.Image"], context: Context) -> dict[str, Reply]:
    """Ferret's replies by key. All questions that are shown the same picture are asked at once, on one
    encoding of it.

    Raises `WeightsError` when there are no such weights.
    """
    from ferret.engine import Prompt

    replies: dict[str, Reply] = {}
    free = context.instruments.speaks_freely()
    shown = {ask.key: _shown(ask, images[ask.image], context) for ask in asks}
    # What is shown the same picture is asked together; names come apart, for they are cut short.
    groups: dict[tuple[int, bool], list[Ask]] = {}
    for ask in asks:
        groups.setdefault((id(shown[ask.key].image), bool(ask.regions) and not free), []).append(ask)
    for (_, named), together in groups.items():
        picture = shown[together[0].key].image
        prompts = [Prompt(ask.question, shown[ask.key].regions) for ask in together]
        most = context.limits.name_tokens if named else context.limits.max_new_tokens
        with _telling(dict(zip(map(id, prompts), together, strict=True))):
            said = context.instruments.engine.answer(picture, prompts, max_new_tokens=most)
        for ask, generation in zip(together, said, strict=True):
            parsed = parse_answer(generation.text, picture.width, picture.height)
            boxes = tuple(shifted(box, shown[ask.key].corner) for box in parsed.boxes if box.area > 0)
            confidence = min(max(float(generation.confidence), 0.0), 1.0)
            replies[ask.key] = Reply(ask.key, ask.image, generation.text, parsed.text.strip(), confidence, boxes)
    return replies


def _shown(ask: Ask, picture: "Image.Image", context: Context) -> View:
    """The picture, or what lies around the one region that is asked about."""
    if len(ask.regions) != 1:
        return View(picture, ask.regions)
    return view_of(ask.regions[0], picture, context.thresholds, ask.thing)


@contextmanager
def telling(tell: Callable[[Ask, str], None]) -> Iterator[None]:
    """While the block runs, `tell` hears every answer of `ask_ferret` in this thread, piece by piece."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def _telling(asked: Mapping[int, Ask]) -> AbstractContextManager[None]:
    """What the engine says handed on to whoever listens; `asked` are the asks by the identity of their prompts."""
    tell = _TELL.get()
    if tell is None:
        return nullcontext()
    from ferret.engine import listening

    return listening(lambda _, prompt, piece: tell(asked[id(prompt)], piece))


def said_text(reply: Reply) -> str | None:
    """The text that an answer about writing quotes, the answer itself when it quotes none; None when there is no
    text.
    """
    if reply.denies or not reply.text:
        return None
    quoted = re.findall(r'["\u201c]([^"\u201c\u201d]+)["\u201d]', reply.text)
    return " ".join(quoted) if quoted else reply.text


def name_probabilities(ask: Ask, names: Sequence[str], image: "Image.Image", context: Context) -> dict[str, float]:
    """How probable Ferret finds each name as the whole answer to a referring question, each in 0..1."""
    from ferret.engine import Prompt

    engine = context.instruments.engine
    shown = _shown(ask, image, context)
    # With the end of the answer, so that "rice" is not credited with all of "rice ball".
    stop = engine.processor.conversation.stop
    prompt = Prompt(ask.question, shown.regions)
    scores = engine.score(shown.image, prompt, [with_article(name) + stop for name in names])
    return {name: math.exp(min(score, 0.0)) for name, score in zip(names, scores, strict=True)}


def said_name(text: str, lexicon: Lexicon) -> str | None:
    """The thing that a referring answer names: a known name where there is one, else the answer itself if it is
    short.
    """
    bare = bare_name(text)
    if bare in {"", "a", "an", "the"}:
        return None
    match = lexicon.match(bare)
    if match.name is not None and not match.modifiers:
        return match.name
    if len(bare.split()) <= NAME_WORDS:
        return bare
    for phrase in lexicon.find(text):
        found = lexicon.match(phrase)
        if found.name is not None:
            return found.name
    return None


def speaks_of(text: str, name: str, lexicon: Lexicon) -> bool:
    """Whether a referring answer names this thing: alone, or within a longer sentence."""
    said = said_name(text, lexicon)
    if said is not None and (said == name or same_name(said, name)):
        return True
    words = f" {bare_name(text)} "
    return len(words.split()) > NAME_WORDS and f" {bare_name(name)} " in words
