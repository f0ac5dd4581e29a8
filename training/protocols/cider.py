"""CIDEr and CIDEr-D: how well a caption says what people say of a picture, by shared word sequences.

    cider_scores(["A dog runs.", "A red bus."], [["A dog is running."], ["A bus.", "A bus on a street."]])

After Vedantam et al. 2015 (arXiv:1411.5726). A caption is four vectors, of its sequences of one to four words; each
entry is how often the sequence stands in the caption, times how rare it is among the pictures (the logarithm of all
pictures over those with a reference that holds it; a sequence that no reference holds counts as held by one picture).
CIDEr is the mean cosine between a caption and each reference. CIDEr-D, which evaluation servers and papers call CIDEr,
cuts an entry of the caption at that of the reference, so that repeating a word gains nothing, and fades with the
difference of the lengths. Both are ten times the mean over the four lengths of sequence: 0 to 10.

Words (`caption_words`) are taken much as the Penn Treebank cuts them: lower case, marks left out, hyphens and decimal
points kept inside words, and the endings 's, 're, 've, 'll, 'd, 'm and n't words of their own. Nothing is stemmed, as
on the servers.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferret.errors import TrainingError

LONGEST = 4
"""Words in the longest sequence that is compared."""

SIGMA = 6.0
"""How fast CIDEr-D fades with the difference of lengths, in words."""

SCALE = 10.0

_WORD = re.compile(r"[^\W_]+(?:(?:[-']|(?<=\d)[.,](?=\d))[^\W_]+)*")
_ENDING = re.compile(r"(?<=[^\W_])(n't|'(?:s|re|ve|ll|d|m))\Z")

Words = tuple[str, ...]
Counts = Counter[Words]
Vectors = list[dict[Words, float]]  # one for each length of sequence


@dataclass(frozen=True, slots=True)
class CiderScore:
    """The scores of one caption, 0 to 10 each."""

    cider: float
    cider_d: float


def caption_words(caption: str) -> list[str]:
    """The words of a caption, in order and in lower case, as the module describes."""
    words: list[str] = []
    for word in _WORD.findall(caption.lower().replace("\u2019", "'")):
        ending = _ENDING.search(word)
        words += [word[: ending.start()], ending[0]] if ending else [word]
    return words


def cider_scores(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[CiderScore]:
    """The scores of captions, one for each picture, against all references of that picture.

    How rare a sequence is, is counted over the references of all the pictures given, so scores compare only between
    captions of the same pictures.

    Raises:
        TrainingError: there are not as many captions as pictures, a picture has no reference, or there are fewer than
            two pictures, among which nothing is rare.
    """
    if len(captions) != len(references):
        raise TrainingError(f"{len(captions)} caption(s) for {len(references)} picture(s): give one for each")
    if len(references) < 2:
        raise TrainingError("CIDEr weighs words by how rare they are among pictures: give the captions of at least two")
    counted = [[_sequences(reference) for reference in group] for group in references]
    holding: Counter[Words] = Counter()
    for group in counted:
        if not group:
            raise TrainingError("a picture has no reference caption: leave it out or give one")
        holding.update(set[Words]().union(*group))
    rarity = {sequence: math.log(len(references) / count) for sequence, count in holding.items()}
    unheard = math.log(len(references))

    scores = []
    for caption, group in zip(captions, counted, strict=True):
        said = _sequences(caption)
        vectors, length = _weighted(said, rarity, unheard), _length(said)
        pairs = []
        for reference in group:
            theirs = _weighted(reference, rarity, unheard)
            fading = math.exp(-((length - _length(reference)) ** 2) / (2 * SIGMA**2))
            pairs.append((_likeness(vectors, theirs, cut=False), fading * _likeness(vectors, theirs, cut=True)))
        plain, clipped = (SCALE * sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        scores.append(CiderScore(plain, clipped))
    return scores


def _sequences(caption: str) -> Counts:
    """How often each sequence of one to four words stands in a caption."""
    words = caption_words(caption)
    return Counter(
        tuple(words[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(words) - length + 1)
    )


def _length(counts: Counts) -> int:
    return sum(count for sequence, count in counts.items() if len(sequence) == 1)


def _weighted(counts: Counts, rarity: Mapping[Words, float], unheard: float) -> Vectors:
    vectors: Vectors = [{} for _ in range(LONGEST)]
    for sequence, count in counts.items():
        vectors[len(sequence) - 1][sequence] = count * rarity.get(sequence, unheard)
    return vectors


def _likeness(said: Vectors, reference: Vectors, *, cut: bool) -> float:
    """The mean over the lengths of sequence of the cosine of two vectors, the first cut at the second if asked for."""
    total = 0.0
    for ours, theirs in zip(said, reference, strict=True):
        norms = math.hypot(*ours.values()) * math.hypot(*theirs.values())
        if norms:
            shared = ours.keys() & theirs.keys()
            total += sum((min(ours[s], theirs[s]) if cut else ours[s]) * theirs[s] for s in shared) / norms
    return total / LONGEST
