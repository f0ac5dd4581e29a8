"""Texts that a question looks for, or tells things by: "Which sign says open?", 'the sign that says "No Parking"'.

They are words of a picture, not of the question: before a question is cut into clauses and its slips are mended, each
is held out of it as a mark, which `agent.rules.searching` and `agent.narrowing` read. A mark that neither takes is put
back as it was.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from agent.intents import Filter, Operand, Step
from agent.relation_words import RELATION_WORDS

QUOTED = "\x11(\\d+)\x12"
"""A mark: the number of the text that was held out. No question holds these characters (`agent.wording.clean`)."""

SAYS = r"(?:says?|said|saying|reads?|reading|spells?|spelling|states?|stating)"
WORDS = r"(?:words?|texts?|phrase|letters|inscription|wording|lettering|writing|caption|message|title|label|slogan)"
CARRIERS = r"(?:signs?|signposts?|signboards?|boards?|placards?|posters?|banners?|notices?|labels?|billboards?|plates?)"
_WRITTEN = r"(?:written|printed|inscribed|painted|spelled out)"
_BEARS = (
    r"(?:with|has|have|having|bears?|bearing|carr(?:y|ies|ying)|shows?|showing|displays?|displaying|"
    r"labell?ed(?: with)?|marked(?: with)?|inscribed(?: with)?|titled|captioned)"
)
_UP_TO_TEXT = rf"(?: (?:the|an?|exactly|only|just|something like))*(?: {WORDS})?[:,]? "
_NOT = r"(?P<not>not )?"
_THAT = rf"(?:(?:that|which|who) )?(?:(?:do|does|did|is|are) )?{_NOT}"
SAYING = (
    rf"{_THAT}{SAYS}{_UP_TO_TEXT}(?P<text>{QUOTED})",
    rf"{_THAT}{_BEARS}{_UP_TO_TEXT}(?P<text>{QUOTED})(?: {_WRITTEN})?",
    rf"(?P<not>without){_UP_TO_TEXT}(?P<text>{QUOTED})(?: {_WRITTEN})?",
    rf"whose {WORDS} (?:is|are|says?|reads?) {_NOT}(?P<text>{QUOTED})",
)
"""What follows a noun and tells what stands on it: `text` is the mark, `not` whether it does not stand there."""
SAYING_BEGINS = rf"(?:not )?(?:{SAYS}|{_BEARS}|without|whose){_UP_TO_TEXT}{QUOTED}"

_TEXT = r"(?:\"(?P<text>[^\"]{1,300})\"|(?<!\w)'(?P<text2>(?:[^']|'(?=\w)){1,300})'(?!\w))"
_CONTEXTS = (
    rf"\b{SAYS}(?: (?:something like|the|{WORDS}))*[:,]? ", rf"\b{WORDS}[:,]? ",
    r"\b(?:written|printed|spelled|labell?ed|marked|inscribed|with)(?: with)?[:,]? ",
    rf"\bwhose {WORDS} (?:is|are) (?:not )?",
    rf"\b(?:is|are) the {WORDS} (?:on|of|in) (?:[\w<>-]+ ){{1,5}}?",
)  # fmt: skip
_AFTER_CONTEXT = tuple(re.compile(f"(?P<lead>{context}){_TEXT}", re.IGNORECASE) for context in _CONTEXTS)
_BEFORE_WRITTEN = re.compile(
    rf"(?P<lead>){_TEXT}(?= (?:(?:is |are )?(?:written|printed|spelled out|inscribed)|on (?:\w+ ){{1,4}}?{CARRIERS})"
    r"\b)",
    re.IGNORECASE,
)
# 'the "exit" sign'
_BEFORE_CARRIER = re.compile(rf"{_TEXT}[- ](?P<carrier>{CARRIERS})\b", re.IGNORECASE)

# Without quotation marks a text ends where the question goes on.
_NP = r"(?:[\w<>*'-]+ ){1,8}?"
_NO_TEXT = (
    r"(?!(?:anything|something|nothing|everything|what|whatever|about|to|that|this|it|them|so|where|if|whether|who|"
    r"how|in|on|at|there|here|aloud|out|more|less|which|why|when|please|again|now|for|and|or|any|some|is|are|of|with|"
    r"from|me|us|written|not|neither|either|the (?:most|same|least|sign|text|words?|name|following|opposite)|"
    r"a (?:word|text|name|lot)|"
    rf"you|i|we|loud|clearly|all|both|{WORDS})\b|[<\"'\x11])"
)
_STOP = (
    r"(?= (?:anywhere|somewhere|please|at all|or not|in (?:the|this|that|my) (?:picture|image|photo|scene)|on (?:it|"
    r"them|the (?:left|right|top|bottom))|(?:is|are) (?:there|here|where)|(?:and|or|but|then) (?:where|what|which|how|"
    r"is|are|does|do|find|read|show|outline|describe|count|tell|cut|point|list)|(?:and|or|but|than) (?:the|an?|any|my|"
    r"another|every|to the) |(?:that|which) (?:is|are|lies|stands)|(?:is|are) (?:not )?(?:left|right|above|below|near|"
    r"next|in|on|at|to|under|behind|bigger|larger|smaller|closer|farther|nearest|closest|touching)|(?:closer|nearer|"
    r"nearest|closest|farthest)(?: to| from)? the|from the (?:left|right|top|bottom)|(?:near|next to|beside|left of|"
    r"right of|to the (?:left|right) of|above|below|under|behind|in front of|on|at|in|besides|except|other than) "
    r"(?:the|an?|that|this|my|any|each|every|one|<))\b|"
    r"\s*[?!;,]|[.](?:\s|$)|\s*$)"
)
_BEGIN = r"(?:^|[.?!,] |\b(?:and|me|know|see|say|wonder|if|whether) )"
_NO_VERB = rf"(?!(?:it|the {CARRIERS}|is|are|do|does|<)\b)"
_DOES_NOT = r"(?:(?:do|does|did)(?: not|n't) )?"
_LOOSE = tuple(
    re.compile(rf"(?P<lead>{lead}){_NO_TEXT}(?P<text>[^?!;,\x11]{{1,120}}?){_STOP}", re.IGNORECASE)
    for lead in (
        rf"(?<!\btell me )(?<!\bsee )\b(?:that|which) {_DOES_NOT}(?:says?|reads?) (?:{WORDS} )?",
        rf"(?<!is )(?<!are )\b(?:{CARRIERS}|text|anything|something|one) (?:not )?(?:saying|reading) ",
        rf"{_BEGIN}(?:where )?(?:do|does|did) {_NP}(?:say|read|spell) ",
        rf"{_BEGIN}(?:which|what|how many)(?: of)? {_NO_VERB}{_NP}(?:says?|reads?|spells?) ",
        rf"{_BEGIN}where (?:it|(?:the|this|that|any|an?) [\w-]+(?: [\w-]+)?) says? ",
        rf"{_BEGIN}(?:what|who|which) says ",
        rf"\b{CARRIERS} with the words? ",
        rf"\b{CARRIERS} (?:that (?:is|are) )?(?:not )?(?:labell?ed|inscribed|titled)(?: with)? ",
    )
)
# "Is the sign that says exit red?" asks something of the sign: the text ends where that begins, or nobody knows where.
_SAID_OF = re.compile(
    rf"(?:^|[.?!,] )(?:is|are) (?:the|this|that|my) (?:(?!(?:{RELATION_WORDS}|than|to)\b)[\w-]+ )*$", re.IGNORECASE
)
_OF_IT = (
    r"(?:not )?(?:mostly |really |much |far )?(?:(?:red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ae]y)"
    r"(?: in colou?r)?|(?:on|at|to|in) the (?:far |very )?(?:left|right|top|bottom|middle)(?: side| half)?|"
    rf"(?:{RELATION_WORDS}|[a-z]+er than|(?:closer|nearer) to|touch|overlap|cover|hide) (?:the|an?|this|that|my|any|<)"
    r"[^?!;]*|visible|there|here|the (?:largest|biggest|smallest|leftmost|rightmost|highest|lowest)(?: one| sign)?)"
)
_ASKED_OF = re.compile(
    r"(?P<lead>(?:^|[.?!,] )(?:is|are|does|do) (?:the|this|that|my) (?:[\w-]+ ){1,8}?(?:that|which) "
    rf"{_DOES_NOT}(?:says?|reads?) ){_NO_TEXT}(?P<text>[^?!;,\x11]{{1,120}}?)(?= {_OF_IT}\s*(?:[?!]|[.](?:\s|$)|$))",
    re.IGNORECASE,
)
# "What does the sign near the one that says stop say?"
_ASKED_TO_READ = re.compile(r"(?:^|[.?!,] )what (?:do|does) ", re.IGNORECASE)
_SAY_AT_END = re.compile(r" (?:say|read)$", re.IGNORECASE)
# "the board with no parking written on it"
_WITH_WRITTEN = re.compile(
    rf"(?P<lead>\b(?:with|having|(?:that|which) (?:has|have)) ){_NO_TEXT}(?P<text>[^?!;,\x11]{{1,120}}?)"
    rf"(?= {_WRITTEN} (?:on|across) )",
    re.IGNORECASE,
)
_ON_IT = re.compile(
    rf"(?P<said>\b(?:with|without|has|have|having|bears?|bearing|shows?|showing)(?: (?:the|an?))?(?: {WORDS})?[:,]? "
    rf"{QUOTED})(?: (?:that is |which is )?{_WRITTEN})?(?: (?:on|upon|across) (?:it|them)\b)(?! \w)",
    re.IGNORECASE,
)
_AND_TEXT = re.compile(rf"(?P<lead>[.?!;,] (?:and|or|what about|how about)(?: for)? ){_TEXT}(?=\W*(?:$|[?.!]))", re.I)
# "the word stop" is one word.
_THE_WORD = re.compile(
    rf"(?P<lead>\bthe (?:single )?word ){_NO_TEXT}(?P<text>[\w'&-]+)(?= (?:written|anywhere|on|in|printed|there|"
    r"visible|and|appears?|stands?|somewhere)\b|\s*(?:[?!;,]|[.](?:\s|$)|$))",
    re.IGNORECASE,
)


def hold_texts(question: str) -> tuple[str, list[str]]:
    """A cleaned question with a mark for each text that it looks for, and these texts."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        groups = match.groupdict()
        if match.re in _LOOSE and _SAID_OF.search(match.string, 0, match.start()):
            return match[0]
        text, after = (groups["text"] or groups.get("text2") or "").strip(), ""
        asked_to_read = match.re in _LOOSE and _ASKED_TO_READ.search(match.string, 0, match.start())
        if asked_to_read and (say := _SAY_AT_END.search(text)):
            text, after = text[: say.start()], say[0]
        if not text:
            return match[0]
        held.append(text)
        mark = f"\x11{len(held) - 1}\x12{after}"
        return f"{groups['carrier']} that says {mark}" if "carrier" in groups else f"{groups['lead']}{mark}"

    for pattern in (
        *_AFTER_CONTEXT, _BEFORE_WRITTEN, _BEFORE_CARRIER, _ASKED_OF, *_LOOSE, _WITH_WRITTEN, _THE_WORD,
    ):  # fmt: skip
        question = pattern.sub(hold, question)
    question = _ON_IT.sub(lambda match: match["said"], question)
    if held:  # 'Does any sign say "open"? And "exit"?'
        question = _AND_TEXT.sub(hold, question)
    return question, held


