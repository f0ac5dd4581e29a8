"""Texts that a question looks for: 'Is there a sign that says "No Parking"?', "Which sign says open?".

They are words of a picture, not of the question: before a question is cut into clauses and its slips are mended, each
is held out of it as a mark, which `agent.rules.searching` reads. A mark that no rule takes is put back as it was.
"""

import re

QUOTED = "\x11(\\d+)\x12"
"""A mark: the number of the text that was held out. No question holds these characters (`agent.wording.clean`)."""

SAYS = r"(?:says?|said|saying|reads?|reading|spells?|spelling|states?|stating)"
WORDS = r"(?:words?|texts?|phrase|letters|inscription|wording|lettering|writing|caption|message|title|label|slogan)"
CARRIERS = r"(?:signs?|signposts?|signboards?|boards?|placards?|posters?|banners?|notices?|labels?|billboards?|plates?)"

_TEXT = r"(?:\"(?P<text>[^\"]{1,300})\"|(?<!\w)'(?P<text2>(?:[^']|'(?=\w)){1,300})'(?!\w))"
_CONTEXTS = (
    rf"\b{SAYS}(?: (?:something like|the|{WORDS}))*[:,]? ", rf"\b{WORDS}[:,]? ",
    r"\b(?:written|printed|spelled|labell?ed|marked|inscribed|with)(?: with)?[:,]? ",
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
    r"from|me|us|written|the (?:most|same|least|sign|text|words?|name|following|opposite)|a (?:word|text|name|lot)|"
    rf"you|i|we|loud|clearly|all|both|{WORDS})\b|[<\"'\x11])"
)
_STOP = (
    r"(?= (?:anywhere|somewhere|please|at all|or not|in (?:the|this|that|my) (?:picture|image|photo|scene)|on (?:it|"
    r"them|the (?:left|right|top|bottom))|(?:is|are) (?:there|here|where)|(?:and|or|but|then) (?:where|what|which|how|"
    r"is|are|does|do|find|read|show|outline|describe|count|tell|cut|point|list)|(?:near|next to|beside|left of|right "
    r"of|to the (?:left|right) of|above|below|under|behind|in front of|on|at|in) (?:the|an?|that|this|my|any|each|"
    r"every|one|<))\b|"
    r"\s*[?!;,]|[.](?:\s|$)|\s*$)"
)
_BEGIN = r"(?:^|[.?!,] |\b(?:and|me|know|see|say|wonder|if|whether) )"
_NO_VERB = rf"(?!(?:it|the {CARRIERS}|is|are|do|does|<)\b)"
_LOOSE = tuple(
    re.compile(rf"(?P<lead>{lead}){_NO_TEXT}(?P<text>[^?!;,\x11]{{1,120}}?){_STOP}", re.IGNORECASE)
    for lead in (
        rf"(?<!\btell me )(?<!\bsee )\b(?:that|which) (?:says?|reads?) (?:{WORDS} )?",
        rf"(?<!is )(?<!are )\b(?:{CARRIERS}|text|anything|something|one) (?:saying|reading) ",
        rf"{_BEGIN}(?:where )?(?:do|does|did) {_NP}(?:say|read|spell) ",
        rf"{_BEGIN}(?:which|what|how many)(?: of)? {_NO_VERB}{_NP}(?:says?|reads?|spells?) ",
        rf"{_BEGIN}where (?:it|(?:the|this|that|any|an?) [\w-]+(?: [\w-]+)?) says? ",
        rf"{_BEGIN}(?:what|who|which) says ",
        rf"\b{CARRIERS} with the words? ",
    )
)
# "Is the sign that says exit red?": nobody can tell where that text ends.
_SAID_OF = re.compile(r"(?:^|[.?!,] )(?:is|are) (?:the|this|that|my) [\w ]*$", re.IGNORECASE)
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
        held.append((groups["text"] or groups.get("text2") or "").strip())
        mark = f"\x11{len(held) - 1}\x12"
        return f"{groups['carrier']} that says {mark}" if "carrier" in groups else f"{groups['lead']}{mark}"

    for pattern in (*_AFTER_CONTEXT, _BEFORE_WRITTEN, _BEFORE_CARRIER, *_LOOSE, _THE_WORD):
        question = pattern.sub(hold, question)
    if held:  # 'Does any sign say "open"? And "exit"?'
        question = _AND_TEXT.sub(hold, question)
    return question, held


def put_back(text: str, held: list[str]) -> str:
    """Words with their texts where the marks are."""
    return re.sub(QUOTED, lambda match: held[int(match[1])], text)
