"""From a question as people type it to plain clauses, each without its trimmings.

A question is cleaned, what points at regions and pictures becomes marks (`agent.pointing`), and it is cut into the
parts that each ask for something; `trim` takes courtesy (`agent.courtesy`), remarks on coordinates and mention of the
picture off a part.
"""

import re
import unicodedata
from dataclasses import dataclass

from agent.courtesy import is_remark, without_courtesy
from agent.inflection import SEVERAL
from agent.pointing import MARK, PICTURE, mark_pictures, mark_pointing, mark_regions
from ferret.errors import RequestError

_FLAGS = re.IGNORECASE


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, _FLAGS)


# --- cleaning -------------------------------------------------------------------------------------------------------

_CONTRACTIONS = tuple(
    (_re(pattern), to)
    for pattern, to in (
        (r"\b(what|where|which|who|how|there|it|that|here|this|when)(?:'s|'?re)\b", r"\1 is"),
        (r"\b(what|where|who|how)s\b", r"\1 is"),
        (r"\b(I)'m\b|\bim\b(?= (?:look|search|point|ask))", r"I am"),
        (r"\b(I|you|we|they)'(?:ve)\b", r"\1 have"),
        (r"\b(I|you|we|they)'(?:re)\b", r"\1 are"),
        (r"\b(I|you|we|they)'(?:d)\b", r"\1 would"),
        (r"\b(I|you|we|they)'(?:ll)\b", r"\1 will"),
        (r"\blet'?s\b", "let us"),
        (r"\bcan'?t\b|\bcannot\b", "can"),
        (r"\b(that|which|who|and|or) (is|are|was|were|do|does|did)n'?t\b", r"\1 \2 not"),
        (
            (r"(?<=[\w>] )(do|does|did)n't (?=(?:touch|overlap|intersect|cover|hide|lie|stand|sit|hang|rest|float|"
            r"appear|"
            r"belong|stay|live|have|contain)\b)"),
            r"\1 not ",
        ),
        (
            (
                r"(?<=[\w>] )(is|are|was|were)n'?t (?=(?:to the |on |at )?(?:the )?(?:left|right)\b|above|over\b|"
                r"below|under|"
                r"beneath|inside|outside|within|near|next to|beside|behind|in front|on\b|touching|overlapping|covering|"
                r"close|far\b|covered|hidden|"
                r"in (?:the|an?) (?!pic|im|ph|sc)|red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ea]y)"
            ),
            r"\1 not ",
        ),
        (r"\b(is|are|do|does|did|was|were|could|has|have|would)n'?t\b", r"\1"),
        (r"\b(?:pls|plz|plse|pleas|plase|pleae)\b", "please"),
        (r"\bu\b(?= (?:see|find|tell|show|please|count|read))", "you"),
        (r"\b(what|where|who|how|which|why) (?:on earth|in the world|the (?:heck|hell|devil|deuce)) ", r"\1 "),
        (r"(?:\bno\.|\bnr\.?|#) of\b", "number of"),
        (r"\bwhatcha\b", "what do you"),
        (r"\bdunno\b", "do not know"),
        (r"\bgotta\b", "got to"),
        (r"\bgimme\b", "give me"),
        (r"\blemme\b", "let me"),
        (r"\bwanna\b", "want to"),
    )
)


_PLAIN = str.maketrans("\u2018\u2019\u00b4`\u201c\u201d\u2013\u2014", "''''\"\"--")


def clean(question: str) -> str:
    """One line of plain characters; `RequestError` when nothing is asked."""
    text = unicodedata.normalize("NFKC", question)
    text = "".join(" " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else char for char in text)
    text = " ".join(text.translate(_PLAIN).split())
    if not text:
        raise RequestError("the question is empty; ask something, such as 'What is this?' or 'Where is the dog?'")
    return text


def _expanded(text: str) -> str:
    for pattern, to in _CONTRACTIONS:
        text = pattern.sub(to, text)
    return text


# --- clauses --------------------------------------------------------------------------------------------------------

