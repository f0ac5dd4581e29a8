"""What people call things, led back to the names that the loaded weights know.

A `Lexicon` is made from the names of a model. `match` takes a noun phrase as somebody wrote it and says which name it
means, and how sure that is: the name itself, another form or another word for it, a wider word that covers several
names, a slip of the pen, or nothing that the model knows. An unknown phrase stays unknown; guessing is left to nobody.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from agent.inflection import plural, singular
from agent.synonyms import ADJECTIVES, HYPERNYMS, OTHER_WORDS, SYNONYMS

_DETERMINERS = re.compile(
    r"^(?:a|an|the|some|any|every|each|all|this|that|these|those|my|your|his|her|its|our|their|one|another)\s+(?=\S)"
)
# "the dog on the left": where, not what.
_PLACE = re.compile(
    r"\s+(?:(?:on|at|in|to|near|towards?)\s+(?:the\s+)?)?(?:(?:far|very|upper|lower|top|bottom)\s+)*"
    r"(?:left|right|top|bottom|middle|cent(?:er|re)|background|foreground|corner|side|edge)"
    r"(?:[- ]hand)?(?:\s+(?:side|corner|half|part|edge|left|right|cent(?:er|re)))*$"
)


# "a pair of gloves", "slices of pizza": how much, not what.
_MEASURE = re.compile(
    r"^(?:pair|bunch|group|piece|slice|stack|pile|set|bit|couple|row|picture|image|drawing)s? of (?=\S)"
)


class MatchKind(StrEnum):
    """How a phrase was led to a name."""

    EXACT = "exact"
    """The name itself, whatever its case and hyphens."""
    VARIANT = "variant"
    """Another form of the name (plural, spelling) or another word for the same thing."""
    GROUP = "group"
    """A wider or ambiguous word that covers several names: "animal", "phone"."""
    FUZZY = "fuzzy"
    """A slip of the pen away from a name or from a word for it."""
    UNKNOWN = "unknown"
    """Nothing that the model has a name for."""


@dataclass(frozen=True)
class Match:
    """What a phrase means.

    `name` is the one name (None for a group or an unknown phrase). `alternatives` are all names of a group, and for an
    unknown phrase the names that are written most like it. `modifiers` are the words of the phrase that were left aside
    because they say how, how much or where a thing is ("red", "pair of", "on the left").
    """

    name: str | None
    kind: MatchKind
    alternatives: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the phrase covers: one, all of a group, or none."""
        if self.name is not None:
            return (self.name,)
        return self.alternatives if self.kind is MatchKind.GROUP else ()

    @property
    def known(self) -> bool:
        """Whether the model has a name for it at all."""
        return bool(self.names)


@lru_cache(maxsize=8192)
def normalise(phrase: str) -> str:
    """Lower case, single spaces, no hyphens, punctuation or leading determiners."""
    text = unicodedata.normalize("NFKC", phrase).lower().replace("\u2019", "'")
    text = re.sub(r"'s\b(?=\s*$)", "", text).replace("'", "")
    text = " ".join(re.sub(r"[^\w]+|_+", " ", text).split())
    while match := _DETERMINERS.match(text):
        text = text[match.end() :]
    return text


def _compact(text: str) -> str:
    return text.replace(" ", "")


def _forms(normal: str) -> Iterator[str]:
    """The keys under which a normalised phrase is filed: as it is, singular, "bars of x" as "bar of x"."""
    yield _compact(normal)
    yield _compact(singular(normal))
    if " of " in normal:
        head, _, rest = normal.partition(" of ")
        yield _compact(f"{singular(head)} of {rest}")
        yield _compact(f"{singular(head)} of {singular(rest)}")


