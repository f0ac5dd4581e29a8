"""Questions about everything there is, or all of a wider kind: "What animals do you see?"."""

import re

from agent.inflection import is_plural
from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.pointing import MARK, PICTURE
from agent.rules.common import BE, Draft, pattern
from agent.rules.grounding import BOX_NOUN

_EVERY = r"(?:all|every(?:thing)?|each|all (?:of )?the|the|any|of)"
_LIST_VERB = pattern(
    r"^(?P<verb>list|enumerate|itemi[sz]e|inventory|catalog(?:ue)?|mention|tell me|name|report|write down|note down|"
    r"recite)\b(?: (?:me|us|out|down|for me|up))*\s*(?P<np>.*)$"
)
_LIST_MAKE = pattern(
    r"^(?:(?:give|make|write|provide|create|produce|compile|show|return|draw up|output|prepare|generate|i "
    r"(?:want|need|would like))(?: (?:me|us))?|what is|(?=(?:an? |the )?(?:names?|list|inventory) of)) ?(?:(?:a|an|"
    r"the|complete|full|short|quick|detailed|"
    r"comma[- ]separated|bullet(?:ed)?|exhaustive|simple) )*(?:list|inventory|catalog(?:ue)?|enumeration|"
    r"listing|rundown|index|names?)\s*(?:(?:of|with|for|containing) (?P<np>.+))?$"
)
_LIST_DETECT = pattern(
    r"^(?:detect|find|locate|identify|recogni[sz]e|spot|point out|show(?: me)?|get|label|box|mark|highlight|"
    r"annotate|ground|name|give(?: me)?(?: (?:the )?(?:boxes|bounding boxes|coordinates|locations) (?:of|"
    r"for))?|draw (?:a )?(?:bounding )?box(?:es)? (?:around|on|for)) (?P<np>.+)$"
)
_LIST_WHAT = pattern(
    r"^what\s*(?:all|else)?\s*(?:(?:is|are|can|do|does|could|did|would|will|might|have|has|there|here|all|"
    r"you|we|i|one|be|been|visible|shown|to|able|see|seen|spot|spotted|find|found|notice|observe|observed|"
    r"recogni[sz]e|detect|detected|identify|make|out|perceive|displayed|depicted|present|pictured|drawn|"
    r"appears?|included|contained|discover|looking|at|exists?|going|know|happens|in|on|view|it|<it>|"
    r"everything|got|featured|located|currently|exactly)\b\s*)*(?P<mark><r.+)?$"
)
_LIST_WHICH = pattern(
    rf"^(?:what|which) (?P<np>(?!(?:is|are|do|does|can|was|did|about|happen\w*|goes|colou?rs?|shapes?|size|"
    rf"time|kind of (?:scene|picture|place)|the)\b).+?) (?:{BE}|do|does|can|could|appears?|exists?|occurs?|"
    rf"have|has|did|you see|shown|in <r|inside <r)\b\s*(?P<rest>.*)$"
)
CONTAINS = pattern(
    rf"^(?:what|which) (?P<np>.*?)\s*(?:do|does|is|are) (?:{PICTURE}|<it>) (?:contain|include|have|hold|consist of|"
    rf"feature|comprise|made (?:up )?of|composed of|got)s?\b.*$"
    rf"|^(?:what|which) (?P<np2>.+?) (?:do|does) {PICTURE} (?:show|depict|display|portray|present)$"
)
_LIST_WHAT_ARE = pattern(r"^what (?:are|is) (?P<np>(?:all )?(?:of )?the \w.*)$")
_SEES = (
    r"(?:there|you|we|i|one|see|seen|spot|spotted|find|found|notice|observe|be|been|visible|shown|"
    r"depicted|present|pictured|here|recogni[sz]e|recogni[sz]ed|identify|identified|detect|detected|in|"
    r"appear|appears|able|to|make|out|can|do|displayed|drawn|included|contained|featured|count|located|"
    r"exist|view|it|<it>|at|all)"
)