# What a new clause begins with, after "and", "then" or a comma. A verb counts only with something to act on.
_OBJECT = rf"(?:the|a|an|all|every|each|any|both|this|that|these|those|my|me|it|them|everything|its|their|{SEVERAL}|<)"
_VERB = (
    r"(?:find|locate|detect|point|show|segment|outline|mask|cut|trace|isolate|extract|describe|explain|caption|"
    r"summari[sz]e|"
    r"list|name|enumerate|identify|read|transcribe|count|compare|mark|highlight|circle|box|label|give|tell|spot|draw|"
    r"recogni[sz]e|classify|localize|localise|pinpoint|say|check|return|provide|indicate)"
)
_BARE_VERB = r"(?:find|locate|detect|segment|outline|describe|list|identify|read|transcribe|count)"
_FIRST = (
    r"(?:(?:now|then|next|first|finally|lastly|please|also|just|kindly|afterwards|after that|in addition|"
    r"additionally|maybe|perhaps|(?:can|could|would|will) you|could you please|i (?:also )?(?:want|need) (?:you )?to|"
    r"i would like (?:you )?to)\b,? )*"
)
_CLAUSE = (
    rf"{_FIRST}(?:(?:what|where|which|who)\b(?!\W*$)(?! one\W*$)|"
    rf"how (?:many|much|do|does|is|are|big|large|small|tall|far|old)\b(?!(?: are there)?\W*$)|where\W*$|"
    rf"(?:is|are) (?:{MARK}|(?:there|the|a|an|any)\b)|(?:does|do|can|could|would) (?:<pic|{MARK}|(?:you|the|this|"
    rf"any)\b)|"
    rf"{_VERB} (?:{_OBJECT}|out\b|to\b|at\b|how\b|what\b|where\b|if\b|whether\b|which\b|who\b)|"
    r"(?:an?|the) (?:list|caption|description|summary|overview)\b(?= of\b|\W*$)|"
    rf"{_BARE_VERB} (?!(?:of|for|on|in|is|are|and|or|with|by|to)\b)\w)"
)
# What a remark behind a question begins with.
_AFTERTHOUGHT = (
    r"(?:i|we|my|our|he|she|because|since|though|although|even though|as (?:i|we|my|our)|(?:so|but|and) (?:i|we|my)|"
    r"(?:will|would|could|can|won't) you\W*$|if you|if that|if <it>|<it> (?:is|would|was|should|might|must)|that is|"
    r"you|just|thanks|thank you|please and)\b"
)
_BOUNDARY = _re(
    rf"(?<=[?!;])\s*|(?<!\bno)(?<!\bvs)\.(?=\s|$)\s*|"
    rf"\s*[,:]? (?:and then|and also|then|also|and|but|so) (?:also |then )?(?={_CLAUSE})|"
    r"\s*,? (?:and )?(?=then (?:the|an?|all|every|any)\b)|"
    rf"\s*(?:[,:]|\s-+)\s*(?={_CLAUSE})|\s*(?:[,:]|\s-+)\s*(?={_AFTERTHOUGHT})|"
    r"\s*,? (?:and |but )?(?=if (?:so|yes|not)\b|if (?:there (?:is|are)(?: one| any)?|you (?:can|do|(?:see|find|"
    r"spot) (?:it|<it>|one|any|some))),)|"
    r"\s*,? (?=because (?:i|we|my|our|<it>)\b)|"
    r"\s*\((?=[\w ,'-]{8,}[.!?]?\)[\W]*(?:$|[.?!;]))|\)(?=\W*(?:$|[.?!;]))"
)
_PUNCTUATION = " ?!.,;:\"'-*()"


def clauses(text: str) -> list[tuple[str, str]]:
    """The parts of a question that each may ask for something, in order, each with what ends its sentence.

    That is "?", "!", "." or nothing.
    """
    # "Which is bigger, the dog or the cat?" and the like never split, as no clause begins with an article.
    parts: list[tuple[str, str]] = []
    at = 0
    for match in (*_BOUNDARY.finditer(text), None):
        part = text[at : match.start() if match else len(text)].strip(_PUNCTUATION)
        if part:
            end = _SENTENCE_END.search(text, match.start() - 1 if match and match.start() else at)
            parts.append((part, end[0] if end else ""))
        at = match.end() if match else len(text)
    return parts


_SENTENCE_END = re.compile(r"[?!]|\.(?=\s|$)")


@dataclass(frozen=True)
class Clause:
    """One clause without its trimmings.

    `image` is the picture that it names, `whole` whether it speaks of the picture as such, `coordinates` whether it
    wants or refuses coordinates (None: it does not say), `end` what ends its sentence: "?", "!", "." or nothing, `more`
    whether it adds to what was asked before ("And the cat?", "The cat too.").
    """

    text: str
    image: int | None = None
    whole: bool = False
    coordinates: bool | None = None
    end: str = ""
    more: bool = False


