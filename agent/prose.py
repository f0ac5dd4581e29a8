"""Prose under construction: text whose phrases are linked to regions, sentence by sentence."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from agent.answers import AnswerRegion, Rle, Span
from agent.sightings import Sighting

# What opens or closes a quotation, in any script; apostrophes and single marks may stand inside.
_MARKS = frozenset('"\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033\u2036\u2e42\u301d\u301e\u301f\uff02')


class Prose:
    """Collects text, spans and regions. `mask_of` gives the RLE of a mask artifact."""

    def __init__(self, mask_of: Callable[[str], dict[str, object]]) -> None:
        self._mask_of = mask_of
        self._text = ""
        self.spans: list[Span] = []
        self.regions: list[AnswerRegion] = []
        self._ids: dict[tuple[object, ...], int] = {}

    @property
    def text(self) -> str:
        """The prose so far."""
        return self._text

    def say(self, text: str) -> "Prose":
        """Adds text as it is."""
        self._text += text
        return self

    def sentence(self) -> "Prose":
        """Begins a new sentence: a space where there is text before."""
        return self.say(" ") if self._text and not self._text.endswith(" ") else self

    def link(self, text: str, sightings: Iterable[Sighting]) -> "Prose":
        """Adds a phrase that names things; without things it is plain text. An article before it stays outside the
        span.
        """
        ids = list(dict.fromkeys(self.region(sighting) for sighting in sightings))
        start = len(self._text)
        if ids:
            for word in ("a pair of ", "A pair of ", "an ", "An ", "a ", "A ", "the ", "The "):
                if text.startswith(word):
                    start += len(word)
                    break
        self._text += text
        if ids and start < len(self._text):
            self.spans.append(Span(text=self._text[start:], start=start, end=len(self._text), regions=ids))
        return self

    def cite(self, text: str, sightings: Iterable[Sighting]) -> "Prose":
        """Adds text that was read in a picture, between quotation marks and linked as a whole to where it stands."""
        ids = list(dict.fromkeys(self.region(sighting) for sighting in sightings))
        shown = quotable(text)
        self.say('"')
        start = len(self._text)
        self.say(shown)
        if ids and shown:
            self.spans.append(Span(text=shown, start=start, end=len(self._text), regions=ids))
        return self.say('"')

    def quote(self, text: str, sightings: Iterable[Sighting]) -> "Prose":
        """Adds a text as it is and links in it, in order, the phrases that are the labels of the things."""
        done = 0
        for label, things in groupby(sightings, key=lambda sighting: sighting.label):
            start = text.find(label, done)
            members = list(things)
            if start >= 0:
                self.say(text[done:start]).link(label, members)
                done = start + len(label)
        return self.say(text[done:])

    def region(self, sighting: Sighting) -> int:
        """The id of a thing among the answer's regions, added when it is new; what is learnt of it later is kept."""
        box = [round(number, 2) for number in sighting.box]
        key = (sighting.image, *box, sighting.label, sighting.given)
        known = self.regions[self._ids[key]] if key in self._ids else None
        mask = None
        if sighting.mask is not None and (known is None or known.mask is None):
            mask = Rle.model_validate(self._mask_of(sighting.mask))
        if known is not None:
            known.text = known.text or sighting.text
            known.mask = mask or known.mask
            # Where text was read is said first of all: it is the one thing here that the picture's maker has worded.
            if known.source != "ocr" and (mask is not None or sighting.source == "ocr"):
                known.source = sighting.source
        else:
            self._ids[key] = len(self.regions)
            self.regions.append(
                AnswerRegion(
                    id=self._ids[key],
                    image=sighting.image,
                    label=sighting.label or "region",  # pointed at, but nobody could name it
                    box=box,
                    mask=mask,
                    text=sighting.text,
                    score=round(min(max(sighting.score, 0.0), 1.0), 4),
                    source=sighting.source,
                )
            )
        return self._ids[key]


def quotable(text: str) -> str:
    """Text that was read, fit to stand between quotation marks: in one line, without characters that nobody sees or
    that turn others round, and with single marks for its double ones, so that it cannot look as if it had ended.
    """
    unseen = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    plain = "".join(" " if unicodedata.category(one) in unseen else "'" if one in _MARKS else one for one in text)
    return " ".join(plain.split())


def linked_list(prose: Prose, parts: Sequence[tuple[str, Sequence[Sighting]]], last: str = "and") -> Prose:
    """Adds "a, b and c", each part linked to its things."""
    for index, (text, sightings) in enumerate(parts):
        if index:
            prose.say(f" {last} " if index == len(parts) - 1 else ", ")
        prose.link(text, sightings)
    return prose


def capital(text: str) -> str:
    """The text with its first letter capital."""
    return text[:1].upper() + text[1:]
