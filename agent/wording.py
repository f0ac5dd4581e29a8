"""From a question as people type it to plain clauses: regions and pictures as marks, politeness and remarks taken off.

What stands for a region becomes a mark: `<r0>` (the region with index 0), `<r_>` (one of those given: "this", "the
marked spot"), `<r*>` (all of those given: "these", "both boxes"), `<it>` (something said before, else a region). What
stands for the picture becomes `<pic>`, or `<pic1>` when the question says which. The rest is left as it was written.
"""

import re
import unicodedata
from dataclasses import dataclass

from agent.inflection import parse_number, parse_ordinal
from ferret.errors import RequestError

MARK = r"<(?:r(?:\d+|_|\*)|it)>"
PICTURE = r"<pic\d*>"

_FLAGS = re.IGNORECASE


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, _FLAGS)


# --- cleaning -------------------------------------------------------------------------------------------------------

_CONTRACTIONS = tuple(
    (_re(pattern), to)
    for pattern, to in (
        (r"\b(what|where|which|who|how|there|it|that|here|this|when)(?:'s|'?re)\b", r"\1 is"),
        (r"\b(what|where|who|how)s\b", r"\1 is"),
        (r"\b(I)'m\b|\bim\b(?= (?:look|search|point|ask))", r"I am"),
        (r"\b(I|you|we|they)'(?:ve)\b", r"\1 have"),
        (r"\b(I|you|we|they)'(?:re)\b", r"\1 are"),
        (r"\b(I|you|we|they)'(?:d)\b", r"\1 would"),
        (r"\b(I|you|we|they)'(?:ll)\b", r"\1 will"),
        (r"\blet'?s\b", "let us"),
        (r"\bcan'?t\b|\bcannot\b", "can"),
        (r"\b(that|which|who) (is|are|was|were|do|does|did)n'?t\b", r"\1 \2 not"),
        (
            (
                r"(?<=\w )(is|are|was|were)n'?t (?=(?:to the |on the )?(?:left|right)\b|above|below|under|inside|near|"
                r"next to|"
                r"in (?:the|an?) (?!pic|im|ph|sc)|red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ea]y)"
            ),
            r"\1 not ",
        ),
        (r"\b(is|are|do|does|did|was|were|could|has|have|would)n'?t\b", r"\1"),
        (r"\b(?:pls|plz|plse)\b", "please"),
        (r"\bgimme\b", "give me"),
        (r"\blemme\b", "let me"),
        (r"\bwanna\b", "want to"),
    )
)


_PLAIN = str.maketrans("\u2018\u2019\u00b4`\u201c\u201d\u2013\u2014", "''''\"\"--")


def clean(question: str) -> str:
    """One line of plain characters; `RequestError` when nothing is asked."""
    text = unicodedata.normalize("NFKC", question)
    text = "".join(" " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else char for char in text)
    text = " ".join(text.translate(_PLAIN).split())
    if not text:
        raise RequestError("the question is empty; ask something, such as 'What is this?' or 'Where is the dog?'")
    return text


def _single(text: str) -> str:
    """Single spaces."""
    return " ".join(text.split())


