"""Questions about how things lie to each other: "Is the dog left of the cat?"."""

import re
from dataclasses import replace

from agent.general import is_general
from agent.intents import HALVES, Colour, Intent, Order, Relation
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.pointing import MARK, PICTURE
from agent.quotations import QUOTED
from agent.relation_words import ANY_RELATION, LYING, RELATION_WORDS, relation_in
from agent.rules.common import BE, Draft, pattern, things_lying

_LIES = LYING
_IS = pattern(rf"^{BE} (?P<there>there )?")
_SPLIT = pattern(
    rf" (?:{_LIES} )?(?:{ANY_RELATION}) (?=\S)(?!(?:the )?(?:far |very |upper |lower |top |bottom )?(?:left|right|"
    rf"top|bottom|middle|cent(?:er|re))"
    rf"(?:[ -]hand)?(?: (?:side|half|part|corner|edge))?(?:$| (?:{RELATION_WORDS}) ))"
)
_CLAUSE_OF = pattern(r"\b(?:that|which|who)\b")
# Something is being said of A that its words do not end.
_OPEN = pattern(
    rf"\b(?:that|which|who)\b(?!.* (?:{RELATION_WORDS}) )(?!.*\b(?:{'|'.join(Colour)}|gray|nearest|closest|(?:left|"
    rf"right|high|low)\w*"
    rf"|largest|smallest|biggest)\b)(?!.*{QUOTED})[^,]*$|\bnot$"
)
_WHICH_SO = pattern(
    rf"^(?:which|what)(?P<np>(?! colou?rs?\b).*?) (?P<be>{BE}|lies?|stands?|sits?|do|does) "
    rf"(?P<lies>(?:not|neither|outside|away|far) .+|(?:{_LIES} )?(?:the )?(?:(?:closer|nearer) to|(?:farther|further)"
    rf"(?: away)? from) .+|(?:mostly |mainly )?(?:{'|'.join(Colour)}|gray)(?: in colou?r)?|"
    rf"(?:the )?(?:second|third|fourth|fifth) \w+|(?:the )?(?:leftmost|rightmost|highest|lowest|topmost|bottommost|"
    rf"uppermost|"
    rf"lowermost)(?: one)?)$"
)
_RELATE_WHAT = pattern(
    rf"^(?:(?:what|which|who)(?P<a>\b.*?)??\s*\b(?:is|are|lies|stands|sits|do you see|can (?:you see|be "
    rf"seen|be found)|appears?|comes) (?:{_LIES} |directly |right |just )*|(?:find|name|identify|locate|"
    rf"list|show(?: me)?|tell me) (?P<c>(?:the|all|every|any)?\s*(?:things?|objects?|items?|ones?|what|"
    rf"everything)\b.*?|what) (?:is |are )?(?:{_LIES} )?)(?:{ANY_RELATION}) (?P<b>.+)$"
)
_RELATE_WHAT_LATE = pattern(
    rf"^(?:what|which object|which thing) {BE} (?P<a>(?:the|an?|<r).+?) (?:{_LIES} )?(?:{ANY_RELATION})$"
)
_RELATIVE = (
    r"(?:relative(?:ly)? to|in relation to|with (?:respect|regards?) to|compared (?:to|with)|in comparison "
    r"(?:to|with)|with reference to|in respect (?:of|to)|from the (?:viewpoint|perspective) of|as seen from|"
    r"seen from|as compared to|vis[- ]a[- ]vis)"
)
_RELATE_WHERE = pattern(
    rf"^(?:where|how|in (?:what|which) (?:direction|position|place)|on (?:what|which) side) (?:(?:{BE}|do|does) )?"
    rf"(?P<a>.+?) "
    rf"(?:{_LIES} |oriented |arranged )*{_RELATIVE} (?P<b>.+)$"
)
_RELATE_PLACED = pattern(
    rf"^(?:describe |explain )?(?:how|where) (?P<a>.+?) {BE} (?:{_LIES} )*{_RELATIVE} (?P<b>.+)$"
)
_RELATE_EITHER = pattern(
    rf"^{BE} (?P<a>.+?) (?:{_LIES} )?(?:(?:on|to|at) )?(?:the )?(?:left|right|above|below|over|under|in front|behind|"
    rf"inside|outside|on|higher|lower)(?: side)?(?: of)?,? or (?:is <it> )?(?:{ANY_RELATION}) "
    r"(?P<b>(?!the (?:left|right|top|bottom)\b).+)$"
)
_RELATE_FRAGMENT = pattern(
    rf"^(?!nearest\b|closest\b)(?:(?:what|who|anything|something|things|objects|"
    rf"everything) )?(?:{ANY_RELATION}) (?P<b>.+)$"
)
_RELATE_MARKS = pattern(rf"^(?P<a>{MARK}) (?:{_LIES} )?(?:{ANY_RELATION}) (?P<b>{MARK})$")
_RELATE_ASIDE = pattern(
    rf"^(?!(?:what|where|which|who|how|is|are|do|does|find|describe|show|tell|give|"
    rf"compare)\b)(?P<a>[^,]+?) {_RELATIVE} "
    r"(?P<b>[^,]+)$"
)
_RELATE_TOUCHING = pattern(rf"^{BE} (?P<a>.+?) (?:overlapping|touching|intersecting|in contact)(?: with <it>)?$")
_RELATE_BETWEEN = pattern(
    r"^.*\b(?:relation(?:ship)?s?|arrangement|configuration|layout|spatial position|relative "
    r"(?:positions?|placements?|locations?)|relative placing)\b\s*(?:between|of|among|from|is there "
    r"between|exists? between|holds? between)?\s*(?P<a>.+)$"
)
_RELATE_POSITION = pattern(
    rf"^(?:(?:what|describe|give|tell me|state)\b.*?\b|(?:the )?(?:relative )?)(?:position|location|place|"
    rf"placement) of (?P<a>.+?) (?:is "
    rf")?{_RELATIVE} (?P<b>.+)$"
)
_RELATE_HOW = pattern(
    rf"^how (?:do|does|{BE}) (?P<a>.+?) (?:spatially )?(?:relate[ds]?|positioned|placed|arranged|located|"
    rf"situated|lie|laid out|connected|related)(?: spatially)?(?: (?:to|with|and|towards?|relative "
    rf"to))?\s*(?P<b>.*)$"
)
_RELATE_SIDE = pattern(
    rf"^(?:on|to|at|in|from)?\s*(?:which|what) (?:side|direction|part) (?:of (?P<b>.+?) )?{BE} (?P<a>.+?)(?: "
    rf"(?:of|from|on|to) (?P<c>.+?))?(?: on)?$"
)
_RELATE_TOUCH = pattern(
    r"^(?:does|do) (?P<a>.+?) (?:overlap|touch|cover|hide|intersect|occlude|partly cover|partly hide)s?(?: "
    r"with)?\s*(?P<b>.*)$"
)
_RELATE_HOLD = pattern(r"^(?:does|do) (?P<b>.+?) (?:contain|enclose|surround|hold) (?P<a>.+)$")
_RELATE_WHICH_OR = pattern(
    r"^(?:which|what|who)\b[^,:]*?\b(?:is|are) (?:the )?(?:further|farther|more|closer|nearer|furthest|"
    r"most)?\s*(?:on|to|at)?\s*(?:the )?(?P<side>left|right|higher(?: up)?|lower(?: down)?|top|bottom|"
    r"leftmost|rightmost|highest|lowest)\s*[,:-]\s*(?P<a>.+)$"
)
_RELATE_ALONE = pattern(
    rf"^{BE} (?P<a>.+?) (?:{_LIES} )?(?:more )?(?:on|at|in|to|near|towards?) (?:the )?(?:very |far "
    rf")?(?P<where>(?:left|right|top|bottom|upper|lower|middle|cent(?:er|re)|above|"
    rf"below)\b(?!.*\bof\b)(?! (?:{RELATION_WORDS}) )[^,]*?)(?: of {PICTURE}| of it)?$"
)
_RELATE_WHERE_OR = pattern(
    rf"^where {BE} (?P<a>.+?)\s*[,:]\s*(?:on the |to the |in the )?(?:left|right|above|below|top|"
    rf"bottom)\b.*?\b(?:of (?P<b>.+))?$"
)
_IN_PLACE = pattern(
    r"^(?:what|who|which)(?: (?:thing|object|item|one|animal))? (?:is|are|lies|do you see|can you see) "
    r"(?:(?:the|there) )?(?:(?:thing|object|item|one)s? )?(?:located )?(?:in|at|on|to|near) (?:the "
    r")?(?:very |far )?(?:left|right|top|bottom|upper|lower|middle|cent(?:er|re)|corner|background|"
    r"foreground)\b(?!.*\bof\b)[^,]*$"
)
_AND_SO = pattern(rf",? (?:and|but)(?: not)? (?:{RELATION_WORDS}) ")
_ANYTHING = pattern(r"\s*(?:any|some)(?:thing|one|body)?(?: (?:things?|objects?|items?))?|things|objects")
_EACH_OTHER = pattern(r"^(?:each other|one another)$")
_BETWEEN = pattern(r"^(?:what|who|which(?: \w+)?) (?:is|are|lies|stands) (?:in )?between (?P<np>.+)$")
_SIDES = {
    "left": Relation.LEFT, "leftmost": Relation.LEFT, "right": Relation.RIGHT, "rightmost": Relation.RIGHT,
    "top": Relation.ABOVE, "upper": Relation.ABOVE, "higher": Relation.ABOVE, "highest": Relation.ABOVE,
    "above": Relation.ABOVE, "bottom": Relation.BELOW, "lower": Relation.BELOW, "lowest": Relation.BELOW,
    "below": Relation.BELOW,
}  # fmt: skip


