"""Requests for masks: "Cut out the key"."""

from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import named
from agent.rules.common import Draft, pattern

_MASKS = (
    r"(?:(?:pixel|binary|segmentation|instance|precise|exact|accurate|tight|pixelwise|pixel-wise|"
    r"pixel-perfect|pixel-accurate|object|detailed|fine|clean|filled|full|complete|free-form|separate|"
    r"individual)[\s-]+)*(?:masks?|outlines?|segmentations?|segments?|silhouettes?|contours?|cut-?outs?|cut "
    r"outs?|exact (?:shape|area|region)|polygons?|exact pixels|pixels?|boundary|boundaries)"
)
_SEGMENT_VERB = pattern(
    r"^(?:semantically )?(?:segment|mask|outline|cut|crop|trace|isolate|silhouette|contour|clip|extract|"
    r"separate|carve|lift|paint over|colou?r in|shade|fill in|delineate)(?: (?:out|around|over|in|off|"
    r"away))*(?: (?:the )?(?:outlines?|contours?|shape|masks?|edges?|boundary|boundaries|pixels|"
    r"silhouettes?|borders?) (?:of|around|for))?(?: (?:me))?(?: (?P<np>.+?))??(?: (?:out|(?:out of|from) (?:the |its "
    r")?(?:background|rest|surroundings|everything else)|free|precisely|pixel by pixel|with a mask|for me))?$"
)
_SEGMENT_NOUN = pattern(
    rf"^(?:(?:give|show|draw|make|create|produce|generate|get|return|provide|compute|output|find|predict|"
    rf"build|send|add|put|place|deliver|render|do|perform|run|i (?:need|want|would like)|what is|which|"
    rf"highlight|sketch|paint|mark|label|select|colou?r|fill)\b(?: (?:me|us|in))? )?(?:out )?(?:(?:a|an|the|all|"
    rf"one|every|"
    rf"each|some) )*{_MASKS} (?:of|for|around|on|over|covering|to|belonging to|belong to|that belong to|covered by|"
    rf"occupied by|from|are|"
    rf"is|make up|"
    rf"form|show) (?P<np>.+)$"
)
_SEGMENT_LINE = pattern(
    r"^draw (?:a)?round (?P<np2>.+)$|^(?:draw|trace|put|paint) (?:me )?(?:an? |the )?(?:line|outline|contour|"
    r"border|polygon) (?:around|of|"
    r"along) (?P<np>.+)$"
)
_SEGMENT_BARE = pattern(
    r"^(?:instance |semantic |panoptic )?(?:segmentation|(?:a |the )?masks?)$|^(?:do|perform|run|give me) "
    r"(?:(?:a|an|the|instance|semantic|panoptic|full|all) )*(?:segmentation|segmentations|masks?)(?: (?:of|"
    r"for|on) (?P<np>.+))?$"
)
_SEGMENT_OF = pattern(
    r"^(?P<np>.+?)\s*(?:'s|,|:)? (?:mask|segmentation|outline|silhouette|contour|segmentation mask|cut-?out)s?$"
)
_SEGMENT_BACKGROUND = pattern(
    r"^(?:remove|erase|delete|cut away|drop) the background (?:of|from|around|behind|except(?: for)?|but) "
    r"(?P<np>.+)$"
)
_SEGMENT_WANT = pattern(r"^i (?:want|need|would like) (?P<np>.+?) (?:segmented|masked|outlined|cut out|isolated)$")


def segment(text: str, lexicon: Lexicon) -> Draft | None:
    """SEGMENT, when the clause asks for masks or outlines."""
    if lexicon.knows(text):
        return None
    for rule in (
        _SEGMENT_LINE,
        _SEGMENT_NOUN,
        _SEGMENT_BARE,
        _SEGMENT_BACKGROUND,
        _SEGMENT_WANT,
        _SEGMENT_VERB,
        _SEGMENT_OF,
    ):
        if match := rule.match(text):
            found = named(match.groupdict().get("np") or match.groupdict().get("np2") or "everything", lexicon)
            if rule is _SEGMENT_OF and not (
                found.targets and pattern(r"^(?:the )?[\w\s-]+$").match(match["np"]) and len(text.split()) < 6
            ):
                continue
            if rule is _SEGMENT_OF and pattern(
                r"^(?:what|where|is|are|do|does|how|find|locate|show|describe|name|list)\b"
            ).match(text):
                continue
            return Draft(Intent.SEGMENT, found, loose=rule is _SEGMENT_OF)
    return None