def _expanded(text: str) -> str:
    for pattern, to in _CONTRACTIONS:
        text = pattern.sub(to, text)
    return text


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
_ORD = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d+(?:st|nd|rd|th))"
_NUM = r"(?:two|three|four|five|six|seven|eight|nine|ten|\d+)"
_DID = (
    r"(?:mark(?:ed|ing)?|point(?:ed|ing)?|select(?:ed|ing)?|click(?:ed|ing)?|highlight(?:ed|ing)?|circl(?:e|ed|ing)|"
    r"dr[ae]w(?:n|ing)?|box(?:ed|ing)?|outlin(?:e|ed|ing)|scribbl(?:e|ed|ing)|indicat(?:e|ed|ing)|tap(?:ped|ping)?|"
    r"cho(?:ose|se|sen|osing)|pick(?:ed|ing)?|touch(?:ed|ing)?|trac(?:e|ed|ing)|g[ia]ve(?:n)?|mask(?:ed|ing)?|"
    r"show(?:ed|n|ing)?|annotat(?:e|ed)|designat(?:e|ed)|mean|meant|specif(?:y|ied))"
)
_AT = (
    r"(?: (?:at|to|on|over|out|around|in|upon|here|there|earlier|before|just now|a (?:box|circle|line) (?:around|"
    r"on|over)))*"
)
_I_DID = rf"(?:(?:that|which|what) )?(?:(?:did|have|am|do) )?I(?: (?:have|just|am|was|had|only))* {_DID}\b{_AT}"
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

    text = _re(rf"\bthe ({_ORD}|last)(?: {_MARKED})? (?:{_SHAPES}|{_THING})\b{_NOT_OF}").sub(nth, text)

    several = "<r*>"
    text = _re(rf"\b(?:the|these|those) {_NUM} (?:{_MARKED} )?(?:{_SHAPES}|{_THING})\b").sub(several, text)
    text = _re(
        rf"\b(?:{_DET}|everything|anything|all) (?:of )?(?:the )?(?:{_THING} )?{_I_DID}"
    ).sub(_one_or_all, text)
    text = _re(rf"\b(?:the|an?|my|this|that) (?:{_SHAPE}|{_THING}) {_I_DID}").sub("<r_>", text)
    text = _re(rf"\b(what|which)( {_THING}| [a-z]+)? (?=(?:did|have|am|do) I\b){_I_DID}").sub(r"\1\2 <r_>", text)
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
    text = _re(rf"\b(?:these|those)\b(?: (?:{_NUM}))?(?: {_THING})?").sub(several, text)
    text = _re(rf"\bthis\b(?: (?:{_THING}|{_SHAPE}|here))?").sub("<r_>", text)
    text = _re(rf"\bthat(?: (?:{_THING}|{_SHAPE}|there))\b").sub("<r_>", text)
    text = _re(rf"(^|[.?!;,]\s*|\b{_PRONOUN_BEFORE} )that\b(?! (?:is|are|there|you|I|the)\b)").sub(r"\1<r_>", text)
    text = _re(r"\b(?:over|right|in|down|up)?\s*\bhere\b(?! (?:is|are)\b)").sub(" in <r_>", text)
    text = _re(r"\b(?:over|right|in|down|up) there\b").sub(" in <r_>", text)
    text = _re(r"\b(what(?: \w+)? (?:is|lies|sits|stands)) there(?=\s*(?:$|[?.!,;]))").sub(r"\1 in <r_>", text)
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
    r"(?:given|whole|entire|full|attached|following|uploaded|provided|current|shown|above|below|same|next|new|old|"
    r"input|"
    r"sample|little|nice|lovely|beautiful|colou?rful|two|three|four|present|overall|complete|displayed|of)"
)
_PICTURE = _re(
    rf"\b(?:{_PIC_DET} )(?:(?:the|these|those) )?(?:{_PIC_ADJ} )*(?:(?P<nth>{_ORD}|last) )?(?:{_PIC_ADJ} )*{_PIC}"
    rf"(?: (?:#|no\.?\s*|number )?(?P<number>\d+|one|two|three|four|five)(?! \w*(?:s|es)\b))?\b(?! frame)"
    rf"|\b{_PIC} (?:#|no\.?\s*|number )?(?P<bare>\d+|one|two|three)\b"
    rf"|\b(?:in|of|from|on|inside|within) (?P<only>{_PIC})\b(?! (?:frame|#|number|no\b|\d))"
    rf"|\b(?P<alone>{_ORD}) {_PIC}\b"
)


def mark_pictures(text: str, image_count: int) -> str:
    """`text` with `<pic>` for "this picture" and `<pic1>` for "the second image".

    Raises `RequestError` when it names a picture that was not given.
    """

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
        before = f"{match[0].split()[0]} " if match["only"] else ""
        return f"{before}<pic{'' if index is None else index}>"

    return _PICTURE.sub(mark, text)


# --- clauses --------------------------------------------------------------------------------------------------------