def put_back(text: str, held: Sequence[str], numbers: Collection[int] | None = None) -> str:
    """Words with their texts where the marks are; those of `numbers` alone, where these are given."""
    return re.sub(
        QUOTED, lambda match: held[int(match[1])] if numbers is None or int(match[1]) in numbers else match[0], text
    )


def with_texts(step: Step, sources: Mapping[Filter, str], held: Sequence[str]) -> tuple[Step, dict[Filter, str]]:
    """A step with its texts in place of their marks; `sources`, the words that each of its filters was read from,
    likewise.
    """

    def back(operand: Operand) -> Operand:
        return put_back(operand, held)[:300] if isinstance(operand, str) else operand

    filters: list[Filter] = []
    words: dict[Filter, str] = {}
    for one in step.filters:
        changed: dict[str, object] = {"of": back(one.of), "text": one.text and put_back(one.text, held)}
        changed |= {} if one.anchor is None else {"anchor": back(one.anchor)}
        filters.append(one.model_copy(update=changed))
        if one in sources:
            words[filters[-1]] = put_back(sources[one], held)
    told = {
        "targets": tuple(map(back, step.targets)),
        "operands": tuple(map(back, step.operands)),
        "text": step.text and put_back(step.text, held),
        "filters": tuple(filters),
    }
    return step.model_copy(update=told), words