def relate(text: str, lexicon: Lexicon) -> Draft | None:
    """RELATE, when the clause is about how operands lie to each other or in the picture."""

    def draft(*parts: str | None, relation: Relation | None = None, yes_no: bool = False) -> Draft | None:
        words = [part for part in parts if part and part.strip()]
        found = [named(part, lexicon) for part in words]
        operands = tuple(dict.fromkeys(operand for each in found for operand in each.operands))
        if not operands:
            return None
        together = Named(
            tuple(operand for operand in operands if not re.fullmatch(MARK, operand)),
            tuple(operand for operand in operands if re.fullmatch(MARK, operand)),
            operands,
            filters=tuple(one for each in found for one in each.filters),
        )
        return Draft(Intent.RELATE, together, relation=relation, yes_no=yes_no)

    if _IN_PLACE.match(text):
        return Draft(Intent.DESCRIBE)
    if match := _BETWEEN.match(text):  # no relation of two: told in prose
        return Draft(Intent.DESCRIBE, named(match["np"], lexicon))
    for rule in (_RELATE_EITHER, _RELATE_WHERE, _RELATE_PLACED, _RELATE_POSITION, _RELATE_WHERE_OR):
        if match := rule.match(text):
            return draft(match["a"], match["b"])
    if match := _RELATE_WHICH_OR.match(text):
        return draft(match["a"], relation=_SIDES[match["side"].split()[0].lower()])
    if match := _RELATE_BETWEEN.match(text):
        return draft(pattern(rf" (?:{_RELATIVE}|to|with) ").sub(" and ", match["a"]))
    if (match := _RELATE_HOW.match(text)) and (
        match["b"] or len(named(match["a"], lexicon).operands) > 1 or "<r*>" in text
    ):
        return draft(match["a"], match["b"])
    if (match := _RELATE_SIDE.match(text)) and (match["b"] or match["c"]):
        return draft(match["a"], match["b"] or match["c"])
    if match := _RELATE_MARKS.match(text):
        return draft(match["a"], match["b"], relation=relation_in(match), yes_no=True)
    if match := _RELATE_ASIDE.match(text):
        return draft(match["a"], match["b"])
    if match := _RELATE_FRAGMENT.match(text):
        relation = relation_in(match)
        found = named(match["b"], lexicon)
        if relation is not None and len(found.operands) == 1 and not _only_scope(relation, "what", match["b"]):
            return Draft(Intent.RELATE, found, relation=relation, loose=True)
    if (match := _RELATE_TOUCHING.match(text)) and ("<r*>" in text or len(named(match["a"], lexicon).operands) > 1):
        return draft(match["a"], relation=Relation.OVERLAPPING, yes_no=True)
    if match := _RELATE_TOUCH.match(text):
        return draft(match["a"], match["b"], relation=Relation.OVERLAPPING, yes_no=True)
    if (match := _RELATE_HOLD.match(text)) and not re.match(rf"(?:{PICTURE}|{MARK}|you)", match["b"], re.I):
        return draft(match["a"], match["b"], relation=Relation.INSIDE, yes_no=True)
    if match := _RELATE_ALONE.match(text):
        where = match["where"].lower().split()
        both = " or " in match["where"].lower()
        relation = None if both else _SIDES.get(where[0])
        if re.fullmatch(r"(?:there|any)", match["a"].strip(), re.I) is None and (both or _split(text) is None):
            there = re.sub(r"^there ", "", match["a"], flags=re.I)
            return draft(there, relation=relation, yes_no=not both)
    if (split := _split(text)) is not None:
        first, second, relation = split
        if not _only_scope(relation, first, second) and not lexicon.knows(_inner(text)):
            if pattern(r"\bor\b").search(second) and (
                other := pattern(rf"^.*?\bor (?:is <it> )?(?:{ANY_RELATION}) (?P<b>.+)$").match(second)
            ):
                return draft(first, other["b"])
            lying = draft(first, _EACH_OTHER.sub("", second), relation=relation, yes_no=True)
            if lying is not None and relation in HALVES and _ANYTHING.fullmatch(first):
                return Draft(Intent.EXIST, things_lying(relation, lying.named), yes_no=True)
            return lying
    if match := _WHICH_SO.match(text):  # "Which keys are not on the table?"
        which = named(f"{match['np'] or 'things'} that {match['be']} {match['lies']}", lexicon)
        if which.filters and len(which.targets) == 1 and not which.marks:
            measured = any(one.order in {Order.NEAREST, Order.FARTHEST} for _, one in which.filters)
            if is_general(which.targets[0]) and not measured:
                return Draft(Intent.LIST, which)
            return Draft(Intent.GROUND, _one_of(which, match["be"]), coordinates=True)
    if match := _RELATE_WHAT_LATE.match(text):  # "What is the dog left of?" asks for what is right of it
        relation = relation_in(match)
        return draft(match["a"], relation=relation.inverse or relation if relation is not None else None)
    if match := _RELATE_WHAT.match(text):
        relation = relation_in(match)
        if relation is not None and not _only_scope(relation, "what", match["b"]):
            # "What is left of the tree and right of the house?"
            if _AND_SO.search(match["b"]) and not lexicon.knows(match["b"]):
                every = named(f"things that are {text[match.start(relation.name) :]}", lexicon)
                if len(every.filters) > 1 and len(every.targets) == 1 and not match["a"]:
                    return Draft(Intent.LIST, every)
            what = " ".join((match["a"] or match["c"] or "thing").split())
            which = named(f"{what} {text[match.start(relation.name) :]}", lexicon)
            one = any(narrowing.order is not None for _, narrowing in which.filters)
            if which.targets and (one or not is_general(which.targets[0])):
                be = "is" if pattern(r"\b(?:is|lies|stands|sits)\b").search(text) else "are"
                # "Which apple is closest to the tree?"
                return Draft(Intent.GROUND, _one_of(which, be), coordinates=True)
            return draft(match["b"], relation=relation)
    return None