# What a new clause begins with, after "and", "then" or a comma. A verb counts only with something to act on.
_OBJECT = rf"(?:the|a|an|all|every|each|any|both|this|that|these|those|my|me|it|them|everything|its|their|{_NUM}|<)"
_VERB = (
    r"(?:find|locate|detect|point|show|segment|outline|mask|cut|trace|isolate|extract|describe|explain|caption|"
    r"summari[sz]e|"
    r"list|name|enumerate|identify|read|transcribe|count|compare|mark|highlight|circle|box|label|give|tell|spot|draw|"
    r"recogni[sz]e|classify|localize|localise|pinpoint|say|check|return|provide|indicate)"
)
_CLAUSE = (
    rf"(?:(?:what|where|which|who)\b(?!\W*$)(?! (?:is|are) {MARK}\s*$)|how (?:many|much|do|does|is|are)\b(?!(?: "
    rf"are there)?\W*$)|where\W*$|"
    rf"(?:is|are) (?:{MARK}|(?:there|the|a|an|any)\b)|(?:does|do|can|could|would) (?:<pic|{MARK}|(?:you|the|this)\b)|"
    rf"(?:please )?{_VERB} (?:{_OBJECT}|out\b|to\b|at\b|how\b|what\b|where\b|if\b|whether\b))"
)
_BOUNDARY = _re(
    rf"(?<=[?!;])\s*|(?<!\bno)(?<!\bvs)\.(?=\s|$)\s*|\s*[,:]? (?:and then|and also|then|also|and|but) (?:also |"
    rf"then )?(?={_CLAUSE})|"
    rf"\s*[,:]\s*(?={_CLAUSE})"
)


def clauses(text: str) -> list[str]:
    """The parts of a question that each ask for something, in order."""
    parts = [part.strip(" ?!.,;:\"'-*()") for part in _BOUNDARY.split(text)]
    # "Which is bigger, the dog or the cat?" and the like never split, as no clause begins with an article.
    return [part for part in parts if part]


@dataclass(frozen=True)
class Clause:
    """One clause without its trimmings.

    `image` is the picture that it names, `whole` whether it speaks of the picture as such, `coordinates` whether it
    wants or refuses coordinates (None: it does not say).
    """

    text: str
    image: int | None = None
    whole: bool = False
    coordinates: bool | None = None


