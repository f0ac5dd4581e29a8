"""Questions that set things against each other in kind, size or number: "Which is bigger, the dog or the cat?"."""

import re

from agent.intents import Aspect, Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.pointing import MARK, PICTURE
from agent.relation_words import ANY_RELATION, LYING
from agent.rules.common import Draft, pattern

_LARGER = (
    r"(?:bigger|larger|greater|taller|wider|longer|higher up|broader|heavier|(?:the )?(?:biggest|largest|"
    r"greatest|tallest|widest|longest|broadest)|more (?:massive|space|room|area))"
)
_SMALLER = (
    r"(?:smaller|tinier|littler|shorter|narrower|lighter|(?:the )?(?:smallest|tiniest|shortest|narrowest|"
    r"littlest)|less (?:space|room|area))"
)
_SIZE = rf"(?:{_LARGER}|{_SMALLER})"
_SAME = r"(?:same|identical|alike|equal|equivalent|match(?:es|ing)?|similar|twins?)"
_COMPARE_VERB = pattern(r"^(?:compare|contrast) (?P<a>.+?)(?: (?:and|with|to|against|vs\.?|versus|,) (?P<b>.+))?$")
_COMPARE_BETWEEN = pattern(
    r"^.*\b(?:differences?|different|similarit(?:y|ies)|comparison|distinction|distinguishes|(?:in "
    r")?common)\b(?:.*?\b(?:between|of|among|do|does)\b)?\s*(?P<a>.*?)(?: (?:have|share))?(?: in common)?$"
)
_COMPARE_NOUN = pattern(
    r"\b(?:differences?|different between|similarit(?:y|ies)|comparison|distinction|distinguishes|in common)\b"
)
_COMPARE_COMMON = pattern(r"^what (?:do|does|have|has) (?P<a>.+?) (?:have |share\s*)?(?:in common)?$")
_COMPARE_DIFFER = pattern(
    r"^(?P<how>how )?(?:do|does|is|are) (?P<a>.+?) (?:differ(?:ent)?|unlike|dissimilar)\b(?: (?:kinds?|types?|"
    r"sorts?|things?|objects?)(?: of \w+)?)?(?: (?:from|to|than) (?P<b>.+))?$"
)
_COMPARE_SAME = pattern(
    rf"^(?:is|are|do|does|would|did|was|were) (?P<a>.+?) (?:(?:of|both|all|really|in|show|depict|contain|"
    rf"belong to|look|look like|have|represent|to) )*(?:a |an |the )?(?:very |exact(?:ly)? )?{_SAME}\b(?: "
    rf"(?:kinds?|types?|sorts?|things?|objects?|class|category|species|animals?|items?))*(?: of (?:things?|"
    rf"objects?|items?|animals?|thing))?(?P<rest>.*)$"
)
_COMPARE_THAN = pattern(
    rf"^(?:is|are|does|do|was|were) (?P<a>.+?) (?:much |far |any |a bit |take up )*(?P<size>{_SIZE}) than "
    rf"(?P<b>.+)$"
)
_COMPARE_WHICH = pattern(
    rf"^(?:which|what|who)\b(?P<a>.*?)\b(?:is|are|was|looks?|appears?|takes up) (?:to be )?(?:the "
    rf")?(?P<size>{_SIZE})\b(?P<c>(?!\s*than)[^,:]*?)(?:\s*[,:-]\s*(?P<b>.+))?$"
)
_COMPARE_OR = pattern(rf"^(?:is|are) (?P<a>.+? or .+?) (?P<size>{_SIZE})$")
_COMPARE_MORE = pattern(
    r"^(?:(?:is|are|do(?:es)?) (?:there|you see|<pic\d*> (?:have|show|contain)) |how many )(?P<how>more|fewer|"
    r"less) (?P<a>.+?) than (?P<b>.+)$"
)
_COMPARE_WHICH_MORE = pattern(
    r"^(?:which|what)\b.*?\b(?:are|is) there (?P<how>more|most|fewer|less|fewest|the most|the fewest)(?: "
    r"of)?\s*[,:]?\s*(?P<a>.*)$"
)
_COMPARE_MORE_ALONE = pattern(
    r"^(?:which|what)(?: (?:one|ones|of <it>))? (?:(?:are|is)(?: there)? |(?:there )?(?:are|is) )(?P<how>more|fewer|"
    r"less|most|the "
    r"most|the fewest)(?: numerous| common| frequent| of)?(?: in number)?$"
)
_COMPARE_LIST = pattern(
    rf"^(?:(?:which|what|who) )?(?:the )?(?P<size>{_SIZE})(?: (?:one|thing|object|item|animal))?\s*(?:[:,-]?\s+"
    r"(?P<a>(?:the |an? |<)?.+? (?:or|vs\.?|versus) .+)|:\s*(?P<b>.+(?:,| and ).+))$"
)
_COMPARE_SAME_ALONE = pattern(
    r"^(?:the )?same(?: (?:kinds?|things?|objects?|types?|sort|animals?|species))?(?: of (?:things?|objects?|"
    r"animals?))?"
    r"(?:,? or (?:different|not))?$"
)
_COMPARE_LATE = pattern(
    rf"^(?P<a>[^,]+(?:, [^,]+)*? (?:or|vs\.?|versus|and) [^,]+?)\s*[:,-]+\s*(?:(?:which|what)(?: one)? (?:is|are|"
    rf"looks) )?(?:the )?"
    rf"(?P<size>{_SIZE})(?: one)?$"
)
_COMPARE_MORE_LIST = pattern(
    r"^(?P<how>more|fewer|less) (?:of (?:the )?)?(?P<a>.+ (?:or|than) .+)$|"
    r"^(?P<a2>.+ or .+?)\s*[,:-]\s*(?:which|what) (?:is|are|has|have)?\s*(?:there )?(?P<how2>more|fewer|less|"
    r"the most)(?: of)?$"
)
_COMPARE_VERSUS = pattern(r"^(?P<a>[^,?]+?) (?:vs\.?|versus) (?P<b>[^,?]+)$")
_MUCH, _TO = r"(?:much |a bit |far |any |the )?", r"(?: away)?(?: to| from)?"
_NEARER = rf"{_MUCH}(?P<how>closer(?= to)|nearer|(?:farther|further)(?=(?: away)? from)){_TO}"
_NEAR = (
    rf"{_MUCH}(?P<how>(?:closer|closest)(?= to)|nearer|nearest|(?:farther|further|farthest|furthest)"
    rf"(?=(?: away)? from)){_TO}"
)
_NEAR_THAN = pattern(
    rf"^(?:is|are|does|do|was|were) (?P<a>.+?) (?:{LYING} )?{_NEARER} (?P<c>.+?) than (?P<to>(?:to|from) |it is to )?"
    r"(?P<b>.+?)(?: is| are)?$"
)
_NEAR_WHICH = pattern(
    rf"^(?:which|what|who)\b(?: [\w-]+){{0,3}}? (?:is|are|lies|stands|sits) (?:{LYING} )?{_NEAR} (?P<c>[^,:]+?)"
    r"\s*[,:-]\s*(?P<b>.+ (?:or|and) .+)$"
)
_NEAR_OF = pattern(
    rf"^(?:which|what|who) of (?P<b>.+? (?:and|or) .+?) (?:is|lies|stands|sits) (?:{LYING} )?{_NEAR} (?P<c>.+)$"
)
_NEAR_OR = pattern(rf"^(?:is|are) (?P<c>.+?) (?:{LYING} )?{_NEARER} (?P<b>.+? or (?:to |from )?.+)$")
_QUALITY = pattern(r"^(?:what|which) (?:colou?r|shape|size|kind|sort|type|material|pattern) ")
_ENDS_OPEN = pattern(rf"^(?:what|which)\b.* (?:{ANY_RELATION})$")
_CHOICE = pattern(r"\b(?:or|vs|versus)\b|<r.*\band\b")
_CHOICE_LEAD = pattern(r"^(?:one |thing |animal |object |of |between |among )+")
_SUPERLATIVE = pattern(rf"^(?:which|what) (?:is|are) the (?P<size>{_SIZE}) (?P<a>.+?)$")


