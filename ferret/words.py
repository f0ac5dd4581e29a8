"""Small English for names of things: the article, the plural and the verb that go with a name, and names that agree.

Pure functions over lower-case noun phrases ("hot dog", "grapes", "computer mouse"); the last word carries the number.
"""

import re
from functools import lru_cache

# Last words that are plural already and take no article: "glasses", "french fries".
_ALWAYS_PLURAL = frozenset({
    "glasses", "sunglasses", "jeans", "scissors", "trousers", "pants", "shorts", "gloves", "grapes", "cherries",
    "blueberries", "peanuts", "pancakes", "fries", "chopsticks", "books", "maracas", "bags", "binoculars", "pliers",
    "tweezers", "headphones", "clothes",
})  # fmt: skip
# Last words that are not counted: no article, and the plural is the name itself.
_UNCOUNTED = frozenset({
    "bacon", "popcorn", "butter", "spaghetti", "sushi", "bread", "ice", "food", "yarn", "soap", "dna", "voltage",
    "cooking", "tennis", "bowling", "badminton", "pong", "water", "grass", "sand", "snow", "money", "rice",
    "furniture", "luggage", "locked", "text",
})  # fmt: skip
# Counted last words whose plural is the same word: "a fish", "3 fish".
_UNCHANGED = frozenset({
    "fish", "blowfish", "deer", "bison", "squid", "shrimp", "sheep", "moose", "aircraft", "spacecraft", "salmon",
})  # fmt: skip
_IRREGULAR = {
    "mouse": "mice", "goose": "geese", "tooth": "teeth", "foot": "feet", "die": "dice", "man": "men", "woman": "women",
    "snowman": "snowmen", "person": "people", "child": "children", "ox": "oxen", "wolf": "wolves", "knife": "knives",
    "leaf": "leaves", "scarf": "scarves", "shelf": "shelves", "loaf": "loaves", "calf": "calves", "half": "halves",
    "cactus": "cacti", "potato": "potatoes", "tomato": "tomatoes", "mosquito": "mosquitoes", "hero": "heroes",
    "mango": "mangoes", "volcano": "volcanoes", "tornado": "tornadoes",
}  # fmt: skip
_IRREGULAR_PHRASES = {"hourglass done": "hourglasses done"}
# Vowel letters that sound like consonants, and the one silent consonant among everyday names.
_SOUNDS_CONSONANT = re.compile(r"(uni|use|usu|euro|one\b|once|ufo|ukulele|urin)")
_SOUNDS_VOWEL = re.compile(r"(hour|heir|honest|honou?r)")
_ARTICLE = re.compile(r"^(?:an?|the|some|one|this|that)\s+(?=\S)")


def _last_word(name: str) -> str:
    words = name.split()
    return words[-1].lower() if words else ""


def is_plural(name: str) -> bool:
    """Whether the name is plural as it stands ("glasses", "french fries"), so that it takes "are" and no article."""
    return _last_word(name) in _ALWAYS_PLURAL


@lru_cache(maxsize=4096)
def with_article(name: str) -> str:
    """The name after its indefinite article: "a dog", "an owl", "an hourglass", "glasses", "bread"."""
    if _last_word(name) in _ALWAYS_PLURAL or _last_word(name) in _UNCOUNTED:
        return name
    lower = name.lower()
    vowel = lower[:1] in {"a", "e", "i", "o", "u"} and not _SOUNDS_CONSONANT.match(lower)
    return f"an {name}" if vowel or _SOUNDS_VOWEL.match(lower) else f"a {name}"


@lru_cache(maxsize=4096)
def plural(name: str) -> str:
    """The plural of a name: "dogs", "computer mice", "maple leaves"; plural and uncounted names stay as they are."""
    if name in _IRREGULAR_PHRASES:
        return _IRREGULAR_PHRASES[name]
    head, space, last = name.rpartition(" ")
    return f"{head}{space}{_plural_word(last)}"


def _plural_word(word: str) -> str:
    if not word or word in _ALWAYS_PLURAL or word in _UNCOUNTED or word in _UNCHANGED:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and len(word) > 1 and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def is_or_are(name: str) -> str:
    """The verb that follows "the NAME": "are" for "glasses", otherwise "is"."""
    return "are" if is_plural(name) else "is"


def counted(count: int, name: str) -> str:
    """A number and a name that agree: "1 apple", "3 apples", "0 apples"."""
    return f"{count} {name if count == 1 else plural(name)}"


def bare_name(text: str) -> str:
    """A name as it is compared: lower case, one space between words, no article, no punctuation around it."""
    name = " ".join(text.lower().replace("-", " ").split()).strip(" .,;:!?\"'()[]")
    return _ARTICLE.sub("", name)


def same_name(first: str, second: str) -> bool:
    """Whether two texts name the same kind of thing, up to case, article, marks and number ("A dog.", "dogs")."""
    a, b = bare_name(first), bare_name(second)
    return bool(a) and (a == b or plural(a) == b or a == plural(b))
