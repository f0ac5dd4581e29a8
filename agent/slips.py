"""Slips of the pen in the words that a question turns on: "teh lagest key", "seccond bird form the left".

The words that the planner itself knows are the vocabulary; a word that is near one of them and is nothing else is
mended to it. Left alone are words that the lexicon spells, ordinary words of English that lie within reach, words with
a capital inside a sentence (names), and nouns: what follows an article is only mended to what an adjective or a noun
of the planner's own could be. Slips that are words themselves ("more dogs then cats") are known by what stands around
them. The names of things are left to the lexicon, which forgives slips of its own.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from agent.inflection import singular
from agent.lexicon import Lexicon, edit_distance

# Earlier words win where two are as near.
_MODIFIERS = tuple(
    """largest biggest smallest leftmost rightmost highest lowest nearest closest farthest furthest topmost bottommost
    tiniest bigger larger smaller second third fourth fifth sixth seventh eighth ninth tenth first last orange yellow
    green blue purple pink brown black white grey gray picture pictures image images photo photos object objects thing
    things text number difference differences position location coordinates region left right top bottom outline
    description relation relationship same kind whole other two three four five""".split()
)
_OTHERS = tuple(
    """the and are for all any not has you can there where what which with from that this these those them they then
    than how many much when who whose whether does is was were have please could would should will between above below
    under underneath beneath behind beside besides inside within outside around near next front over without except
    excluding every each both but only also touching overlapping covering find locate detect describe segment outline
    read point show name identify mark highlight circle compare count list tell give draw trace extract transcribe
    explain summarize summarise label contain contains appear appears see touch touches overlap overlaps cover covers
    cut out mask isolate say says recognize recognise enumerate written printed here more most fewer less relative
    something anything everything nothing differ differs doesn't don't isn't aren't contained spot side corner towards
    six seven eight nine ten""".split()
)
VOCABULARY = tuple(dict.fromkeys((*_OTHERS, *_MODIFIERS)))
_AFTER_ARTICLE = frozenset(_MODIFIERS)
_ARTICLES = frozenset("the a an every each my its".split())
# The commonest short ones are too short for a measure.
_SHORT = {
    "te": "the", "th": "the", "hte": "the", "tge": "the", "tje": "the", "thr": "the", "si": "is", "ni": "in",
    "fo": "of", "ot": "to", "nd": "and", "ad": "and", "ar": "are", "hw": "how", "wat": "what", "wot": "what",
    "wich": "which", "wher": "where", "ther": "there", "tha": "that", "wth": "with", "whit": "with", "frm": "from",
    "infront": "in front", "inthe": "in the", "ofthe": "of the", "onthe": "on the", "tothe": "to the",
    "isthe": "is the", "isthere": "is there", "arethere": "are there", "howmany": "how many", "nextto": "next to",
    "leftof": "left of", "rightof": "right of", "whatis": "what is", "whereis": "where is", "fromthe": "from the",
    "eachother": "each other", "ontop": "on top", "forth": "fourth", "thrid": "third", "tird": "third",
    "dont": "don't", "doesnt": "doesn't", "isnt": "isn't", "arent": "aren't", "cant": "can't", "didnt": "didn't",
    "wasnt": "wasn't", "werent": "weren't", "couldnt": "couldn't", "theres": "there's", "thats": "that's",
}  # fmt: skip
_VERBS = (
    r"(?:find|locate|detect|describe|segment|outline|read|point|show|name|identify|mark|cut|compare|count|list|tell|draw)"
)
# A slip that is a word itself, by what stands around it.
_IN_CONTEXT = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (rf"\b((?:more|fewer|less)(?: [\w-]+){{1,4}}?) then (?!{_VERBS}\b)", r"\1 than "),
        (
            (r"\b(bigger|larger|smaller|taller|shorter|wider|longer|higher|lower|closer|nearer|farther|further|greater|"
            rf"(?:to the|further|farther|more) (?:left|right)|other|rather) then (?!{_VERBS}\b)"),
            r"\1 than ",
        ),
        (rf"(,|\band) than (?={_VERBS}\b)", r"\1 then "),
        (r"\b(is|are|was|were) (?:their|they're|theyre)\b", r"\1 there"),
        (r"^(?:their|they're|theyre) (is|are)\b", r"there \1"),
        (r"(^|[.?!] )were(?= (?:is|are|can|do|does|did)\b|\W*$)", r"\1where"),
        (r"\b(how) (?:may|man|mane|meny|mny|mamy|manny)\b", r"\1 many"),
        (r"\b(?:hoe|who|now|hwo|ho|haw) many\b", "how many"),
        (r"\b(what) dose\b", r"\1 does"),
        (r"^dose (?=the|it|this|that|any|<)", "does "),
        (r"\b(?:weather|wether|wheather) (?=(?:there|the|it|an?|any|this|that)\b|<)", "whether "),
        (r"^witch (?=(?:is|are|one|ones|of|[\w-]+ (?:is|are|has|have|lies|stands|do|does))\b)", "which "),
        (r"(^|[,.;!?] ?|\band |\bthen )(?:fine|fin|fid|fined|fnd|fing) (?=(?:the|all|every|each|an?|me|any|my)\b)",
         r"\1find "),
        (r"(^|[,.;!?] ?|\band |\bthen )(?:red|reed|rad) (?=(?:the|what|out|it|me|aloud)\b)", r"\1read "),
        (r"^pint (?=(?:to|at|out)\b)", "point "),
        (r"\bbellow (?=(?:the|an?|this|that|my)\b|<)", "below "),
        (r"\b(?:nest|nect|nex|nxt) to\b", "next to"),
        (r"\bin (?:form|font|frond|fron) of\b", "in front of"),
        (r"\bfo?rm (?=the (?:left|right|top|bottom)\b)", "from "),
        (r"\bthe (?:write|rite|rigth|rihgt)\b(?! (?:your|a|the)\b)", "the right"),
        (r"\b(?:the (?:lift|leaf|lest|let)|(?:lift|lest|leaf)) (?=of (?:the|an?|this|<))", "the left "),
        (r"\btoo (?=the (?:left|right|top|bottom)\b)", "to "),
        (r"\b(left|right|front|top|inside|number|kind|which|part) off (?=(?:the|an?|this|that|these|those|my)\b|<)",
         r"\1 of "),
        (r"\bsame king\b", "same kind"),
        (r"\ban (?=(?:the|tell|find|where|what|how|cut|count|describe|read|outline|segment|show)\b)", "and "),
        ((r"\b(on|at|of|in|to|from|under|near|above|behind|beside|find|read|segment|outline|describe|count) "
         r"(?:he|thee|da|de|tthe) (?=[a-z])"), r"\1 the "),
        (r"\b(the|an?|is|are|of|in|on|to|and|many|what|where) \1\b", r"\1"),
    )
)  # fmt: skip
# Words of English that lie within reach of the vocabulary and are no slips of it.
ORDINARY = frozenset(
    """
    abode abound aground appeal appeals bagger bedside bellow bequeath blank block blown brawn breath brow
    bugger butt captain certain circled circles closes closet closets clover coder coercing cold coloring
    compared comparer compares compere compete compile compose compute confined constrain constrained constrains
    contacted contacts continued contrived converging conveying coordinate coordinated coordinators cornea
    coroner counts county court cove covert cower curtain daw defect deject described describes descriptions
    detects dose eighty emery enumerable enumerated enumerates ever exceeding excerpt explains exploding
    extant extracts fastest fever fie fifty filth fin firth font frond fronts frost fur greed
    greet her highlights identity imaged imago inflate insulate isolated isolates kin lager latest lats les let
    libel lit locale located locates locations longest lotion may nay newest notching nothings
    noticing noting numbers offline online opposition outlined outliner outlines outlive outsider outsize
    overlay overlays pasture petition photon pictured pinned planted pleased pleases pointed points pointy
    positions posture potion priced primed print proto pruned puncture ration reaction reactive recognised
    recognises recognized recognizes redaction regions regulation relate relations relationships relatives
    relaxation religion relocation righty rotation sediment seen segments seventy sever sixty
    smarter smeller smoothing sow submarine summaries summarized summarizer summarizes tan teaches teaching teen
    thee theme think thinks thong threw thy torching touched tough tow toward traced tracer traces track tract
    tracy trade trance transcribed transcribes truce tying udder very wen whine whit whiten whiteout whore wit
    world wound write
    """.split()
)
_WORD = re.compile(r"<[^<>]*>|(?<![\w'-])[A-Za-z]+(?:'[A-Za-z]+)?(?![\w-])")


def mended(text: str, lexicon: Lexicon) -> tuple[str, tuple[tuple[str, str], ...]]:
    """`text` with its slips mended, and what was read as what ("lagest" as "largest"), in order."""
    read: list[tuple[str, str]] = []
    shouted = text.upper() == text
    before = ""

    def mend(match: re.Match[str]) -> str:
        nonlocal before
        word, last = match[0], before
        before = word.lower()
        inside = text[: match.start()].rstrip()[-1:] not in {"", ".", "!", "?", ":"}
        if word[0] == "<" or (word[0].isupper() and inside and not shouted):
            return word
        to = _mended_word(word.lower(), last in _ARTICLES, lexicon)
        if to is None:
            return word
        before = to
        read.append((word, to))
        return to.capitalize() if word[0].isupper() and not shouted else to

    text = _WORD.sub(mend, text)
    for pattern, to in _IN_CONTEXT:
        changed = pattern.sub(to, text)
        if changed != text:
            read += _changes(text, changed)
            text = changed
    return text, tuple(dict.fromkeys(read))


def _changes(text: str, changed: str) -> Iterator[tuple[str, str]]:
    """The words in which two texts of the same make differ."""
    words, others = text.split(), changed.split()
    start = next((at for at, (a, b) in enumerate(zip(words, others, strict=False)) if a != b), len(others))
    end = 0
    while end < min(len(words), len(others)) - start and words[-1 - end] == others[-1 - end]:
        end += 1
    yield " ".join(words[start : len(words) - end]), " ".join(others[start : len(others) - end])


def _mended_word(word: str, after_article: bool, lexicon: Lexicon) -> str | None:
    if word in _KNOWN or _spelled(word, lexicon):
        return None
    if word in _SHORT:
        return _SHORT[word]
    if word in ORDINARY or singular(word) in ORDINARY:
        return None
    return _nearest(word, after_article)


def _spelled(word: str, lexicon: Lexicon) -> bool:
    return lexicon.spells(word) or lexicon.spells(singular(word))


_KNOWN = frozenset(VOCABULARY)


@lru_cache(maxsize=4096)
def _nearest(word: str, after_article: bool) -> str | None:
    """The word of the vocabulary that a word is a slip of: one slip away, two in a long word; None when there is none.

    The first letters agree or the first two are swapped, as in `agent.lexicon`; in words of three or four letters, only
    swapped, dropped and doubled letters count.
    """
    best: tuple[int, int] | None = None
    found = None
    for rank, known in enumerate(VOCABULARY):
        if abs(len(known) - len(word)) > 2 or (after_article and known not in _AFTER_ARTICLE):
            continue
        slips = _slips_between(word, known)
        if slips is not None and (best is None or (slips, rank) < best):
            best, found = (slips, rank), known
    return found


def _single_letters(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _slips_between(word: str, known: str) -> int | None:
    if word[0] != known[0] and word[:2] != known[1::-1]:
        return None
    if len(known) < 5 or len(word) < 4:
        swapped = len(word) == len(known) and sorted(word) == sorted(known) and edit_distance(word, known, 1) == 1
        doubled = len(word) == len(known) + 1 and _single_letters(word) == _single_letters(known)
        dropped = len(known) == 4 and len(word) == 3 and edit_distance(word, known, 1) == 1
        return 1 if swapped or doubled or dropped else None
    allowed = 2 if len(known) >= 7 and len(word) >= 6 and word[-1] == known[-1] else 1
    slips = edit_distance(word, known, allowed)
    return slips if slips <= allowed else None
