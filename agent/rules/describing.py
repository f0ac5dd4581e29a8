"""Requests for prose about the picture, a region or a thing: "Describe <region1>"."""

import re

from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.pointing import MARK, PICTURE
from agent.relation_words import RELATION_WORDS
from agent.rules.common import BE, Draft, pattern
from agent.rules.listing import CONTAINS

_DESCRIBE_VERB = pattern(
    r"^(?:describe|explain|caption|summari[sz]e|depict|narrate|characteri[sz]e|elaborate(?: on)?|portray|"
    r"detail|interpret|analy[sz]e|comment on|talk about|give details (?:of|about|on)|paint a picture of|walk "
    r"me through|introduce)\b\s*(?P<np>.*)$"
)
_DESCRIBE_ABOUT = pattern(
    r"^(?:(?:tell|show|inform|teach) (?:me|us) )?(?:(?:something|more|everything|a bit|a little|anything|all|"
    r"some more|what you (?:know|can say)|what you can tell me|a story) )*about (?P<np>.+)$|^what can you "
    r"(?:tell(?: me)?|say) (?:about )?(?P<np2>.*)$|^(?:tell|say) (?:me )?(?:something|more|a bit more|a "
    r"little)$"
)
_DESCRIBE_NOUN = pattern(
    r"^(?:(?:give|write|provide|make|compose|produce|generate|create|return|output|i (?:want|need|would "
    r"like)|draft|offer|come up with)(?: (?:me|us))?|what is) (?:(?:a|an|the|good|short|brief|long|"
    r"detailed|full|quick|concise|one[- ]sentence|rich|thorough|single|simple|complete|fitting|suitable|"
    r"little|vivid|general|rough|\w+ly) )*(?:description|caption|summary|overview|account|paragraph|"
    r"sentence|explanation|impression|title|gist|story|alt[- ]text|details?|narration|synopsis|report|"
    r"portrayal|essence|content|contents|context|theme|topic|setting|subject|mood|scene|picture)(?: (?:of|"
    r"about|for|on|describing|behind|in|to) (?P<np>.+))?$"
)
_DESCRIBE_FRAGMENT = pattern(
    r"^(?:the )?(?:colou?r|shape|size|style|material|texture|details?|condition|appearance|pose|age|"
    r"facial expression|mood|"
    r"purpose) of (?P<np2>.+)$|"
    r"^(?:(?:an?|the|short|brief|long|detailed|full|quick|concise|image|picture|scene|whole|entire|"
    r"one[- ]sentence) )*(?:description|caption|"
    r"summary|overview|alt[- ]text)(?: (?:of|for) (?P<np>.+))?$"
)
_DESCRIBE_HAPPENS = pattern(
    r"^what(?:ever)? (?:is|are|was)?\s*(?:(?:all|everything|actually|really) )*(?:happens?|happening|going on|"
    r"goes on|taking place|occurring|occurs|takes place|transpiring|the matter|up|the (?:scene|situation|"
    r"story))\b(?P<np>.*)$|^what(?:'s)? up\b(?P<np2>.*)$"
)
_DESCRIBE_SHOWS = pattern(
    rf"^(?:what|how) (?:do(?:es)?|is|would|might) (?P<np>{PICTURE})\s*(?:show|depict|look(?: like)?|represent|"
    rf"portray|illustrate|display|convey|present|about|of|like|mean|express|a (?:picture|photo|drawing|image) "
    rf"of)?s?\b.*$|^what {BE} (?:this|that|it|<it>|<r_>) an? (?:picture|photo|photograph|drawing|image|"
    rf"illustration|painting) (?:of|about)$"
)
_DESCRIBE_LOOKS = pattern(
    r"^(?:what|how) (?:do(?:es)?|did|would) (?P<np>.+?) (?:look|seem|appear)(?: like)?$|^how (?:is|are) "
    r"(?P<np2>.+?)(?: (?:drawn|painted|styled|looking))?$"
)
_DESCRIBE_QUALITY = pattern(
    rf"^(?:what|which) (?:is the |are the )?(?:colou?rs?|shapes?|size|style|material|texture|pattern|"
    rf"condition|appearance|state|purpose|age|pose|posture|orientation|mood|expression|facial expression|"
    rf"gender)\b(?: (?:of|does|do|{BE}|has|have))* (?P<np>.+?)(?: (?:have|like))?$"
)
_QUALITIES = r"(?:colou?rs?|shape|size|style|material|texture|pattern|condition|pose|posture|age|expression|mood)"
_WHATEVER = pattern(
    rf"^what(?:ever)? (?:is|are|lies?|stands?) (?:{RELATION_WORDS}) (?!{MARK}$|{PICTURE}$|the (?:box|scene|middle))"
)
_QUALITY_OF = pattern(rf"^(?:the )?{_QUALITIES} of (?=\S)")
_DESCRIBE_ITS = pattern(rf"^(?:what is |tell me |describe )?(?P<np>[^,]+?)(?:'s|s') {_QUALITIES}$")
_DESCRIBE_WHICH = pattern(rf"^(?:what|which) {_QUALITIES}$")
_DESCRIBE_SIZE = pattern(
    rf"^how (?:big|large|small|tall|short|long|wide|high|heavy|old|young|fast|thick|thin|far away|"
    rf"expensive) {BE} (?P<np>.+?)$"
)
_DESCRIBE_DOING = pattern(
    rf"^what {BE} (?P<np>.+?) (?:doing|wearing|holding|made (?:of|from|out of)|like|up to|used for|good for|"
    rf"for|eating|looking at|carrying|made)$|^why {BE} (?P<np2>.+)$|^who (?:made|owns|painted|drew) "
    rf"(?P<np3>.+)$"
)