def _nearer(text: str, lexicon: Lexicon) -> Draft | None:
    """Which of several is nearer to something, or farther from it: that comes last among the operands."""
    for rule in (_NEAR_THAN, _NEAR_WHICH, _NEAR_OF, _NEAR_OR):
        match = rule.match(text)
        if match is None:
            continue
        groups = match.groupdict()
        parts = [groups.get("a"), groups["b"], groups["c"]]
        if groups.get("to"):  # "Is the dog closer to the tree than to the house?" compares the tree and the house
            parts = [groups["c"], groups["b"], groups["a"]]
        words = [pattern(r"\b(?:to|from) (?=(?:the|an?|my|this|that)\b|<)").sub("", part) for part in parts if part]
        read = [named(part, lexicon) for part in words]
        operands = tuple(dict.fromkeys(operand for one in read for operand in one.operands))
        if len(operands) < 3 or len(read[-1].operands) != 1:
            continue
        together = Named(
            tuple(one for one in operands if not re.fullmatch(MARK, one)),
            tuple(one for one in operands if re.fullmatch(MARK, one)),
            operands,
            filters=tuple(one for each in read for one in each.filters),
        )
        aspect = Aspect.FARTHER if match["how"].lower().startswith(("far", "fur")) else Aspect.NEARER
        return Draft(Intent.COMPARE, together, aspect=aspect, yes_no=rule is _NEAR_THAN)
    return None


