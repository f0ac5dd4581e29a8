"""Words for things in general: "object", "largest thing", "whatever is there"."""

import re

from agent.inflection import parse_ordinal
from agent.lexicon import Lexicon, normalise
from agent.synonyms import ADJECTIVES

_THING = r"(?:objects?|things?|items?|ones?|stuff|something|anything|everything)"
_GENERAL = re.compile(rf"^{_THING}$")
_EMPTY = re.compile(
    r"^(?:(?:different|various|distinct|visible|main|other|individual|separate|single|recogni[sz]able|known|present|"
    r"important|foreground|salient|prominent|whole|entire|kinds? of|types? of|sorts? of|distinguishable|identifiable|"
    r"depicted|shown|possible|detectable|existing|interesting) )*"
    rf"(?:{_THING}|elements?|entity|entities|contents?|subjects?|instances?|whatever|nothing|thingy|thingies|"
    r"thingamajig|what|which|who|it|them|all|each|every|lot|everyone|all of (?:it|them)|categor(?:y|ies)|"
    r"class(?:es)?|kinds?|types?|sorts?|names?|object instances?|figures?|details?|everything else|pictures?|images?|"
    r"scene|background|there|here|any|some|those|these|this|that|the|two|three|four|pair|both|rest|others?|each other|"
    r"one another|yes|no)$",
    re.IGNORECASE,
)


def is_general(phrase: str) -> bool:
    """Whether a phrase of a plan names no kind of thing, only things: "object", "largest thing", "red ones"."""
    words = normalise(phrase).split()
    return bool(words) and _GENERAL.match(words[-1]) is not None and all(
        word in ADJECTIVES or parse_ordinal(word) is not None for word in words[:-1]
    )


def names_nothing(phrase: str, lexicon: Lexicon) -> bool:
    """Whether a phrase of a question is about whatever there is: "the different kinds", "all of it", "the picture".

    More than `is_general`: what a question so calls stands in no plan, unless it is narrowed.
    """
    own = lexicon.knows(phrase) and phrase.lower() not in {"image", "images"}
    return _EMPTY.match(phrase) is not None and not own