_COORDS = (
    r"(?:(?:the|its|their|exact|precise|pixel|bounding|normali[sz]ed|corresponding|all|respective|of) )*"
    r"(?:coordinates?|bounding[- ]box(?:es)?|box(?:es)?|bbox(?:es)?|locations?|positions?)"
)
_OF_EACH = (
    r"(?: (?:of|for|with|to) (?:it|them|<it>|each|every|all|the)(?: (?:of|the|each|mentioned|named|listed|"
    r"detected|found|such|one)\b)*"
    r"(?: (?:objects?|things?|items?|ones?|them|phrases?|entity|entities))?)?(?: (?:you|that you) (?:mention|name|"
    r"find))?"
)
_WITHOUT = _re(
    rf"[,;]?\s*\b(?:(?:but|and|please) )*(?:without(?: (?:giving|any|including))*|no|(?:do|leave) (?:not|out)"
    rf"(?: (?:include|give|return|add))?|omit|skip) (?:any )?{_COORDS}{_OF_EACH}\s*$"
)
_WITH = _re(
    rf"[,;]?\s*\b(?:(?:and|also|then|please) )*(?:together |along )?(?:with|including|include|give|provide|return|"
    rf"output|add|"
    rf"report|show|specify|state|mention|attach)(?: (?:me|us))? {_COORDS}{_OF_EACH}\s*$"
)
_REMARK = _re(
    r"^(?:please )?(?:(?:answer|reply|respond)\b(?!.*\bwhat (?:is|are)\b).*|be (?:brief|concise|careful|precise|"
    r"honest|quick)\b.*|"
    r"think\b.*|(?:take a )?(?:close )?(?:look|glance|peek)(?: (?:at|carefully|closely|here|very|again)\b.*)?|"
    r"consider\b.*|given\b[^?]*|"
    r"here (?:is|are)\b.*|see <pic\d*>|use (?:one|a single|few)\b.*|in (?:one|a (?:single|few)) (?:words?|"
    r"sentences?)|"
    r"(?:just |only )?(?:yes or no|one word|true or false)|step by step|thanks?(?: you)?\b.*|thank you\b.*|please|"
    r"(?:provide|give|use|write)(?: me)? (?:a|an|one|only a|just a)[\w -]* (?:answer|reply|word)|"
    r"(?:tell|show) (?:me|us)|i (?:have|had) (?:a|one|another) question.*|i (?:have )?(?:give|gave|given|mark|"
    r"marked|drew|drawn|attached?|uploaded)\b.*|"
    r"(?:hi|hello|hey|ok|okay|good (?:morning|evening|day|afternoon))(?: (?:there|ferret|you|all))*|no "
    r"(?:explanation|prose)\b.*|"
    r"(?:find|locate|detect|identify|search|look)|(?:is|are|does|do|has|have|can) (?:<it>|there|you|<pic\d*>)|"
    r"(?:in )?<r_>(?: in)?(?: <r_>)? (?:a|an|the|some) \w+(?: (?:on|around|over|in|at)\b.*)?|"
    r"if (?:so|not|yes|there (?:is|are)(?: one| any)?)|"
    r"keep it (?:short|brief|simple)|i am curious|(?:quick|one|a|my) question|sorry|excuse me|and|ferret)$"
)
_LEAD = _re(
    r"^(?:(?:hi|hello|hey|ok|okay|so|well|now|then|also|and|but|alright|right|please|kindly|ferret|quickly|just|"
    r"simply|if so|help(?=,)|"
    r"yes or no|quick question|question|thanks|sorry|excuse me|carefully|very|briefly|again|finally|first|next|"
    r"first of all|"
    r"in your opinion|for me|once more|to start|if possible|if you can)(?: there)?\s*[,:;!-]* "
    r"|(?:can|could|would|will|might) (?:you|u|ya|we) (?:please |kindly |maybe |also |just |quickly |perhaps )*"
    r"(?!(?:see|spot|notice|make out|detect any|find any|recogni[sz]e any|observe|perceive)\b)(?:be so kind as to )?"
    r"|(?:would|could) you mind |is it possible (?:for you )?to |try (?:to|and) |go ahead and |attempt to "
    r"|i (?:would (?:like|love)|want|need|wish|was hoping) (?:for )?(?:you )?to (?:know|learn|find out|see|"
    r"understand) (?=(?:what|where|how|if|whether|which|who)\b)"
    r"|i (?:would (?:like|love)|want|need|wish|was hoping) (?:for )?(?:you )?to "
    r"|i (?:am )?(?:wonder(?:ing)?|curious|asking)\s*(?:about )?"
    r"|(?:your (?:task|job) is to|help me(?: (?:to|with))?|let (?:me|us) (?:know|see)|let us|be so kind as to|"
    r"do you (?:know|think|happen to know)|would you say|any idea|do me a favou?r and|you (?:should|must|can)) "
    r"|(?:tell|inform|show)(?: (?:me|us))?(?: exactly)? (?=(?:what|where|how|if|whether|which|who|about)\b)"
    r"|(?:find out|figure out|work out|determine|state|say|guess|decide|establish) (?=(?:what|where|how|if|"
    r"whether|which|who)\b)"
    r"|(?:what|how) about (?=\S)"
    r"|describe (?=where\b)|(?:is there )?(?:any|a|some) chance (?:that )?(?=(?:there|you)\b)"
    r"|(?:can|could|may|might) i (?:please )?(?:have|get|see|ask for) (?!.*\b(?:where|what)\b)"
    r"|(?:find|locate|look for|search for|spot) and (?=(?:mark|point|show|highlight|box|circle|outline|segment|"
    r"label)\b)"
    r"|(?:say|think|believe|confirm|verify|agree|sure) (?:that )?(?=there (?:is|are)\b)"
    r"|(?:check|verify|confirm|see|determine|decide|tell me|know|say|is it true|find out|assess) (?=(?:if|whether|"
    r"that there)\b)"
    r"|(?:look|search) (?:closely|carefully|again|at <pic\d*>) and "
    r")"
)
# "from the right", "at the top right": there it is a side, and no tag of politeness.
_NO_SIDE = "".join(f"(?<!{word} )" for word in "the to or top bottom upper lower far very".split())
_TAIL = _re(
    r"[\s,;:.!?-]+(?:please|thanks?(?: (?:you|a lot|so much))?|thank you(?: (?:very|so) much)?|for me|for us|if "
    r"(?:you )?(?:can|could|may|please)|"
    rf"if possible|if (?:there (?:is|are) )?any|if there is one|or not|{_NO_SIDE}right|ok|"
    r"okay|exactly|precisely|then|"
    r"at all|in total|altogether|overall|all together|too|as well|anywhere|somewhere|now|ferret|"
    r"at the moment|currently|in (?:one|a few|a single|your own) (?:words?|sentences?)|briefly|carefully|"
    r"in (?:full |great |more )?detail|by any chance|yes or no|do you think|would you say|perhaps|maybe|again|"
    r"approximately|roughly|to (?:me|us)|(?:as|in) (?:the )?(?:form(?:at)? )?(?:of )?(?:x_?(?:1|min)\b.*|json|"
    r"xyxy|xywh|"
    r"(?:pixel )?coordinates|(?:an? )?(?:list|bounding box|table|bullet points?)|pixels))\s*$"
)
# "Where would you say the key is?"
_ASIDE = _re(r"(?<=\w) (?:would you say|do you (?:think|believe|suppose|reckon))(?= )")
# "..., doesn't it?"
_QUESTION_TAG = _re(r",\s*(?:is|are|does|do|has|have|can) (?:<it>|there|you|<pic\d*>)$")
_COLON = _re(
    r"^((?:count|find|locate|detect|segment|describe|outline|read|list|point to|ground|show|mask|identify|name|"
    r"where is)"
    r"(?: (?:me|the))?)\s*:\s*"
)
_SCOPE = _re(
    rf"(?:\s*,)?(?:(?:^| )(?:(?:that|which) (?:is|are|you (?:can )?see|can be seen|appears?) )?(?:anywhere |"
    rf"somewhere )?)?"
    rf"\b(?:in|on|within|inside|from|of|at|throughout|across|into|around|over|to|for) {PICTURE}"
)
_WHETHER = (
    (_re(r"^(?:if|whether|that) there (is|are) "), r"\1 there "),
    (_re(r"^(?:if|whether|that) (?:you )?(?:can )?(?:see|spot|find) "), "do you see "),
    (_re(rf"^(?:if|whether) ({PICTURE}|{MARK}) (contains?|shows?|has|have|includes?|features?) "), r"does \1 \2 "),
    (_re(r"^(?:if|whether) (.+?) (is|are|can|could) "), r"\2 \1 "),
)


