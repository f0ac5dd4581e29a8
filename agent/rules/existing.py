"""Questions whether something is there: "Is there a dog in the picture?"."""

import re

from agent.intents import Colour, Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import named
from agent.pointing import MARK, PICTURE
from agent.rules.common import BE, Draft, pattern

_EXIST_THERE = pattern(
    rf"^(?:{BE}|will|would|might|could|has|have) there (?:(?:be|been|also|actually|really|perhaps|possibly|"
    rf"maybe|indeed|even|still|by any chance) )*(?P<np>.+)$"
)
_EXIST_STATED = pattern(rf"^there (?:{BE}|must be|should be|seems? to be) (?P<np>.+)$")
_EXIST_SEE = pattern(
    r"^(?:(?:do|does|can|could|did|would|will|are) (?:you|we|i|one|anyone|anybody|ya) (?:also |actually |"
    r"really |able to |perhaps |possibly |even )*(?:see|spot|find|notice|detect|recogni[sz]e|make out|"
    r"identify|observe|perceive|seeing|have|know of|discern)|see|have you (?:seen|spotted|found|noticed)) "
    r"(?P<np>.+)$"
)
_EXIST_HAS = pattern(
    rf"^(?:do(?:es)?|did|has|have) (?P<where>{PICTURE}|{MARK}|<it>|the artist|the scenery|the background) "
    rf"(?:also |actually |really )*(?:contains?|show|have|has|include|feature|depict|display|hold|portray|got|"
    rf"present|draw|drawn|included|painted|exhibit|comprise|illustrate)?s?(?: within it)? (?P<np>.+)$"
)
_EXIST_SHOWING = pattern(
    rf"^{BE} (?P<where>{PICTURE}|{MARK}|<it>) (?:showing|containing|depicting|featuring|including) (?P<np>.+)$"
)
_EXIST_RESEMBLE = pattern(
    r"^(?:do|does) (?:anything|something|(?:any|one|some) of (?:the|these|those) (?:objects|things|items)) "
    r"(?:look like|resemble|show|"
    r"depict|"
    r"represent) (?P<np>.+)$"
)
_EXIST_APPEAR = pattern(
    r"^(?:do(?:es)?|did|can|could|will|has|have) (?P<np>.+?) (?:appear(?:ed)?|occur|exist|feature|show up|"
    r"figure|be (?:seen|found|spotted|made out|detected|located|identified|recogni[sz]ed)|lie|stand|sit|"
    r"hide)(?P<rest> (?:in|inside|within|at|on) <r.*| (?:anywhere|somewhere|here|there))?$"
)
_EXIST_PRESENT = pattern(
    rf"^{BE} (?P<np>.+?) (?:visible|present|shown|depicted|here|there|included|pictured|displayed|drawn|"
    rf"seen|to be (?:seen|found)|part|among|amongst|anywhere|somewhere|featured|contained|around|hidden|"
    rf"hiding|found|in it|in view|one)\b(?P<rest>.*)$"
)
_EXIST_ANY = pattern(r"^(?:(?:got )?any|got an?|got) (?P<np>.+?)(?: (?:in|inside) (?P<rest><r.+))?$")
_EXIST_OF = pattern(
    rf"^{BE} (?:any|one|some|either|at least one) of (?:{MARK}|the (?:objects|things|items)|<it>) (?P<np>.+)$"
)
_EXIST_CONTAIN = pattern(rf"^(?:<it>|{PICTURE}) (?:contains?|shows?|has|includes?) (?P<np>.+)$")
_EXIST_PICTURE = pattern(
    r"^(?:is|are) (?:this|that|these|it|<it>|<pic\d*>) (?:an? )?(?:pictures?|photos?|images?|drawings?) (?:of|"
    r"with|showing) (?P<np>.+)$"
)
_EXIST_LATE = pattern(r"^(?P<np>[^<]+?) (?:present|visible|there|shown|in view)(?: or (?:absent|not))?$")
_EXIST_LOOK = pattern(
    r"^(?:(?:check|test|scan)(?: (?:for|whether)) (?:the (?:presence|existence|absence) of )?|"
    r"(?:(?:look|search) for )?(?:the )?(?:presence|existence|absence) of )(?P<np>.+)$"
)
_EXIST_IS = pattern(rf"^{BE} (?P<np>(?:an?|the|any|some|all|every) .+|[a-z][\w'-]*(?: [\w'-]+){{0,3}})$")

_EXIST_COLOUR = pattern(
    rf"^{BE} (?:the colou?rs? of )?(?P<np>(?:(?:the|that|my|any|every|all|"
    rf"some) [^<>]+?|(?:any|some)thing)) (?P<colour>(?:not )?(?:{'|'.join(Colour)}|gray))(?: in colou?r)?$"
)


def exist(text: str, lexicon: Lexicon) -> Draft | None:
    """EXIST, when the clause asks whether something is there."""
    for rule in (
        _EXIST_PICTURE,
        _EXIST_SHOWING,
        _EXIST_RESEMBLE,
        _EXIST_THERE,
        _EXIST_OF,
        _EXIST_SEE,
        _EXIST_HAS,
        _EXIST_PRESENT,
        _EXIST_APPEAR,
        _EXIST_ANY,
        _EXIST_STATED,
        _EXIST_CONTAIN,
        _EXIST_LOOK,
        _EXIST_LATE,
    ):
        match = rule.match(text)
        if match is None:
            continue
        groups = match.groupdict()
        where = " ".join(re.findall(MARK, f"{groups.get('where') or ''} {groups.get('rest') or ''}"))
        found = named(f"{match['np']} in {where}" if where else match["np"], lexicon)
        if rule is _EXIST_PRESENT and not found.targets and not found.everything:
            continue
        if rule is _EXIST_LATE and (
            len(text.split()) > 5 or re.match(r"^(?:what|which|where|how|who|list|name|find|show)\b", text, re.I)
        ):
            continue
        if rule is _EXIST_SEE and re.match(r"^(?:what|where|which|how|if|whether)\b", match["np"], re.I):
            continue
        stated = rule in (_EXIST_STATED, _EXIST_CONTAIN)
        return Draft(Intent.EXIST, found, yes_no=True, loose=rule is _EXIST_LATE, stated=stated)
    if (match := _EXIST_COLOUR.match(text)) and not lexicon.knows(f"{match['np']} {match['colour']}"):
        coloured = pattern(r"^(?:any|some)thing$").sub("things", match["np"])
        return Draft(Intent.EXIST, named(f"{coloured} that is {match['colour']}", lexicon), yes_no=True)
    if (match := _EXIST_IS.match(text)) and "<" not in text:
        return Draft(Intent.EXIST, named(match["np"], lexicon), yes_no=True, loose=True)
    return None