def describe(text: str, lexicon: Lexicon) -> Draft | None:
    """DESCRIBE, when the clause asks for prose, or for what only prose can say (colour, doing, look)."""
    rules = (
        _DESCRIBE_HAPPENS, _DESCRIBE_SHOWS, _DESCRIBE_ITS, _DESCRIBE_VERB, _DESCRIBE_ABOUT, _DESCRIBE_NOUN,
        _DESCRIBE_QUALITY,
        _DESCRIBE_DOING, _DESCRIBE_SIZE, _DESCRIBE_WHICH, _DESCRIBE_LOOKS,
        _DESCRIBE_FRAGMENT,
    )  # fmt: skip
    if CONTAINS.match(text):
        return None
    for rule in rules:
        if match := rule.match(text):
            words = next((value for value in match.groupdict().values() if value), "")
            if _WHATEVER.match(words):  # "describe what is next to the boat"
                return Draft(Intent.DESCRIBE, named(words, lexicon))
            words = pattern(
                r"^(?:to me |for me |me |us )?(?:in (?:detail|(?:a few|your own|one|two|few) (?:words|"
                r"sentences?))\s*|briefly )?(?:(?:about|of|in) )?(?:what(?:ever)? (?:you (?:can )?see|is|"
                r"are|can be seen|happens|it shows|<it> shows?)(?: (?:there|here|happening|going on|shown|"
                r"visible|depicted|present))?(?: (?:in|inside|at|on|within)\b)?|everything(?: you (?:can "
                r")?see)?(?: in)?)"
            ).sub("", words.strip())
            words = re.sub(PICTURE, " ", words)
            words = pattern(
                r"\b(?:the|all)?\s*(?:main )?(?:contents?|scene|situation|appearance|look|details?|background|"
                r"foreground|surroundings|setting|mood|atmosphere)\s*(?:of|in)?\s*$|^(?:the )?(?:contents?|"
                r"scene|appearance|look) (?:of|in) "
            ).sub("", words)
            words = _QUALITY_OF.sub("", words)
            return Draft(Intent.DESCRIBE, named(words, lexicon) if words.strip() else Named())
    if re.fullmatch(rf"(?:what (?:is|about) )?{PICTURE}", text, re.I):
        return Draft(Intent.DESCRIBE)
    return None
