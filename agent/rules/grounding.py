"""Questions about where something is: "Find the red apple"."""

from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import named
from agent.pointing import MARK, PICTURE
from agent.rules.common import BE, Draft, pattern

_GROUND_WHERE = pattern(
    rf"^(?:where(?:abouts)?(?: (?:exactly|precisely|else|about))?|at (?:what|which) (?:place|spot|position|"
    rf"location|point)|in (?:what|which) (?:part|area|region|corner|place|section|spot|location)(?: of "
    rf"(?:{PICTURE}|<it>))?)\s*(?:(?P<be>{BE})|(?:can|could|might|may|would|should|do|does|did|will) "
    rf"(?:i|we|you|one) (?:see|find|spot|locate|look for)|"
    rf"(?:did|do|does|have|has) (?:they|<it>|you|someone|the artist) (?:put|place|hide|hid|hidden|draw|drawn|paint|"
    rf"painted|position|leave|left|placed)|do(?:es)?|did|might|can|could|may|has|have)?\b\s*"
    rf"(?:there (?:is |are )?)?(?P<np>.+?)(?: (?:located|positioned|placed|situated|hiding|hidden|found|appear|land|go|"
    rf"end up|hide|live|stay|lie|shown|sit|stand|gone|at|to be found|be|been|exactly|standing|sitting|lying|depicted|"
    rf"drawn|visible))*$"
)
_GROUND_WHERE_LATE = pattern(
    rf"^(?:where(?:abouts)?) (?!(?:exactly )?(?:{BE}|do|does|can|could|would|should|might|has|"
    rf"have)\b)(?P<np>.+?) (?P<be>{BE}|can be (?:seen|found)|lies|sits|appears?)(?: (?:located|positioned|"
    rf"placed|situated|hiding|shown|found|at))*$"
)
_POINT = (
    r"(?:find|locate|detect|locali[sz]e|pinpoint|ground|spot|seek(?: out)?|track down|hunt(?: down)?|"
    r"single out|pick out|look (?:out )?for|search (?:out )?(?:for)?|point(?: me)?(?: (?:to|at|out|"
    r"towards?|where))*|show(?: (?:me|us))?(?: where)?|mark(?: out)?|highlight|circle|box(?: (?:in|out))?|"
    r"indicate|identify|recogni[sz]e|select|choose|pick|grab|fetch|frame|encircle|bound|annotate|tag|put "
    r"(?:a|your) finger on|lead me to|direct me to|take me to|discover|get|label|zoom in on|zoom (?:to|"
    r"into)|focus on|reveal|ring|underline|see where|say where|tell me where|give me|give|i (?:see|can "
    r"(?:find|see)))"
)
_GROUND_VERB = pattern(
    rf"^{_POINT} (?:where )?(?:there (?:is|are) )?(?P<np>.+?)(?: (?:{BE})(?: (?:located|hiding|placed|"
    rf"positioned))?)?(?: (?:with|in|"
    rf"using|by) (?:a |an |the )?(?:(?:bounding|red|tight) )?(?:box(?:es)?|circle|rectangle|frame|marker))?$"
)
BOX_NOUN = (
    r"(?:(?:tight|exact|precise|pixel|red|2d|rough|approximate|image|rectangular) )*(?:bounding[- ]box(?:es)?|"
    r"bbox(?:es)?|box(?:es)?|coordinates?|coords|locations?|positions?|place|spots?|whereabouts|frame|"
    r"rectangle|region|area|square|circle|part|point)(?: (?:coordinates|location|position))?"
)
_GROUND_BOX = pattern(
    rf"^(?:.{{0,40}}?\b)?(?:(?:a|an|the|all|any|your|tight|its) )*{BOX_NOUN}(?: (?:of|for|around|on|over|"
    rf"to|round|containing|contains?|with|showing|shows?|surrounding|enclosing|holding|holds|where|in "
    rf"which|that (?:contains?|shows?|encloses?|surrounds?|holds?|bounds?)|{BE}))+ (?P<np>.+?)(?: (?:at|in|"
    rf"located|is|are))*$"
)
_GROUND_BARE_BOX = pattern(r"^(?:bbox(?:es)?|bounding[- ]box(?:es)?) (?!of\b|for\b|around\b|with\b)(?P<np>.+)$")
_GROUND_NEED = pattern(
    r"^(?:i (?:am )?(?:looking|searching|hunting) for|i (?:have )?(?:lost|misplaced|missed)|i (?:can|could|"
    r"do)\s*(?:not|never)? (?:find|see|spot|locate)\b|looking for|help (?:me )?find|i (?:seek|need|want) (?:to "
    r"(?:find|locate|see) )?)\s*(?P<np>.+)$"
)
_GROUND_WHICH = pattern(
    rf"^(?:which|what)(?: (?:one|ones|thing|things|object|objects|of {MARK}|{MARK}|part|region|area|box|of the "
    rf"(?:objects|things|regions|boxes)))* (?:{BE}|shows?|contains?|holds?) (?P<np>(?:the|an?) .+)$"
)
_GROUND_ITS = pattern(
    rf"^(?:(?:give|what is|show|tell|return|provide|find|get|report|state)(?: (?:me|us))? )?(?P<np>.+?)(?:'s|s') "
    rf"{BOX_NOUN}$"
)
_GROUND_PICTURE = pattern(
    rf"^(?:in )?(?:which|what) (?:{PICTURE}|(?:of the )?(?:pictures?|images?|photos?|ones?))(?: of {PICTURE})? "
    rf"(?:contains?|shows?|has|have|{BE}|do you see|includes?)(?: there)? (?P<np>(?:the|an?|any) .+)$"
)
_GROUND_LATE = pattern(
    r"^(?P<np>.+?)\s*[:,-]? (?:where(?: (?:is|are) (?:it|they|<it>|<r.>))?|location|position|coordinates|"
    r"bounding box|whereabouts|located where)$"
)


