"""Questions about what a region shows: "What is this?", "Is <region1> a dog?"; and clauses that fit no rule at all."""

import re

from agent.courtesy import states
from agent.inflection import is_plural
from agent.intents import Intent, Quantity
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.pointing import MARK
from agent.rules.common import BE, Draft, pattern, pointing
from agent.rules.listing import THINGS_IN_REGION

_REFER_WORDS = frozenset(
    """
    what which who whats is are was were be am being been the a an of in inside at on under within into behind by to
    for from with around this that these those it its there here one ones thing things object objects item items
    kind kinds type types sort sorts class category categories name names called call named do does did you we i me
    us my see seen look looking like looks might could would can may should will think tell say know identify
    recognize recognise classify label guess determine give show shows shown contain contains contained depict
    depicts depicted represent represents represented displayed display pictured drawn located lies lie lying sits
    found find covered covers cover enclosed encloses marked region regions area areas box boxes spot point points
    mask masks place position part exactly precisely really actually word words noun please and or about species
    breed correct right best animal's tag describe's element elements entity stuff thingy denote denoted denotes
    indicated indicate refer refers referred single short answer belongs belong visible present both each all every
    them they together any everything something selected pointed pointing picture image photo scene now just then so
    also holds hold held detected detect seeing figure content contents portrayed portrays meant mean means if
    whatever whose term identity supposed labelled labeled tagged suggest suggested best's surrounded sitting
    standing over
    """.split()
)
_REFER_IS = pattern(
    rf"^(?:is|are|was|were) (?:(?:both|all|each|any|either) (?:of )?)?(?P<marks>{MARK}(?:\s*(?:and|,|"
    rf"or)\s*{MARK})*) (?:all |both |really |actually |supposed to be |perhaps |maybe |just |possibly |showing "
    rf"|of |meant to be |indeed )*(?P<np>.+)$"
)
_REFER_DOES = pattern(
    rf"^(?:do(?:es)?|could|can|might|would) (?P<marks>{MARK}(?:\s*(?:and|,)\s*{MARK})*) (?:look like|show|"
    rf"depict|represent|be|portray|resemble|seem to be) (?P<np>.+)$"
)
_REFER_CALL = pattern(
    rf"^(?:would|could|should|can|may|do|might|must|shall) (?:you|i|we|one|people) (?:call|say|consider|describe|"
    rf"think|name|"
    rf"label|class|classify|identify|believe)(?: that)? (?P<marks>{MARK}) (?:is |are |as |to be |could be |might be )?"
    rf"(?P<np>(?:an?|the|any|some) .+)$"
)
_REFER_STATED = pattern(
    rf"^(?P<marks>{MARK}) (?:is|are|was|were|must be|might be|could be|should be|has to be|looks like|seems to be|"
    rf"appears to be|may be|can only be) (?:really |actually |surely |probably |certainly |definitely |not )*"
    rf"(?P<np>(?:an?|the|some|one of) .+)$"
)
_REFER_CHOICE = pattern(
    rf"^(?:what|which)\b[^<]*? (?:is|are|shows?) (?P<marks>{MARK})\s*[,:-]\s*(?P<np>(?:an?|the) .+ or .+)$|"
    rf"^(?P<np2>(?:an?|the) .+ or [^,:-]+)\s*[,:-]\s*(?:what|which)\b[^<]*? (?:is|are|shows?) {MARK}$|"
    rf"^(?:what|which|who) of {MARK}(?:(?:,| and|, and|,? or) {MARK})* (?:is|are|shows?) (?P<np3>(?:an?|the) .+)$"
)
_REFER_PLACE = pattern(
    rf"^(?:the )?(?:exact )?(?:position|location|place|placement|coordinates|whereabouts|bounding box) of {MARK}$"
)
_REFER_KIND = pattern(
    rf"^(?:what|which|name|tell me|identify|(?=(?:the )?(?:kind|type|sort|species|breed|name|category|"
    rf"class)s? of))\s*(?:the )?(?:(?:kinds?|types?|sorts?|breeds?|species|class|name|"
    rf"category|variety|make) of )?(?:an? |the )?[\w' -]+?\s*(?:{BE}|do(?:es)?|am|did|can|could|have|has|in|at|"
    rf"inside|within|that)?\b[\w' ]*?\s*{MARK}[\w' ]*$"
)


