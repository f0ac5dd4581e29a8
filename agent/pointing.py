"""What stands for a region or a picture in a question, as marks.

What stands for a region becomes a mark: `<r0>` (the region with index 0), `<r_>` (one of those given: "this", "the
marked spot"), `<r*>` (all of those given: "these", "both boxes"), `<it>` (something said before, else a region). What
stands for the picture becomes `<pic>`, or `<pic1>` when the question says which. The rest is left as it was written.
"""

import re

from agent.inflection import ORDINAL, SEVERAL, parse_number, parse_ordinal
from ferret.errors import RequestError

MARK = r"<(?:r(?:\d+|_|\*)|it)>"
PICTURE = r"<pic\d*>"


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _single(text: str) -> str:
    """Single spaces."""
    return " ".join(text.split())


# --- regions --------------------------------------------------------------------------------------------------------

_TOKEN = _re(r"<\s*regions?[\s_#-]*(\d{1,9})\s*>")
_SHAPE = (
    r"(?:bounding[- ]box|boxed area|box|region|area|spot|point|mask|polygon|scribble|stroke|rectangle|square|circle|"
    r"selection|marker|marking|mark|dot|position|place|location|patch|zone|section|part|shape|contour|outline|crop|"
    r"segment|coordinates?|pixel|cursor|pointer|arrow|click|highlight)"
)
_SHAPES = rf"(?:{_SHAPE}(?:s|es)?|regions|polygons|pixels)"
_MARKED = (
    r"(?:marked|highlighted|selected|indicated|circled|boxed|outlined|pointed[- ](?:at|to|out)|specified|shown|drawn|"
    r"scribbled|referenced|masked|chosen|annotated|given|designated|delineated|enclosed|clicked|tapped|framed[- ]in|"
    r"shaded|coloured|colored|bounded|cropped|picked|labelled|labeled|particular)"
)
_THING = (
    r"(?:things?|objects?|items?|ones?|stuff|elements?|entity|entities|bits?|figures?|subjects?|content|contents|"
    r"thingy)"
)
_DET = (
    r"(?:the|this|that|my|these|those|each|every|all(?: of)?(?: the| these| those| my)?|both(?: of)?(?: the| "
    r"these| those)?)"
)
DID = (
    r"(?:mark(?:ed|ing)?|point(?:ed|ing)?|select(?:ed|ing)?|click(?:ed|ing)?|highlight(?:ed|ing)?|circl(?:e|ed|ing)|"
    r"dr[ae]w(?:n|ing)?|box(?:ed|ing)?|outlin(?:e|ed|ing)|scribbl(?:e|ed|ing)|indicat(?:e|ed|ing)|tap(?:ped|ping)?|"
    r"cho(?:ose|se|sen|osing)|pick(?:ed|ing)?|touch(?:ed|ing)?|trac(?:e|ed|ing)|g[ia]ve(?:n)?|mask(?:ed|ing)?|"
    r"show(?:ed|n|ing)?|annotat(?:e|ed)|designat(?:e|ed)|mean|meant|specif(?:y|ied))"
)
"""What people do who point at something: "marked", "am pointing", "drew"."""
_AT = (
    r"(?: (?:at|to|on|over|out|around|in|upon|here|there|earlier|before|just now|a (?:box|circle|line) (?:around|"
    r"on|over)))*"
)
_I_DID = rf"(?:(?:that|which|what) )?(?:(?:did|have|am|do) )?I(?: (?:have|just|am|was|had|only))* {DID}\b{_AT}"
# "the box of the dog" asks for a box; it does not point with one.
_NOT_OF = r"(?! (?:of|for|around|covering|enclosing|that (?:encloses|surrounds|contains|covers))\b)"
_PRONOUN_BEFORE = (
    r"(?:is|are|was|were|be|of|at|about|in|inside|on|to|than|and|or|like|does|do|did|describe|name|identify|segment|"
    r"outline|mask|read|call|classify|label|transcribe|say|out|recogni[sz]e|tell me about|with|as|around|below|under|"
    r"above|near|beside|behind|say what|explain|compare|by|over|cover|covers)"
)


