"""What a raw answer says, by the rules with which the released scores were computed (ferret-spec 4).

Boxes are read by `ferret.parsing.released_boxes`. The rules are kept even where they are coarse, so that scores
compare; outright faults are mended, and `MENDED` is the list of them.
"""

import re
from dataclasses import dataclass
from typing import Literal

from ferret.errors import ToolError
from ferret.parsing import parse_answer, released_boxes

YesNo = Literal["yes", "no"]


@dataclass(frozen=True, slots=True)
class Mend:
    """A fault of the released evaluation that is not repeated: on which benchmarks, what it was, what is done now."""

    benchmarks: frozenset[str]
    fault: str
    now: str

    def __str__(self) -> str:
        return f"{self.fault}; {self.now}"


_GROUNDING = frozenset({"refcoco", "flickr30k"})

MENDED = {
    "not four numbers": Mend(
        _GROUNDING, "a bracket without four numbers in it ended the whole run", "it is passed over and counted"
    ),
    "stray bracket": Mend(_GROUNDING, "a stray closing bracket ended the whole run", "it is text"),
    "phrase behind and": Mend(
        _GROUNDING, "the phrase behind an 'and' or 'or' was lost, so that its box could not count", "it is kept"
    ),
    "denial": Mend(
        frozenset({"pope"}), "a denial by \"isn't\", 'cannot' or 'No!' counted as a yes", "it counts as a no"
    ),
    "comma between scores": Mend(
        frozenset({"ferret-bench"}), "a review that begins '8, 7' could not be read", "comma and blank part two scores"
    ),
    "all agree": Mend(
        frozenset({"vqa"}),
        "where all people wrote the same, answers were compared unprepared, so that 'Yes' missed ten times 'yes'",
        "answers are always brought to one form",
    ),
}
"""Every departure from how the released evaluations read answers, by a short name."""


def mended(benchmark: str) -> list[str]:
    """What `MENDED` says of one benchmark, named as the command line names it."""
    return [str(mend) for mend in MENDED.values() if benchmark in mend.benchmarks]


NO_BOX, MALFORMED_BOX, NEITHER = "no box", "a bracket that holds no box", "neither yes nor no"
"""What answers may lack in form, as results count it."""


# One blank before and one word boundary behind: "nothing" and "noodle" deny nothing.
_DENIAL = re.compile(r"\s(?:not|no)\b[^,.]*[,.]")
_BINS = re.compile(r"\s*\[(\d+), *(\d+), *(\d+), *(\d+)\]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MARKS = ".,;:!?\"'()"


def without_denials(text: str) -> str:
    """The text without its clauses from " not" or " no" to the next comma or full stop, both included.

    A clause that nothing ends, or that begins the text, stays.
    """
    return _DENIAL.sub("", text)


def plain_phrase(text: str) -> str:
    """A phrase as phrases are compared: lower case, single blanks, no commas and no mark at its end."""
    return " ".join(text.lower().replace(",", " ").split()).rstrip(".;:!? ")


def same_phrase(first: str, second: str) -> bool:
    """Whether two texts are the same phrase up to letter case, blanks and marks."""
    return plain_phrase(first) == plain_phrase(second)


def yes_or_no(text: str) -> YesNo:
    """How POPE counts an answer: "no" if the first sentence holds a negation, otherwise "yes", whatever it says.

    `says_either` tells apart the answers that say yes from those that only count as it.
    """
    return "no" if any(_negates(word) for word in _first_words(text)) else "yes"


def says_either(text: str) -> bool:
    """Whether the first sentence of an answer holds a yes or a negation at all."""
    return any(word == "yes" or _negates(word) for word in _first_words(text))


def leading_yes_or_no(text: str) -> YesNo | None:
    """How MME counts an answer: by a yes, else a no, among its first four characters; None is neither, and wrong."""
    head = text.strip().lower()[:4]
    if "yes" in head:
        return "yes"
    return "no" if "no" in head else None


def without_boxes(text: str) -> str:
    """The text without its boxes of four bins and without the blanks before them, as judges of prose read it."""
    return _BINS.sub("", text)


def with_relative_boxes(text: str) -> str:
    """The text with its boxes of four bins as shares of the image's sides, three decimals: `[0.100, 0.200, ..]`."""

    def relative(match: re.Match[str]) -> str:
        before = match[0][: match[0].index("[")]
        return f"{before}[{', '.join(f'{int(number) / 1000:.3f}' for number in match.groups())}]"

    return _BINS.sub(relative, text)


def box_fault(text: str, width: int, height: int) -> str | None:
    """What an answer that is to hold boxes lacks: a bracket of numbers is none, or there is none; None for neither."""
    if parse_answer(text, width, height).malformed:
        return MALFORMED_BOX
    return None if released_boxes(text, width, height) else NO_BOX


def judge_scores(reply: str) -> tuple[float, float]:
    """The two scores on the first line of a judge's reply: of the first assistant, and of the second.

    Raises:
        ToolError: the first line holds anything but two numbers, parted by blanks or a comma.
    """
    line = reply.strip().split("\n", 1)[0].strip()
    words = line.replace(",", " ").split()
    if len(words) != 2 or not all(_NUMBER.fullmatch(word) for word in words):
        raise ToolError(f"the judge's reply begins {line[:80]!r}: its first line must hold two scores and nothing else")
    return float(words[0]), float(words[1])


def _first_words(text: str) -> list[str]:
    """The words of the first sentence in lower case, without marks around them."""
    sentence = text.lower().replace("\u2019", "'").split(".", 1)[0].replace(",", "")
    return [word.strip(_MARKS) for word in sentence.split()]


def _negates(word: str) -> bool:
    return word in {"no", "not", "cannot"} or word.endswith("n't")