_PLACE_OF = pattern(rf"^(?:the )?{BOX_NOUN} (?:of|for) ")
_NAMING = frozenset({"name", "tell me", "identify", "recognise", "recognize", "label"})
_ONE_THING = pattern(r"^(?:the|this|that|an?) (?:\w+ )*?(?:object|thing|item|one|entity)\b")


def list_things(text: str, lexicon: Lexicon) -> Draft | None:
    """LIST, when the clause asks for everything, or for all things of a kind."""
    if match := CONTAINS.match(text):
        return Draft(Intent.LIST, named(match["np"] or match["np2"] or "everything", lexicon))
    if match := _LIST_MAKE.match(text):
        return Draft(Intent.LIST, _listed(match["np"] or "everything", lexicon))
    if match := _LIST_VERB.match(text):
        if _PLACE_OF.match(match["np"]):
            return None
        found = _listed(match["np"] or "everything", lexicon)
        one_region = bool(found.marks) and found.quantity == "one" and not found.targets  # "Name the marked object"
        verb = match["verb"].lower()
        several = found.quantity != "one" or found.everything or verb not in _NAMING
        one_thing = verb in _NAMING and (one_region or _ONE_THING.match(match["np"]) is not None)
        if several and not one_thing and (verb != "tell me" or found.targets or found.everything):
            return Draft(Intent.LIST, found)
    if match := _LIST_DETECT.match(text):
        found = _listed(match["np"], lexicon)
        verb = text.split()[0].lower()
        one_region = bool(found.marks) and found.quantity == "one" and verb in _NAMING
        if found.everything and not found.targets and not one_region and not _ONE_THING.match(match["np"]):
            return Draft(Intent.LIST, found, coordinates=verb not in _NAMING)
    if (match := _LIST_WHAT.match(text)) and not match["mark"]:
        return Draft(Intent.LIST, Named(everything=True, quantity="all"))
    if (match := _LIST_WHAT_ARE.match(text)) and not pattern(BOX_NOUN).search(text):
        found = _listed(match["np"], lexicon)
        if found.quantity == "all" and (
            found.everything or all(lexicon.match(target).known for target in found.targets)
        ):
            return Draft(Intent.LIST, found)
    if match := _LIST_WHICH.match(text):
        rest = " ".join(word for word in match["rest"].split() if not re.fullmatch(_SEES, word.strip(",.?!"), re.I))
        words = pattern(r" (?:you|we|i|one)$").sub("", match["np"])
        marks = " ".join(re.findall(MARK, rest))
        if re.fullmatch(rf"(?:\s*{MARK}\s*|\s*(?:in|inside|at|on|within|of|under|the)\s*)*", rest):
            found = named(f"{words} in {marks}" if marks else words, lexicon)
            if not marks or (found.quantity == "all" or is_plural(words)):
                return Draft(Intent.LIST, found)
    return None


def _listed(text: str, lexicon: Lexicon) -> Named:
    text = (
        pattern(
            rf"^(?:me |out )*(?:(?:the )?names? of |what(?:ever)? (?:{BE} |you (?:can )?)?|{_EVERY} )*?(?=\S)"
        ).sub(
            "", text, count=1
        )
        if not re.match(r"^(?:every|each|all|any)\b", text, re.I)
        else text
    )
    text = pattern(
        r"\s*\b(?:(?:that|which|what) )?(?:you|i|we|one) (?:can |are able to |could )?(?:see|find|spot|notice|"
        r"recogni[sz]e|detect|identify|make out|observe|know|perceive)(?: (?:in|on|inside|at))?\b"
    ).sub("", text)
    text = pattern(
        r"^(?:what(?:ever)? (?:is|are|objects?|things?)|what(?:ever)?)\b\s*(?:there|visible|shown|"
        r"present)?(?: (?:is|are)(?: (?:there|visible|present|shown))?)?"
    ).sub("everything ", text)
    return named(text.strip() or "everything", lexicon)


THINGS_IN_REGION = pattern(
    r"^(?:what|which) (?:\w+ ){0,2}\w+s (?:are|can|do|appear|exist|lie)\b.*\b(?:in|inside|within) <r"
)