def edit_distance(left: str, right: str, limit: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two words; `limit + 1` when it is more."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        last, row = row, [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if before and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = last
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


class Lexicon:
    """The names of a model and the words that lead to them.

    Args:
        names: the names as the model has them; order and case are kept in what `match` returns.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(name for name in names if normalise(name)))
        self._exact = {normalise(name): name for name in reversed(self.names)}
        self._variants: dict[str, tuple[str, ...]] = {}
        self._stems: dict[str, tuple[str, ...]] = {}
        for name in self.names:
            _file(self._variants, [*_forms(normalise(name)), _compact(plural(normalise(name)))], [name])
            _file(self._stems, _forms(normalise(name)), [name])
        self._synonyms = self._from_synonyms()
        self._groups = self._from_hypernyms()
        self._words = _table_words() | {word for name in self.names for word in normalise(name).split()}
        self._matches: dict[str, Match] = {}

    def match(self, phrase: str) -> Match:
        """The names that a noun phrase means; never raises, an empty phrase is unknown."""
        normal = normalise(phrase)
        found = self._matches.get(normal)
        if found is None:
            found = self._match(normal)
            if len(self._matches) < 10_000:
                self._matches[normal] = found
        return found

    def knows(self, phrase: str) -> bool:
        """Whether the whole phrase is a name, a form of one, or another or a wider word for one, and no slip."""
        return self._direct(normalise(phrase)) is not None

    def names_something(self, phrase: str) -> bool:
        """Whether a phrase is known, its adjectives and its place left aside; a slip of the pen does not count."""
        return any(self._direct(reading) for reading, _ in _readings(normalise(phrase)))

    def spells(self, word: str) -> bool:
        """Whether a lower-case word stands in a name, in any word for a thing, or before one as an adjective."""
        return word in self._words

    def find(self, text: str) -> tuple[str, ...]:
        """The known phrases that stand in a text, longest first come first taken, in the order of the text."""
        words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text)
        found, start = [], 0
        while start < len(words):
            for end in range(min(start + 5, len(words)), start, -1):
                phrase = " ".join(words[start:end])
                if _DETERMINERS.match(f"{phrase.lower()} ") is None and self.knows(phrase):
                    found.append(phrase)
                    start = end
                    break
            else:
                start += 1
        return tuple(dict.fromkeys(found))

    def _match(self, normal: str) -> Match:
        readings = list(_readings(normal))
        for reading, modifiers in readings:
            if direct := self._direct(reading):
                return Match(direct.name, direct.kind, direct.alternatives, modifiers)
        for reading, modifiers in readings:
            if slip := self._slip(reading):
                return Match(slip.name, slip.kind, slip.alternatives, modifiers)
        near = difflib.get_close_matches(normal, self._exact, n=3, cutoff=0.75)
        return Match(None, MatchKind.UNKNOWN, tuple(self._exact[key] for key in near))

    def _direct(self, normal: str) -> Match | None:
        if not normal:
            return None
        if normal in self._exact:
            return Match(self._exact[normal], MatchKind.EXACT)
        for table in (self._variants, self._synonyms, self._groups):
            for key in _forms(normal):
                if names := table.get(key):
                    return _one_or_group(names)
        return None

    def _slip(self, normal: str) -> Match | None:
        """The name that is a slip of the pen away, never from one real word to another; None when two are as near."""
        keys = {_folded(normal), _folded(singular(normal))}
        if len(normal) < 3 or any(word in OTHER_WORDS or singular(word) in OTHER_WORDS for word in normal.split()):
            return None
        for table, shortest in ((self._stems, 3), (self._synonyms, 6)):
            best: dict[str, tuple[str, ...]] = {}
            nearest = 2
            for known, names in table.items():
                if len(known) < shortest:
                    continue
                distance = min(_slips(key, _folded(known), nearest) for key in keys)
                if distance <= nearest:
                    best = {known: names} if distance < nearest else best | {known: names}
                    nearest = distance
            meant = tuple(dict.fromkeys(name for names in best.values() for name in names))
            if len(meant) == 1:
                return Match(meant[0], MatchKind.FUZZY)
            if len(set(best.values())) == 1:  # a slip in a word that covers several names
                return Match(None, MatchKind.GROUP, meant)
            if meant:
                return None
        return None

    def _from_synonyms(self) -> dict[str, tuple[str, ...]]:
        table: dict[str, tuple[str, ...]] = {}
        for line in _lines(SYNONYMS):
            words = [normalise(word) for word in line.split(",")]
            names = [self._exact[word] for word in words if word in self._exact]
            # A word that is itself a name leads to itself, so it is not a synonym here.
            _file(table, (key for word in words if word not in self._exact for key in _forms(word)), names)
        return table

    def _from_hypernyms(self) -> dict[str, tuple[str, ...]]:
        members: dict[str, tuple[str, ...]] = {}
        heads: dict[str, list[str]] = {}
        for line in _lines(HYPERNYMS):
            head, _, below = line.partition(":")
            words = [normalise(word) for word in head.split(",")]
            heads[words[0]] = words
            members[words[0]] = tuple(normalise(word) for word in below.split(","))

        def unfold(word: str, above: tuple[str, ...] = ()) -> Iterator[str]:
            if word in self._exact:
                yield self._exact[word]
            elif word in members and word not in above:
                for member in members[word]:
                    yield from unfold(member, (*above, word))
            else:
                yield from self._synonyms.get(_compact(word), ())

        table: dict[str, tuple[str, ...]] = {}
        for head, words in heads.items():
            covered = [name for member in members[head] for name in unfold(member, (head,))]
            _file(table, (key for word in words for key in _forms(word)), covered)
        return table


@lru_cache(maxsize=1)
def _table_words() -> frozenset[str]:
    """Every word of the tables of `agent.synonyms`."""
    return frozenset(re.findall(r"[a-z]+", f"{SYNONYMS} {HYPERNYMS}".lower())) | ADJECTIVES | OTHER_WORDS


def _lines(table: str) -> list[str]:
    """The entries of a table; one that ends in a comma goes on in the next line."""
    return [line for line in table.replace(",\n", ", ").strip().splitlines() if line.strip()]


def _file(table: dict[str, tuple[str, ...]], keys: Iterable[str], names: Iterable[str]) -> None:
    """Adds the names under each key, once each and in order; no names, no entry."""
    new = tuple(names)
    for key in dict.fromkeys(keys):
        if together := tuple(dict.fromkeys((*table.get(key, ()), *new))):
            table[key] = together


def _one_or_group(names: tuple[str, ...]) -> Match:
    return Match(names[0], MatchKind.VARIANT) if len(names) == 1 else Match(None, MatchKind.GROUP, names)


def _folded(normal: str) -> str:
    """The key that slips are measured on: letters that sound alike are one."""
    return _compact(normal).replace("ph", "f")


def _slips(key: str, known: str, limit: int) -> int:
    """How many slips lead from a key to a known one; more than `limit` when it is too far to be a slip.

    People mistype first letters rarely, so the first letters agree or the first two are swapped. A short word may only
    have two letters swapped, or one doubled: any other change of it is too often another word. Two slips take a long
    word.
    """
    if key[0] != known[0] and key[:2] != known[1::-1]:
        return limit + 1
    length = min(len(key), len(known))
    if length < 5:
        swapped = sorted(key) == sorted(known) and edit_distance(key, known, 1) == 1
        doubled = length == 4 and len(key) != len(known) and re.sub(r"(.)\1", r"\1", key) == known
        return 1 if swapped or doubled else limit + 1
    allowed = min(limit, 2 if length >= 8 else 1)
    distance = edit_distance(key, known, allowed)
    return distance if distance <= allowed else limit + 1


def _readings(normal: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The phrase, then the phrase with its place, its measure and its leading adjectives taken off one by one."""
    yield normal, ()
    place = _PLACE.search(normal)
    after = (place[0].strip(),) if place else ()
    rest = normal[: place.start()] if place else normal
    if place:
        yield rest, after
    if measured := _MEASURE.match(rest):
        after = (measured[0].strip(), *after)
        rest = rest[measured.end() :]
        yield rest, after
    words = rest.split()
    for cut in range(1, len(words)):
        if words[cut - 1] not in ADJECTIVES and words[cut - 1] != "and":
            break
        yield " ".join(words[cut:]), (*words[:cut], *after)