def _one_of(found: Named, verb: str) -> Named:
    """ "Which of the birds is nearest the tree?" asks for one."""
    one = verb.lower() in {"is", "was", "lies", "stands", "sits"} and any(n.order is not None for _, n in found.filters)
    return replace(found, quantity="one") if one else found


def _split(text: str) -> tuple[str, str, Relation] | None:
    """(first operand, second operand, relation) of "is A left of B", cut where no clause of A stays open.

    "Is the cat that is on the bed left of the dog?" is cut at "left of", "Is there a bird that is on the bed?" nowhere.
    """
    head = _IS.match(text)
    if head is None:
        return None
    for match in _SPLIT.finditer(text, head.end()):
        first, relation = text[head.end() : match.start()], relation_in(match)
        if not first.strip() or _OPEN.search(first) or relation is None:
            continue
        if match[0].strip().lower().startswith(("nearest", "closest")) and _SPLIT.search(text, match.end()):
            continue  # "is the dog nearest the house left of the cat"
        if head["there"] and _CLAUSE_OF.search(first):
            return None
        return first, text[match.end() :], relation
    return None


def _inner(text: str) -> str:
    return pattern(rf"^{BE} (?:there )?").sub("", text)


def _only_scope(relation: Relation, a: str, b: str) -> bool:
    """Whether "in <region>" says where to look: "Is there a dog in the box?", "What is inside the mask?"."""
    marks = re.fullmatch(rf"\s*(?:the |of )*{MARK}\s*", b, re.I) is not None
    a = re.sub(rf"^{MARK} (?=an? )", "", a.strip(), flags=re.I)  # "is it a fox in <region1>"
    loose = relation in {Relation.INSIDE, Relation.ON, Relation.NEAR, Relation.BELOW} and not re.search(MARK, a)
    plain = (
        re.fullmatch(r"\s*(?:<it>|it|the|there|here|in here|all|view|sight|question|fact|general|total)\s*", b, re.I)
        is not None
    )
    if relation in {Relation.NEAR, Relation.BELOW}:
        return plain
    return (marks and loose) or plain
