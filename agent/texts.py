"""What is said of text: what stands there, or whether and where that stands which is looked for.

Texts are compared leniently: capitals, accents, punctuation and spaces do not matter, but words are whole, so that
"pen" does not stand on a sign that says "OPEN". What was read stands between quotation marks, always.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from agent.findings import Group
from agent.inflection import is_plural, number_word
from agent.prose import Prose, quotable
from agent.sightings import Sighting
from agent.telling import Telling, Verdict, form, mean, missing, together


def stands_in(wanted: str, text: str) -> bool:
    """Whether whole words of a text, one after the other, spell what is wanted."""
    sought, words = "".join(_words(wanted)), _words(text)
    if not sought:
        return False
    for first in range(len(words)):
        spelled = ""
        for word in words[first:]:
            spelled += word
            if spelled == sought:
                return True
            if not sought.startswith(spelled):
                break
    return False


def _words(text: str) -> list[str]:
    """The words of a text in their plainest letters."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    kept = "".join(one if one.isalnum() else " " if one not in "'\u2019" else "" for one in letters).split()
    return kept or text.split()  # of marks alone, the marks


def lines_with(wanted: str, lines: Sequence[Sighting]) -> list[Sighting]:
    """The lines that say what is wanted, each by itself, or else a few that follow each other and say it together."""
    alone = [line for line in lines if stands_in(wanted, line.text or "")]
    if alone:
        return alone
    for count in range(2, len(lines) + 1):
        for first in range(len(lines) - count + 1):
            run = lines[first : first + count]
            one_picture = len({line.image for line in run}) == 1
            if one_picture and stands_in(wanted, " ".join(line.text or "" for line in run)):
                return list(run)
    return []


def tell_text(prose: Prose, telling: Telling) -> Verdict:
    """The sentences of a step that reads."""
    tell = _read if telling.step.text is None else _search
    return together([_nothing(prose.sentence(), telling, group) or tell(prose, telling, group)
                     for group in telling.finding.groups])  # fmt: skip


def _nothing(prose: Prose, telling: Telling, group: Group) -> Verdict | None:
    """What is said where there is nothing to read, or nothing that it could stand on; None where there is."""
    if _is_carried(group) and not group.sightings:
        return missing(prose, telling, group, _no(group) if telling.step.text and telling.step.yes_no else "")
    if any(sighting.text for sighting in group.sightings):
        return None
    place = (
        "there" if group.region is not None else f"on the {form(group, 1)}" if group.sightings else telling.where
    )
    prose.say(f"There is no text that I can read {place}.")
    return "not_found", group.score if not group.sightings else 0.6


def _no(group: Group) -> str:
    return "No, there are no" if is_plural(group.name) else "No, there is no"


def _is_carried(group: Group) -> bool:
    """Whether the text stands on things that the question names, and is not looked at by itself."""
    return group.phrase is not None and group.name != "text"


def _read(prose: Prose, _: Telling, group: Group) -> Verdict:
    told = [sighting for sighting in group.sightings if sighting.text]
    subject = f"The {form(group, len(told))}" if _is_carried(group) else "The text"
    prose.say(f"{subject} {'reads' if not _is_carried(group) else 'say' if len(told) > 1 else 'says'} ")
    _cite(prose, told)
    prose.say(".")
    return "answered", mean([sighting.score for sighting in told])


def _search(prose: Prose, telling: Telling, group: Group) -> Verdict:
    """Whether, or where, the text that the step looks for stands; where it does not, what stands there instead."""
    wanted, carried = telling.step.text or "", _is_carried(group)
    read = [sighting for sighting in group.sightings if sighting.text]
    found = [one for one in read if stands_in(wanted, one.text or "")] if carried else lines_with(wanted, read)
    if not found:
        nowhere = f'No {form(group, 1)} says "{quotable(wanted)}"' if carried else f'Nothing says "{quotable(wanted)}"'
        prose.say("No, " if telling.step.yes_no else f"{nowhere}: ")
        _says(prose, group, read)
        prose.say(".")
        return "not_found", mean([one.score for one in read])
    if telling.step.yes_no:
        _says(prose.say("Yes, "), group, found)
        prose.say(".")
    elif carried:
        many = len(found)
        prose.say("The ").link(f"{number_word(many)} {form(group, many)}" if many > 1 else form(group, 1), found)
        prose.say(" that says " if many == 1 else " that say ")
        _cite(prose, found)
        prose.say(f" {'is' if many == 1 else 'are'} here.")
    else:
        _cite(prose.say("It says "), found)
        prose.say(" here.")
    return "answered", mean([one.score for one in found])


def _says(prose: Prose, group: Group, told: Sequence[Sighting]) -> None:
    """ 'the sign says "open"', or "one sign" where there are others that say something else, or nothing."""
    if not _is_carried(group):
        prose.say("the text reads ")
    else:
        many = len(told)
        article = "the" if many == len(group.sightings) else number_word(many)
        prose.link(f"{article} {form(group, many)}", told).say(" says " if many == 1 else " say ")
    _cite(prose, told)


def _cite(prose: Prose, told: Sequence[Sighting]) -> None:
    """What was read, each with where it stands; what several say is said once."""
    texts = list(dict.fromkeys(one.text or "" for one in told))
    for index, text in enumerate(texts):
        prose.say(" and " if index == len(texts) - 1 and index else ", " if index else "")
        prose.cite(text, [_as_read(one) for one in told if one.text == text])


def _as_read(sighting: Sighting) -> Sighting:
    """What was read is the text reader's word, whoever found the place; Ferret's where it had to read instead."""
    by_ferret = sighting.source == "ferret" and sighting.label == "text"
    return sighting if by_ferret else replace(sighting, source="ocr")
