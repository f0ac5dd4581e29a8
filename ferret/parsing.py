"""From what the model wrote to prose, phrases and boxes.

The model links a phrase to the image by writing boxes right behind it: `The dog [31, 40, 120, 160] sleeps.` A box is
four bins 0..999 (see `ferret.coordinates`). `parse_answer` takes the coordinates out of the text and keeps the links.
Generated text is not to be trusted to be well formed, so nothing here raises:

- corners in the wrong order are swapped, bins beyond the grid are pulled onto it;
- a box whose bracket was never closed counts if it has its four numbers;
- a bracket with another count of numbers is taken out, yields no box and is counted as malformed;
- brackets that hold words are prose.

`released_boxes` is the released decoder as its scores are computed, less its faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ferret.coordinates import BINS, bins_to_box, released_bins_to_box
from ferret.regions import Box


@dataclass(frozen=True)
class Span:
    """A phrase of the prose and the boxes that it names.

    `start` and `end` are character offsets into the prose, `boxes` positions in `ParsedAnswer.boxes`.
    """

    text: str
    start: int
    end: int
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class ParsedAnswer:
    """An answer taken apart: prose without coordinates, linked phrases, boxes in pixels in order of appearance.

    `malformed` counts the groups of numbers that were meant as a box but are none. A box without a phrase in front of
    it is in `boxes` but in no span.
    """

    text: str
    spans: tuple[Span, ...]
    boxes: tuple[Box, ...]
    malformed: int = 0


# A bracket and what may stand in a list of numbers; one character class, so that matching takes linear time.
_GROUP = re.compile(r"\[[\[\s\d.,;+-]*\]*")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_BETWEEN = re.compile(r"[\s,;]*(?:(?:and|&|or)[\s,;]*)?", re.IGNORECASE)

# Where the clause of a phrase begins at the earliest.
_BOUNDARY = re.compile(r"[.!?:;,()\n](?=\s|\Z)|[()\n]")
_WORD = re.compile(r"\S+")
_OPENING, _CLOSING = "\"'(\u2018\u201c", "\"')\u2019\u201d.,;:!?"
# A sentence whose object was the coordinates: "the dog is at [..]" reads "the dog is here".
_PLACED = re.compile(r"\b(is|are|was|were)(?: located| found)?(?: at)?\Z")
_VERBS = frozenset(
    "is are was were be being there has have had see sees contains contain includes include shows show says say reads "
    "read reading depicts depict holds yes no not".split()
)
_LINKS = frozenset("and or but with plus then also".split())
_DETERMINERS = frozenset("a an the this that these those some any one's my your its their his her another".split())
_TRAILING = frozenset(
    "is are was were be at in on to by here located found positioned situated visible shown seen marked "
    "coordinates position region location bounding the with as and".split()
)
# Trailing behind another such word ("at box"), but a thing behind a noun ("bento box").
_BOXES = frozenset({"box", "boxes"})


def parse_answer(text: str, width: int, height: int, *, image: int = 0) -> ParsedAnswer:
    """Take a generated answer apart.

    Args:
        text: what the model wrote.
        width: pixels across of the image that the boxes lie on.
        height: pixels down.
        image: position of that image, given to every box.

    Returns:
        Prose, spans and boxes; every box has an area and lies on the image.
    """
    prose = ""
    spans: list[Span] = []
    boxes: list[Box] = []
    malformed = 0
    clause = 0  # where in the prose the text since the last group begins
    position = 0
    for start, end, numbers in _groups(text):
        between = text[position:start]
        found = [
            box
            for index in range(0, len(numbers) - len(numbers) % 4, 4)
            if len(numbers) % 4 == 0 and (box := _box(numbers[index : index + 4], width, height, image)) is not None
        ]
        malformed += not found
        indices = tuple(range(len(boxes), len(boxes) + len(found)))
        boxes.extend(found)
        follows_group = position > 0 and _BETWEEN.fullmatch(between) is not None
        position = end
        if follows_group:  # one phrase, several boxes: what joins them goes with them
            if spans and spans[-1].end > clause:
                last = spans[-1]
                spans[-1] = Span(last.text, last.start, last.end, last.boxes + indices)
            continue
        clause = len(prose)
        prose = _PLACED.sub(r"\1 here", _joined(prose, between).rstrip())
        phrase = _phrase(prose, clause)
        if phrase is not None and indices:
            spans.append(Span(prose[phrase[0] : phrase[1]], *phrase, indices))
            clause = phrase[0]
        else:
            clause = len(prose)
    return ParsedAnswer(_joined(prose, text[position:]).rstrip(), tuple(spans), tuple(boxes), malformed)


def released_boxes(text: str, width: int, height: int) -> list[tuple[str, Box]]:
    """Phrases and boxes as the released evaluation decodes them: whole phrases, coordinates truncated to pixels.

    A phrase is what stands between the previous box (or the last `.`, `,`, `;` or `:`) and its own, articles included.
    Three faults of the original are mended: a bracket that does not hold four numbers is passed over (it raised), so
    is a stray closing bracket (it raised), and the phrase of `and a dog [..]` is `a dog` (it was lost).
    """
    found: list[tuple[str, Box]] = []
    position = 0
    for start, end, numbers in _groups(text):
        if len(numbers) == 4 and text[start:end].endswith("]"):
            phrase = re.split(r"[.,;:]", text[position:start])[-1].strip()
            phrase = re.sub(r"\A(?:and|or)\b\s*", "", phrase)
            found.append(
                (phrase, released_bins_to_box((numbers[0], numbers[1], numbers[2], numbers[3]), width, height))
            )
        position = end
    return found


_FAR = 1e6
"""A number of hundreds of digits is infinite to Python, and no pixel; this far out is as good."""


def _groups(text: str) -> list[tuple[int, int, list[float]]]:
    """Brackets that were meant to hold coordinates: start, end, and the numbers inside."""
    groups = []
    for match in _GROUP.finditer(text):
        content = match[0]
        closed = content.endswith("]")
        if not closed:
            content = content.rstrip(" \t\r\n,;.+-")
        numbers = [max(-_FAR, min(_FAR, float(number))) for number in _NUMBER.findall(content)]
        at_end = match.end() == len(text)
        if len(numbers) >= 2 or (not closed and at_end):
            end = match.end() if at_end else match.start() + len(content)
            groups.append((match.start(), end, numbers))
    return groups


def _box(numbers: list[float], width: int, height: int, image: int) -> Box | None:
    """The box of four bins with swapped corners and bins beyond the grid put right; None if it misses the image."""
    x1, x2 = sorted((numbers[0], numbers[2]))
    y1, y2 = sorted((numbers[1], numbers[3]))
    if x1 > BINS or y1 > BINS or x2 < 0 or y2 < 0:
        return None
    left, top, right, bottom = (min(max(value, 0.0), BINS - 1.0) for value in (x1, y1, x2, y2))
    return bins_to_box((left, top, right, bottom), width, height, image=image)


def _joined(prose: str, piece: str) -> str:
    """Append text that followed a group to the prose before it, without leaving the gap where the group stood."""
    if not prose:
        return piece.lstrip(" \t\r\n,;:.")
    following = piece.lstrip()
    if following and (following[0].isalnum() or following[0] in "(\"'&"):
        return prose + (piece[: len(piece) - len(following)] or " ") + following
    return prose + following


def _phrase(prose: str, clause: int) -> tuple[int, int] | None:
    """Where the phrase at the end of the prose lies, no earlier than `clause`: without article, verb or preposition."""
    boundary = clause
    for match in _BOUNDARY.finditer(prose, clause):
        if prose[match.end() :].strip():
            boundary = match.end()
    words = [(match.start(), match.end(), match[0].lower()) for match in _WORD.finditer(prose, boundary)]
    words = [(start, end, word.strip(_OPENING + _CLOSING)) for start, end, word in words]
    while words and (
        words[-1][2] in _TRAILING
        or not words[-1][2]
        or (words[-1][2] in _BOXES and (len(words) == 1 or words[-2][2] in _TRAILING))
    ):
        words.pop()
    first = 0
    for index, (_, _, word) in enumerate(words):
        joins = word in _LINKS and (index == 0 or (index + 1 < len(words) and words[index + 1][2] in _DETERMINERS))
        if word in _VERBS or joins:
            first = index + 1
    while first < len(words) and (words[first][2] in _DETERMINERS or not words[first][2]):
        first += 1
    if first >= len(words):
        return None
    start, end = words[first][0], words[-1][1]
    core = prose[start:end]
    start += len(core) - len(core.lstrip(_OPENING))
    end -= len(core) - len(core.rstrip(_CLOSING))
    return (start, end) if start < end else None