_COORDS = (
    r"(?:(?:the|its|their|exact|precise|pixel|bounding|normali[sz]ed|corresponding|all|respective|of) )*"
    r"(?:coordinates?|bounding[- ]box(?:es)?|box(?:es)?|bbox(?:es)?|locations?|positions?)"
)
_OF_EACH = (
    r"(?: (?:of|for|with|to) (?:it|them|<it>|each|every|all|the)(?: (?:of|the|each|mentioned|named|listed|"
    r"detected|found|such|one)\b)*"
    r"(?: (?:objects?|things?|items?|ones?|them|phrases?|entity|entities))?)?(?: (?:you|that you) (?:mention|name|"
    r"find))?"
)
_WITHOUT = _re(
    rf"[,;]?\s*\b(?:(?:but|and|please) )*(?:without(?: (?:giving|any|including))*|no|(?:do|leave) (?:not|out)"
    rf"(?: (?:include|give|return|add))?|omit|skip) (?:any )?{_COORDS}{_OF_EACH}\s*$"
)
_WITH = _re(
    rf"[,;]?\s*\b(?:(?:and|also|then|please) )*(?:together |along )?(?:with|including|include|give|provide|return|"
    rf"output|add|"
    rf"report|show|specify|state|mention|attach)(?: (?:me|us))? {_COORDS}{_OF_EACH}\s*$"
)
_SCOPE = _re(
    rf"(?:\s*,)?(?:(?:^| )(?:(?:that|which) (?:is|are|you (?:can )?see|can be seen|appears?) )?(?:anywhere |"
    rf"somewhere )?)?"
    rf"\b(?:in|on|within|inside|from|of|at|throughout|across|into|around|over|to|for) {PICTURE}"
)
_WHETHER = (
    (_re(r"^(?:if|whether|that) there (is|are) "), r"\1 there "),
    (_re(r"^(?:if|whether|that) (?:you )?(?:can )?(?:see|spot|find) "), "do you see "),
    (_re(rf"^(?:if|whether) ({PICTURE}|{MARK}) (contains?|shows?|has|have|includes?|features?) "), r"does \1 \2 "),
    (_re(r"^(?:if|whether) (.+?) (is|are|can|could) "), r"\2 \1 "),
    (
        _re(rf"^(what|how|who|why) ((?:(?:the|this|that|my|an?) |{MARK})[^,]*?) (is|are|was|were) "
            r"(?=(?:doing|wearing|holding|made|like|called|for|saying|looking|eating|carrying)\b)"),
        r"\1 \3 \2 ",
    ),
)


def trim(clause: str, end: str = "") -> Clause | None:
    """The clause without courtesy, remarks on coordinates, and mention of the picture; None when nothing is asked.

    `end` is what ends its sentence.
    """
    text = " ".join(clause.split())
    image, whole, coordinates = None, False, None
    for match in re.finditer(r"<pic(\d*)>", text):
        whole = True
        image = int(match[1]) if match[1] else image
    if is_remark(text):
        return None if image is None else Clause("", image, whole)
    more = _MORE.search(text) is not None
    before = None
    while before != text:
        before = text
        text = without_courtesy(re.sub(rf"^{PICTURE}\s*[,:;-]\s*", "", text))
        if (found := _WITHOUT.search(text)) is not None:
            text, coordinates = text[: found.start()].strip(), False
        elif (found := _WITH.search(text)) is not None:
            text, coordinates = text[: found.start()].strip(), True
        text = _SCOPE.sub("", text).strip(" ,;:!?-\"'") if _scoped(text) else text
    for pattern, to in _WHETHER:
        text, changed = pattern.subn(to, text, count=1)
        if changed:
            break
    text = " ".join(text.split())
    if is_remark(text) and not whole:
        return None
    return Clause(text, image, whole, coordinates, end, more)


_MORE = _re(r"^(?:and|or|what about|how about|also|plus|then|as well as)\b|\b(?:too|as well|also)$")


def _scoped(text: str) -> bool:
    """Whether a mention of the picture only says where to look ("what is this a picture of" is about the picture)."""
    return not re.match(
        rf"^(?:(?:what|how)\b.*\b(?:made|kind|sort|type|copy) of {PICTURE}|compare\b|how do(?:es)?\b.*differ)",
        text,
        _FLAGS,
    )


def prepare(question: str, region_count: int, image_count: int) -> list[tuple[str, str]]:
    """The marked clauses of a cleaned question, not yet trimmed, each with what ends its sentence.

    Raises `RequestError` when it names a region or a picture that was not given.
    """
    text = _expanded(mark_regions(_EMOTICON.sub(" ", question), region_count))
    text = _INSERTED.sub(" ", text)
    text = mark_pointing(mark_pictures(text, image_count), region_count)
    return clauses(" ".join(text.split()))


# "Could you, if it is no bother, find the key?"
_INSERTED = _re(
    r"(?<=\w), (?:please|perhaps|maybe|kindly|by any chance|possibly|pretty please|for me|my friend|sir|ferret|"
    r"dear \w+|"
    r"if (?:it|that|you|i|there)\b[^,?.!]{0,40}|when you[^,?.!]{0,30}|say|for example|for instance|then|though|"
    r"however), "
    r"(?!(?:where|what|which|who|how|is|are|does|do)\b)"
)
_EMOTICON = re.compile(
    r"(?<!\w)(?::-?[)(DPp|/]|;-?\)|=\)|<3|\^\^|xD)(?!\w)|[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]"
)
