"""Questions about text in the picture: "What does the sign say?"."""

import re

from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.rules.common import BE, IN, TEXT, TEXT_OR_NUMBER, WRITTEN, Draft, pattern

_READ_VERB = pattern(
    r"^(?:read|transcribe|ocr|decipher|recite|spell|type(?! of\b)|spell out|type out)\b(?: (?:out|aloud|off|up|"
    r"back|to me|for me|me))*\b\s*(?P<np>.*)$"
)
_READ_SAYS = pattern(
    rf"^what (?:do(?:es)?|did|can|could|might|would)?\s*(?P<np>.+?) (?:says?|reads?|spells?|states?|tells?(?: "
    rf"(?:us|me))?)\b(?: {IN}\b(?P<on>.+))?$"
)
_READ_SAYING = pattern(rf"^what {BE} (?P<np>.+?) (?:saying|telling(?: (?:us|me))?|reading)$")
_READ_HAS = pattern(rf"^what (?:do|does) (?P<np>.+?) have {WRITTEN}\b.*$|^(?P<np2>.+?) (?:says?|reads?) what$")
_READ_WRITTEN = pattern(
    rf"^(?:(?:what|which)\b.*?|{BE} (?:there )?(?:anything|something)\b.*?)\b{WRITTEN}\b(?: (?:down|out|"
    rf"there))?(?: {IN}\b)?\s*(?P<np>.*)$"
)
_READ_TEXT = pattern(
    rf"^(?:(?:what|which)(?: {BE})?(?: (?:the|all|any|kind of|sort of))*|(?:extract|get|give|find|locate|"
    rf"detect|recogni[sz]e|show|tell|return|provide|output|copy|write|repeat|report|type|list|print|quote|"
    rf"point to)(?: (?:me|us|out|down|back))*(?: (?:all|the|any|every|each|of))*|(?:where|{BE}) "
    rf"{BE}?\s*(?:there )?(?:any|some|the|all)?(?: the)?|(?:do|can) you (?:see|spot|find|notice|make out) "
    rf"(?:any|some|the)?)\s*(?:\b(?:visible|readable|legible|printed|written|exact) "
    rf")*\b(?P<what>{TEXT})\b(?! (?:document|book|box|file|bubble|balloon))(?: (?:{BE}|appears?|can be|"
    rf"stands?|that|which|there|you|can|see|read|seen|visible|shown|present|say|says|{WRITTEN}))*(?: "
    rf"{IN}\b)?\s*(?P<np>.*)$"
)
_READ_NUMBER = pattern(
    rf"^(?:what|which) (?:{TEXT_OR_NUMBER}|name|brand|letter) (?:{BE}|appears?|stands?|do you see) (?:\w+ "
    rf")?{IN} (?P<np>.+)$"
)
_READ_WHETHER = pattern(
    r"^(?:does|do|did) (?P<np>(?:the|this|that|any|my|<).*?) (?:say|read|spell) (?!.*\b(?:to|about)\b).+$"
)
_READ_PART = pattern(
    rf"^(?:what|which) {BE} the (?:(?:first|second|third|last|only|top|bottom|middle|longest|shortest|big|large|"
    rf"small|main) )*"
    rf"(?:(?:{TEXT_OR_NUMBER}|heading|price|date|letter) (?:written |printed )?(?:on|in|inside|upon|across)|{TEXT} of) "
    rf"(?P<np>.+)$"
)
_READ_CARRIES = pattern(
    rf"^(?:what|which) (?:kind of )?{TEXT_OR_NUMBER} (?:do(?:es)?|is|are) (?P<np>.+?) (?:show|carry|have|bear|"
    rf"display|contain|"
    rf"hold|feature|showing|carrying|displaying|bearing)$"
)
_READ_OF = pattern(rf"^(?:what {BE}|give(?: me)?|tell me|show me) (?P<np>.+?)(?:'s|s') {TEXT}$")
_READ_ON = pattern(
    r"^what (?:is|appears|stands) (?:on|in) (?P<np>(?:the|a|an|this|that|each|every|<r_>) (?:[\w-]+ "
    r")*?(?:sign|signs|signboard|signpost|placard|billboard|poster|banner|notice|label)s?)$"
)
_READ_CAN = pattern(rf"^what (?:can|could|do) (?:you|i|we|one) read\b(?: {IN}\b)?\s*(?P<np>.*)$")
_READ_DOES = pattern(
    rf"^(?:does|do|is|are) (?P<np>.+?) (?:(?:say|contain|have|show|carry|include|display|got) (?:any|some|a|"
    rf"the)?\s*(?:{TEXT}|anything)|readable|legible)\b.*$"
)