def trim(clause: str) -> Clause | None:
    """The clause without politeness, remarks on coordinates, and mention of the picture; None when nothing is asked."""
    text = " ".join(clause.split())
    image, whole, coordinates = None, False, None
    for match in re.finditer(r"<pic(\d*)>", text):
        whole = True
        image = int(match[1]) if match[1] else image
    if _REMARK.match(text):
        return None
    before = None
    while before != text:
        before = text
        text = re.sub(rf"^{PICTURE}\s*[,:;-]\s*", "", text)
        text = _ASIDE.sub("", _LEAD.sub("", text, count=1)).strip(" ,;:!?-\"'")
        text = _QUESTION_TAG.sub("", _COLON.sub(r"\1 ", text))
        text = _TAIL.sub("", text, count=1).strip(" ,;:!?-\"'")
        if (found := _WITHOUT.search(text)) is not None:
            text, coordinates = text[: found.start()].strip(), False
        elif (found := _WITH.search(text)) is not None:
            text, coordinates = text[: found.start()].strip(), True
        text = _SCOPE.sub("", text).strip(" ,;:!?-\"'") if _scoped(text) else text
    for pattern, to in _WHETHER:
        text, changed = pattern.subn(to, text, count=1)
        if changed:
            break
    text = " ".join(text.split())
    if _REMARK.match(text) and not whole:
        return None
    return Clause(text, image, whole, coordinates)


def _scoped(text: str) -> bool:
    """Whether a mention of the picture only says where to look ("what is this a picture of" is about the picture)."""
    return not re.match(
        rf"^(?:(?:what|how)\b.*\b(?:made|kind|sort|type|copy) of {PICTURE}|compare\b|how do(?:es)?\b.*differ)",
        text,
        _FLAGS,
    )


def prepare(question: str, region_count: int, image_count: int) -> list[str]:
    """The marked clauses of a question, not yet trimmed. Raises `RequestError` as the functions above do."""
    text = _expanded(mark_regions(clean(question), region_count))
    text = mark_pointing(mark_pictures(text, image_count), region_count)
    return clauses(" ".join(text.split()))