def compare(text: str, lexicon: Lexicon) -> Draft | None:
    """COMPARE, when the clause sets operands against each other or asks for the extreme of all."""

    def draft(match: re.Match[str], aspect: Aspect | None, *, yes_no: bool = False) -> Draft:
        groups = match.groupdict()
        parts = [part for part in (groups.get("a"), groups.get("b")) if part and part.strip()]
        words = re.sub(PICTURE, " ", " and ".join(parts))
        words = pattern(r"^(?:one|ones|of|between|among|out of)\b\s*|\bboth ").sub("", words.strip())
        return Draft(Intent.COMPARE, named(words, lexicon), aspect=aspect, yes_no=yes_no)

    def size(match: re.Match[str]) -> Aspect:
        return Aspect.LARGER if re.fullmatch(_LARGER, match["size"], re.I) else Aspect.SMALLER

    def number(match: re.Match[str]) -> Aspect:
        return Aspect.MORE if "mo" in match["how"].lower() else Aspect.FEWER

    if nearer := _nearer(text, lexicon):
        return nearer
    if _ENDS_OPEN.search(text) or _QUALITY.match(text):  # "What is the largest tree next to?"
        return None
    if match := _COMPARE_MORE.match(text):
        return draft(match, number(match), yes_no=not text.lower().startswith("how"))
    if match := _COMPARE_MORE_ALONE.match(text):
        return Draft(Intent.COMPARE, aspect=number(match))
    if match := _COMPARE_WHICH_MORE.match(text):
        return draft(match, number(match))
    if match := _COMPARE_THAN.match(text):
        return draft(match, size(match), yes_no=True)
    for rule in (_SUPERLATIVE, _COMPARE_WHICH, _COMPARE_OR):
        if (match := rule.match(text)) and not (match.groupdict().get("c") or "").strip().startswith("of <pic"):
            of = match.groupdict().get("c") or ""
            if rule is _COMPARE_WHICH and not match["b"] and _CHOICE.search(of):  # "which is bigger the dog or the cat"
                return Draft(Intent.COMPARE, named(_CHOICE_LEAD.sub("", of.strip()), lexicon), aspect=size(match))
            if rule is _COMPARE_WHICH and match["b"]:  # "Which animal is bigger, the dog or the cat?"
                chosen = named(match["b"], lexicon)
                if len(chosen.operands) > 1:
                    return Draft(Intent.COMPARE, chosen, aspect=size(match))
            return draft(match, size(match))
    if match := _COMPARE_MORE_LIST.match(text):
        words = pattern(r" than ").sub(" and ", match["a"] or match["a2"])
        aspect = Aspect.MORE if "mo" in (match["how"] or match["how2"]).lower() else Aspect.FEWER
        return Draft(Intent.COMPARE, named(words, lexicon), aspect=aspect)
    if _COMPARE_SAME_ALONE.match(text):
        return Draft(Intent.COMPARE, aspect=Aspect.KIND, yes_no=True)
    for rule in (_COMPARE_LIST, _COMPARE_LATE):
        if match := rule.match(text):
            words = pattern(r" (?:vs\.?|versus) ").sub(" and ", match["a"] or match.groupdict().get("b") or "")
            return Draft(Intent.COMPARE, named(words, lexicon), aspect=size(match))
    if match := _COMPARE_VERB.match(text) or _COMPARE_VERSUS.match(text):
        return draft(match, None)
    if match := _COMPARE_DIFFER.match(text):
        return draft(match, Aspect.DIFFERENCE, yes_no=match["how"] is None)
    if match := _COMPARE_SAME.match(text):
        rest = pattern(r"^\s*(?:as|with|to|like|kind|type|thing|each other|one another|,)*\s*").sub("", match["rest"])
        both = f"{match['a']} and {rest}" if rest else match["a"]
        found = named(pattern(r"\bboth ").sub("", both), lexicon)
        if len(found.operands) > 1 or found.marks or found.quantity != "one":
            return Draft(Intent.COMPARE, found, aspect=Aspect.KIND, yes_no=True)
    if _COMPARE_NOUN.search(text) and (match := _COMPARE_COMMON.match(text) or _COMPARE_BETWEEN.match(text)):
        return draft(match, Aspect.DIFFERENCE)
    return None