def ground(text: str, lexicon: Lexicon) -> Draft | None:
    """GROUND, when the clause asks where something is; of regions it is RELATE, of everything LIST."""
    if lexicon.knows(text):
        return None
    if match := (_GROUND_WHERE_LATE.match(text) or _GROUND_WHERE.match(text)):
        plural_verb = (match["be"] or "").lower() in {"are", "were"}
        found = named(match["np"], lexicon, plural_hint=plural_verb and not _JOINED.search(match["np"]))
        if found.marks and not found.targets:  # "Where is <region1>?" asks for its place in the picture
            return Draft(Intent.RELATE, found, coordinates=True)
        return Draft(Intent.GROUND, found, coordinates=True)
    for rule in (
        _GROUND_BARE_BOX,
        _GROUND_NEED,
        _GROUND_ITS,
        _GROUND_PICTURE,
        _GROUND_BOX,
        _GROUND_VERB,
        _GROUND_WHICH,
        _GROUND_LATE,
    ):
        match = rule.match(text)
        if match is None:
            continue
        found = named(match["np"], lexicon)
        if rule is _GROUND_BOX and not found.targets and not found.everything and found.marks:
            return Draft(Intent.RELATE, found, coordinates=True)
        if not found.targets:
            if found.everything and not found.marks and rule is not _GROUND_WHICH:
                return Draft(Intent.LIST, found, coordinates=True)
            continue
        if rule is _GROUND_WHICH and not found.definite and "<r" not in text:
            continue
        if rule in (_GROUND_VERB, _GROUND_LATE) and pattern(r"^(?:what|how|who|why|when|is|are|do|does)\b").match(
            match["np"]
        ):
            continue
        return Draft(Intent.GROUND, found, coordinates=True, loose=rule in (_GROUND_NEED, _GROUND_LATE))
    return None


_JOINED = pattern(r",|\band\b|\bor\b|&")