def refer(text: str, lexicon: Lexicon) -> Draft | None:
    """REFER, when the clause points at regions and asks what they are, or whether they are so and so."""
    marks = re.findall(MARK, text)
    if not marks or THINGS_IN_REGION.match(text) or _REFER_PLACE.match(text):
        return None
    stated = _REFER_STATED.match(text)
    asked = _REFER_IS.match(text) or _REFER_DOES.match(text) or _REFER_CALL.match(text) or _REFER_CHOICE.match(text)
    if match := (asked or stated):
        groups = match.groupdict()
        words = groups["np"] or groups.get("np2") or groups.get("np3") or ""
        found = named(words, lexicon)
        article = re.match(r"^(?:an?|the|any|some|another|one)\s", words.strip(), re.I) is not None
        if found.targets and (
            article or any(lexicon.match(target).known for target in found.targets) or found.quantity == "all"
        ):
            shown = pointing(marks, found.targets, found.filters)
            return Draft(Intent.REFER, shown, yes_no=True, stated=stated is not None)
        return None
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", re.sub(MARK, " ", text))
    if all(word.lower() in _REFER_WORDS or word.lower().removesuffix("'s") in _REFER_WORDS for word in words):
        return Draft(Intent.REFER, pointing(marks, ()))
    if _REFER_KIND.match(text):
        return Draft(Intent.REFER, pointing(marks, ()))
    return None


# "can" is a tin as well.
_AUXILIARY = pattern(r"(?<!the )(?<!an )(?<!a )(?<!my )\b(?:can|will|may|must)\b")
_NOUN_PHRASE = pattern(r"\b(?:the|an?|my|our|some|all|every|any|these|those) (?=\w)")


def _spoken_of(words: str, lexicon: Lexicon) -> Named | None:
    """The noun phrase that a longer way of speaking ends with: "I meant the dog on the left"."""
    for match in _NOUN_PHRASE.finditer(words):
        found = named(words[match.start() :], lexicon)
        if found.targets and all(lexicon.names_something(target) for target in found.targets):
            return found
    return None


_CHOICE = pattern(r"^(?:an?|the)?\s*[\w' -]+ or [\w' -]+$")


def by_what_it_names(text: str, lexicon: Lexicon, region_count: int) -> Draft:
    """A clause that fits no rule: by what it names or points at."""
    marks = re.findall(MARK, text)
    words = pattern(rf"^(?:name|identify|label|classify|recogni[sz]e|say|tell me) |{MARK}").sub(" ", text).strip()
    found = named(words, lexicon)
    short = len(words.split()) <= 5 and not pattern(
        r"\b(?:what|who|why|when|how|which|is|are|do|does|can|could|should)\b"
    ).search(words)
    known = bool(found.targets) and all(lexicon.names_something(target) for target in found.targets)
    if not short and not known and (spoken_of := _spoken_of(words, lexicon)) is not None:
        found, known = spoken_of, True
    short = short and (known or not states(words))  # "my son loves owls" names owls
    targets = found.targets if found.targets and (short or known) else lexicon.find(_AUXILIARY.sub(" ", words))
    if marks:
        asks_name = pattern(r"^(?:what|which|who|name|identify)\b").match(text)
        if asks_name and not targets:
            return Draft(Intent.REFER, pointing(marks, ()))
        return Draft(Intent.DESCRIBE, pointing(marks, ()))
    if (
        found.everything
        and not found.targets
        and re.match(r"^(?:all )?(?:the )?(?:objects|things|items|everything)\b", words, re.I)
    ):
        return Draft(Intent.LIST, found)
    if targets:
        if region_count and short and (_CHOICE.match(words.strip()) or pattern(r"^an?\s").match(words)):
            return Draft(Intent.REFER, Named(targets, (), targets), yes_no=True)
        if pattern(r"\b(?:colou?r|look|describe|how|why|who|when)\b").search(words):
            return Draft(Intent.DESCRIBE, Named(targets, (), targets))
        if targets == found.targets and not found.marks:
            return Draft(Intent.GROUND, found, coordinates=True)
        quantity: Quantity = "all" if any(is_plural(target) for target in targets) else "one"
        return Draft(Intent.GROUND, Named(targets, (), targets, quantity), coordinates=True)
    if region_count and not pattern(r"\bpic").search(text):
        return Draft(Intent.REFER if pattern(r"^(?:what|which|who|name|identify)\b").match(text) else Intent.DESCRIBE)
    return Draft(Intent.DESCRIBE)