def mark_regions(text: str, region_count: int) -> str:
    """`text` with `<r0>` for `<region1>`; other angle brackets become spaces.

    Raises `RequestError` when it names a region that was not given.
    """

    def mark(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= region_count:
            given = {0: "no region was", 1: "1 region was"}.get(region_count, f"{region_count} regions were")
            raise RequestError(
                f"the question names '<region{number}>' but {given} given; regions are numbered from 1, give one "
                f"more "
                f"or mend the number"
            )
        return f"\x02{number - 1}\x03"

    text = re.sub(r"[<>\[\]]", " ", _TOKEN.sub(mark, text))
    return _single(re.sub("\x02(\\d+)\x03", r" <r\1> ", text))


_UNDER_A_MARK = _re(
    r"\b(?:under(?:neath)?|beneath|below|behind|(?:covered|enclosed|outlined|bounded|surrounded) by) "
    r"(?=(?:the|this|that|my) (?:\w+ )?(?:scribble|point|mask|cursor|pointer|stroke|dot|marker|arrow|click|"
    r"highlight|pixel|"
    r"polygon|selection)\b)"
)


def mark_pointing(text: str, region_count: int) -> str:
    """`text` with marks for the words that point: "the marked spot", "what I circled", "this", "region 2", "both"."""
    if region_count:  # "what is under the point" asks for what the point is on
        text = _UNDER_A_MARK.sub("in ", text)
    text = _re(r"\b(?:it|them|they)\b(?! (?:true|possible|the case|correct|seems)\b)").sub("<it>", text)
    if region_count == 0:
        return text

    # "Give me the mask" asks for one.
    text = _re(
        r"\b(?:give|show|get|return|draw|make|create|produce|generate|output|provide)(?: (?:me|us))? (?:the|its) "
        r"(?:mask|outline|contour|polygon)s?"
        r"(?=\s*(?:$|[.?!,;]))"
    ).sub("segment", text)

    def numbered(match: re.Match[str]) -> str:
        numbers = [int(number) - 1 for number in re.findall(r"\d+", match[1])]
        if all(0 <= number < region_count for number in numbers):
            return " and ".join(f"<r{number}>" for number in numbers)
        return match[0]

    text = _re(rf"\b(?:the )?{_SHAPES}\s*(?:#|no\.?\s*|number )?(\d+(?:\s*(?:,|and|&|or)\s*\d+)*)\b").sub(
        numbered, text
    )

    def nth(match: re.Match[str]) -> str:
        index = region_count - 1 if match[1].lower() == "last" else parse_ordinal(match[1])
        return f"<r{index}>" if index is not None and index < region_count else match[0]

    text = _re(rf"\bthe ({ORDINAL}|last)(?: {_MARKED})? (?:{_SHAPES}|{_THING})\b{_NOT_OF}").sub(nth, text)

    several = "<r*>"
    text = _re(rf"\b(?:the|these|those) {SEVERAL} (?:{_MARKED} )?(?:{_SHAPES}|{_THING})\b").sub(several, text)
    text = _re(
        rf"\b(?:{_DET}|everything|anything|all) (?:of )?(?:the )?(?:{_THING} )?{_I_DID}"
    ).sub(_one_or_all, text)
    text = _re(rf"\b(?:the|an?|my|this|that) (?:{_SHAPE}|{_THING}) {_I_DID}").sub("<r_>", text)
    text = _re(rf"\b(what|which)( {_THING}| [a-z]+)? (?=(?:did|have|am|do) I\b){_I_DID}").sub(r"\1\2 <r_>", text)
    text = _re(rf"(^|[.?!,;:] )(?:did|have|am) I(?: just| actually| really)? {DID}{_AT} (?=(?:an?|the|some)\b)").sub(
        r"\1is <r_> ", text
    )
    text = _re(rf"\b(?<!do )(?<!can ){_I_DID}").sub("<r_>", text)
    pointed = rf"(?: (?:that|which) (?:is|are))? {_MARKED}(?=\s*(?:$|[?.!,;]|in\b|here\b|there\b))"
    text = _re(rf"\b{_DET} {_THING}{pointed}").sub(_one_or_all, text)
    text = _re(rf"\b{_DET} {_MARKED}(?: (?:{_SHAPES}|{_THING}))?\b{_NOT_OF}(?! (?:picture|photo|image))").sub(
        _one_or_all, text
    )
    shapes = rf"(?:(?:little|small|big|red|green|blue|yellow|drawn|tiny|same|exact|whole|entire) )*{_SHAPES}"
    text = _re(rf"\b{_DET} {shapes}\b{_NOT_OF}").sub(_one_or_all, text)
    text = _re(rf"\b(?:what|which)(?:ever)? (?:is|was|are|lies) {_MARKED}\b").sub("what is <r_>", text)
    if region_count > 1:
        text = _re(
            rf"\b(?:both|all|each|either)(?: of)?(?: (?:them|these|those|<it>))?(?=\s*(?:$|[?.!,;]|{MARK}))"
        ).sub(several, text)
    text = _re(rf"\b(?:these|those)\b(?: (?:{SEVERAL}))?(?: {_THING})?").sub(several, text)
    text = _re(rf"\bthis\b(?: (?:{_THING}|{_SHAPE}|here))?").sub("<r_>", text)
    text = _re(rf"\bthat(?: (?:{_THING}|{_SHAPE}|there))\b").sub("<r_>", text)
    text = _re(rf"(^|[.?!;,]\s*|\b{_PRONOUN_BEFORE} )that\b(?! (?:is|are|there|you|I|the)\b)").sub(r"\1<r_>", text)
    text = _re(r"\b(?:over|right|in|down|up)?\s*\bhere\b(?! (?:is|are)\b)").sub(" in <r_>", text)
    text = _re(r"\b(?:over|right|in|down|up) there\b").sub(" in <r_>", text)
    there = r"\b(what(?: (?!else\b)\w+)? (?:is|lies|sits|stands)) there(?=\s*(?:$|[?.!,;]))"
    text = _re(there).sub(r"\1 in <r_>", text)
    text = _single(text)
    # "the box <r0>", "the thing in <r0>", "<r_> <r_>": one mark is enough.
    text = _re(rf"\b(?:the|this|that) (?:{_SHAPES}|{_THING}) (?=<r)").sub("", text)
    text = _re(
        rf"\b(?:the) (?:thing|object|item|one|element|entity|bit|subject) (?:(?:that|which) (?:is|lies) "
        rf")?(?:located |shown |found |marked )?"
        rf"(?:in|inside|at|within|on|under|by|covered by|enclosed by) ({MARK})"
    ).sub(r"\1", text)
    return _re(r"<r_>(?: <r_>)+").sub("<r_>", text)


def _one_or_all(match: re.Match[str]) -> str:
    """Whether the words that point are in the plural."""
    words = match[0].lower().split()
    many = words[0] in {"these", "those", "all", "both", "each", "every", "everything", "anything"} or bool(
        re.search(
            r"(?:things|objects|items|ones|regions|areas|boxes|spots|points|masks|parts|places|marks|elements)\b",
            match[0],
        )
    )
    return "<r*>" if many else "<r_>"


# --- pictures -------------------------------------------------------------------------------------------------------

_PIC = (
    r"(?:images?|pictures?|photos?|photographs?|pics?|pix|scenes?|illustrations?|drawings?|snapshots?|"
    r"screenshots?|artworks?)"
)
_PIC_DET = r"(?:the|this|that|my|our|your|these|those|both|all|each|every|either)"
_PIC_ADJ = (
    r"(?:given|whole|entire|full|attached|following|uploaded|provided|current|shown|above|below|same|next|new|old|other|"
    r"input|"
    r"sample|little|nice|lovely|beautiful|colou?rful|two|three|four|present|overall|complete|displayed|of)"
)
_PICTURE = _re(
    rf"\b(?:{_PIC_DET} )(?:(?:the|these|those) )?(?:{_PIC_ADJ} )*(?:(?P<nth>{ORDINAL}|last) )?(?:{_PIC_ADJ} )*{_PIC}"
    rf"(?: (?:#|no\.?\s*|number )?(?P<number>\d+|one|two|three|four|five)(?! \w*(?:s|es)\b))?\b(?! frame)"
    rf"|\b{_PIC} (?:#|no\.?\s*|number )?(?P<bare>\d+|one|two|three|four|five)\b"
    rf"|\b(?:in|of|from|on|inside|within) (?P<only>{_PIC})\b(?! (?:frame|#|number|no\b|\d|(?:one|two|three|four|"
    rf"five)\b))"
    rf"|\b(?P<alone>{ORDINAL}) {_PIC}\b"
)


_PICTURE_LEFT_OUT = _re(
    rf"\b(in|of|from|on|for) the ({ORDINAL}|last|other)(?: ones?)?(?=\s*(?:$|[,;:.?!]|(?:and|but|then|is|are|do|does|"
    rf"how|where|"
    rf"what|find|count|list|read|describe)\b))"
)


def mark_pictures(text: str, image_count: int) -> str:
    """`text` with `<pic>` for "this picture" and `<pic1>` for "the second image".

    Raises `RequestError` when it names a picture that was not given.
    """

    said: list[int] = []

    def mark(match: re.Match[str]) -> str:
        index: int | None = None
        if match["nth"] or match["alone"]:
            word = match["nth"] or match["alone"]
            index = image_count - 1 if word.lower() == "last" else parse_ordinal(word)
        elif match["number"] or match["bare"]:
            number = parse_number(match["number"] or match["bare"])
            index = None if number is None else number - 1
        if index is not None and not 0 <= index < image_count:
            given = "1 was" if image_count == 1 else f"{image_count} were"
            raise RequestError(
                f"the question asks about image {index + 1} but {given} given; images are numbered from 1, give "
                f"one more "
                f"or mend the number"
            )
        if match[0].lower().startswith("the other") and image_count == 2:
            index = 1 - (said[-1] if said else 0)
        said.extend([] if index is None else [index])
        before = f"{match[0].split()[0]} " if match["only"] else ""
        return f"{before}<pic{'' if index is None else index}>"

    if image_count > 1:  # "... and the cats in the second one"
        text = _PICTURE_LEFT_OUT.sub(r"\1 the \2 picture", text)
    return _PICTURE.sub(mark, text)