_READ_FRAGMENT = pattern(
    rf"^(?:(?:the|all|any|some|every|whole|full) )*(?:{WRITTEN} |visible |exact )?(?P<what>{TEXT})(?: (?:{WRITTEN}|"
    rf"visible|shown|"
    rf"present))?(?: {IN} (?P<np>.+))?$|^{WRITTEN} (?:on|in|inside|upon|over|across) (?P<np2>.+)$"
)
_READ_ITS = pattern(
    r"^(?:the )?(?P<np>(?!what|which|where|how|is|are|do|find|show)[\w<>*-]+(?: [\w-]+){0,3}?)(?:'s|s')?"
    r"(?<! the)(?<! a)(?<! any)(?<! some) (?:text|wording|inscription|lettering|writing)$"
)


def read(text: str, lexicon: Lexicon) -> Draft | None:
    """READ, when the clause asks what text says or is there."""
    for rule in (
        _READ_HAS,
        _READ_VERB,
        _READ_CAN,
        _READ_SAYS,
        _READ_SAYING,
        _READ_WRITTEN,
        _READ_ON,
        _READ_OF,
        _READ_CARRIES,
        _READ_NUMBER,
        _READ_PART,
        _READ_TEXT,
        _READ_DOES,
        _READ_WHETHER,
        _READ_FRAGMENT,
        _READ_ITS,
    ):
        match = rule.match(text)
        if match is None:
            continue
        alone = rule is _READ_FRAGMENT and not (match["np"] or match["np2"])
        if alone and (lexicon.knows(match["what"]) or "caption" in text.lower()):
            continue  # "letter" is a name as well
        rest = match["np"] or match.groupdict().get("np2") or ""
        if rule is _READ_SAYS and match["on"] and re.fullmatch(r"<it>|it|<r_>", rest.strip(), re.I):
            rest = match["on"]
        where = rule is _READ_TEXT and pattern(r"^(?:where|locate|detect|find|point)\b").match(text) is not None
        yes_no = pattern(r"^(?:is|are|does|do|can)\b").match(text) is not None
        return Draft(Intent.READ, readable(rest, lexicon), yes_no=yes_no, coordinates=where)
    return None


def readable(text: str, lexicon: Lexicon) -> Named:
    """What carries the text: "the words on the sign" is the sign."""
    stripped = pattern(
        rf"^(?:(?:me|us|out|aloud|all|the|any|every|each|of|what|that|which|{BE}|visible|printed|written|"
        rf"exact|whole|full) )*(?:what {BE} {WRITTEN}|what {BE}(?= {IN}\b)|what <it> says|{TEXT}|what(?= (?:the|a|"
        rf"<))|what$)(?: "
        rf"(?:{BE}|that|which|appears?|can|be|seen|shown|there|you|see|say|says|{WRITTEN}))*\b(?: "
        rf"{IN}\b)?\s*"
    ).sub("", text.strip())
    stripped = pattern(rf" (?:say|says|said|reads|aloud|out loud|to me|out)$|\s*(?:'s)? {TEXT}$").sub("", stripped)
    # "the first word", "it" and the like carry nothing.
    return named(stripped, lexicon) if stripped else Named()
