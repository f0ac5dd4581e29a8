"""English word forms: singular and plural both ways, articles, number words.

Everything works on whole noun phrases and bends their last word ("wine glass" -> "wine glasses"), save for the few
whose head stands first ("hourglass done"). The forms are those of things one can see; it is no grammar of English.
"""

import re
from functools import lru_cache

# Both forms are the same.
_INVARIANT = frozenset(
    """fish blowfish jellyfish starfish goldfish swordfish shellfish catfish pufferfish shrimp squid deer sheep bison
    moose elk salmon trout cod tuna series species aircraft hovercraft spacecraft offspring swine reindeer
    broccoli spaghetti sushi popcorn bacon butter bread flatbread soap coral dna cooking bowling tennis badminton
    ping_pong high_voltage locked luggage baggage furniture jewelry jewellery clothing equipment
    lightning hair grass water rice corn food money traffic ice snow sand cash fruit_salad""".split()
)
# Plural in form, used of one thing or of several alike.
_PLURAL_ONLY = frozenset(
    """glasses eyeglasses spectacles sunglasses goggles scissors jeans trousers pants shorts tights pyjamas pajamas
    binoculars tweezers pliers tongs shears headphones earphones maracas clothes french_fries fries goods
    overalls leggings knickers briefs""".split()
)
_IRREGULAR = {
    "man": "men", "woman": "women", "child": "children", "person": "people", "foot": "feet", "tooth": "teeth",
    "goose": "geese", "mouse": "mice", "louse": "lice", "ox": "oxen", "die": "dice", "wolf": "wolves",
    "leaf": "leaves", "knife": "knives", "scarf": "scarves", "loaf": "loaves", "half": "halves", "shelf": "shelves",
    "elf": "elves", "calf": "calves", "thief": "thieves", "wife": "wives", "life": "lives", "hoof": "hooves",
    "cactus": "cacti", "axe": "axes", "ax": "axes", "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes",
    "echo": "echoes", "mosquito": "mosquitoes", "mango": "mangoes", "volcano": "volcanoes", "tornado": "tornadoes",
    "torpedo": "torpedoes", "cookie": "cookies", "movie": "movies", "pixie": "pixies", "brownie": "brownies",
    "zombie": "zombies", "genie": "genies", "hoodie": "hoodies", "selfie": "selfies", "pie": "pies", "tie": "ties",
    "necktie": "neckties", "bow_tie": "bow ties", "shoe": "shoes", "toe": "toes", "canoe": "canoes", "hoe": "hoes",
    "horseshoe": "horseshoes", "quiz": "quizzes", "oasis": "oases", "bus": "buses", "gas": "gases", "lens": "lenses",
    "iris": "irises", "walrus": "walruses", "octopus": "octopuses", "abacus": "abacuses", "hibiscus": "hibiscuses",
    "rhinoceros": "rhinoceroses", "hippopotamus": "hippopotamuses", "platypus": "platypuses", "crocus": "crocuses",
    "lotus": "lotuses", "virus": "viruses", "ambulance": "ambulances", "house": "houses", "horse": "horses",
    "seahorse": "seahorses", "rose": "roses", "vase": "vases", "suitcase": "suitcases", "briefcase": "briefcases",
    "nose": "noses", "hose": "hoses", "purse": "purses", "blouse": "blouses", "cheese": "cheeses", "pause": "pauses",
    "bullseye": "bullseyes", "ski": "skis", "taxi": "taxis", "bikini": "bikinis", "kiwi": "kiwis", "cache": "caches",
    "axis": "axes", "lighthouse": "lighthouses", "greenhouse": "greenhouses", "warehouse": "warehouses",
    "headache": "headaches", "moustache": "moustaches", "mustache": "mustaches", "toothache": "toothaches",
}  # fmt: skip
# Other plurals that people write, beside the one that we do.
_ALSO = {
    "cactuses": "cactus", "octopi": "octopus", "hippopotami": "hippopotamus", "rhinoceri": "rhinoceros",
    "abaci": "abacus", "mosquitos": "mosquito", "mangos": "mango", "flamingoes": "flamingo", "scarfs": "scarf",
    "squids": "squid", "shrimps": "shrimp", "fishes": "fish", "deers": "deer", "sheeps": "sheep", "mouses": "mouse",
    "leafs": "leaf", "tomatos": "tomato", "potatos": "potato", "busses": "bus", "wolfs": "wolf",
    "persons": "person", "peoples": "person", "knifes": "knife", "gooses": "goose", "buffaloes": "buffalo",
    "buffalos": "buffalo", "jellyfishes": "jellyfish", "blowfishes": "blowfish", "volcanos": "volcano",
    "breads": "bread", "corals": "coral", "soaps": "soap", "peachs": "peach", "tooths": "tooth",
    "hibisci": "hibiscus", "snowmans": "snowman", "foots": "foot", "dominoes": "domino", "teeths": "tooth",
}  # fmt: skip
# Heads that are not the last word.
_HEAD_FIRST = {"hourglass done": "hourglasses done", "lily of the valley": "lilies of the valley"}
# One thing with a plural name: "a pair of scissors". The others of the kind take no article at all.
_PAIRED = frozenset("scissors glasses eyeglasses sunglasses spectacles jeans trousers pants shorts goggles".split()) | {
    "gloves", "chopsticks", "maracas", "binoculars", "tweezers", "pliers", "tongs", "headphones",
}  # fmt: skip
_NO_ARTICLE = frozenset(
    """broccoli spaghetti sushi popcorn bacon butter bread soap coral dna cooking bowling tennis badminton locked yarn
    luggage furniture jewelry clothing water rice corn food money grass snow sand fire lightning canned_food
    ping_pong high_voltage baguette_bread flatbread shaved_ice""".split()
)
# Singular words that end in s, which a rule would cut.
_SINGULAR_S = re.compile(r"(?:ss|us|is|as|os|lens|series|species|news|bus|gas|iris|atlas|canvas|christmas|pancreas)$")
# ... and plurals that look like them.
_PLURAL_S = frozenset("sofas pizzas pandas cameras zebras koalas llamas bananas umbrellas guitars gorillas".split()) | {
    "flamingos", "kangaroos", "pianos", "avocados", "photos", "burritos", "tacos", "yoyos", "yos", "radios", "zoos",
    "videos", "kilos", "studios", "rhinos", "hippos", "dinos", "logos", "memos", "tattoos", "bamboos", "shampoos",
    "sodas", "teas", "seas", "peas", "fleas", "areas", "ideas", "pajamas", "boas", "cobras", "operas", "antennas",
    "tiaras", "pastas", "salsas", "violas", "tubas", "harmonicas", "magnolias", "gorillas", "hyenas", "pumas",
    "chihuahuas", "alpacas", "iguanas", "tarantulas", "piranhas", "pinatas", "katanas", "bandanas", "bandannas",
    "gondolas", "limos", "cellos", "banjos", "dominos", "mojitos", "casinos", "buffalos",
    "armadillos", "geckos", "dodos", "igloos", "cuckoos", "cockatoos", "ufos", "euros", "menus", "emus", "gnus",
    "skis", "taxis", "bikinis", "kiwis", "sushis", "safaris", "spaghettis", "zucchinis", "martinis", "yetis",
}  # fmt: skip

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_NUMBER_WORDS = {word: value for value, word in enumerate(_NUMBERS)} | {
    "no": 0, "none": 0, "a couple of": 2, "both": 2, "a dozen": 12, "twelve": 12, "thirty": 30, "forty": 40,
    "fifty": 50, "hundred": 100, "a pair of": 2, "half a dozen": 6,
}  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINAL = rf"(?:{'|'.join(_ORDINALS)}|\d{{1,3}}(?:st|nd|rd|th))"
"""A pattern for what `parse_ordinal` reads."""
SEVERAL = r"(?:two|three|four|five|six|seven|eight|nine|ten|\d+)"
"""A pattern for the number of several things; `parse_number` reads it."""
_PLURAL_TO_ONE = {plural: one for one, plural in _IRREGULAR.items() if one not in {"ax", "axis"}} | _ALSO
# An article follows the sound, not the letter.
_AN = re.compile(r"^(?:[aeio]|u(?!n[iy](?!n)|s[aeiu]|t[ei]|f[o ]|k|r[aeio])|hour(?!i)|honest|honou?r|heir|x[- ]?ray)")
_A = re.compile(r"^(?:one\b|once|eu|ew|uni(?:c|f|t|v|on|q|s)|ufo|uk)")


def _split(phrase: str) -> tuple[str, str]:
    """(everything before the last word with its separator, the last word)."""
    cut = max(phrase.rfind(" "), phrase.rfind("-")) + 1
    return phrase[:cut], phrase[cut:]


def _listed(words: frozenset[str], phrase: str) -> bool:
    """Whether the phrase or its last word is listed (underscores stand for spaces)."""
    key = phrase.lower().replace(" ", "_")
    return key in words or _split(phrase.lower())[1] in words


def _like(word: str, bent: str) -> str:
    """The bent form with a capital where the word has one."""
    return bent.capitalize() if word[0].isupper() else bent


@lru_cache(maxsize=4096)
def plural(phrase: str) -> str:
    """The plural of a singular noun phrase: "key" -> "keys", "jeans" -> "jeans", "game die" -> "game dice"."""
    if phrase.lower() in _HEAD_FIRST:
        return _HEAD_FIRST[phrase.lower()]
    before, word = _split(phrase)
    low = word.lower()
    if not word or _listed(_INVARIANT | _PLURAL_ONLY, phrase) or is_plural(phrase):
        return phrase
    if low in _IRREGULAR:
        return before + _like(word, _IRREGULAR[low])
    if low.endswith("man") and low not in {"human", "german", "roman", "caiman", "talisman"}:
        return before + word[:-2] + "en"
    if re.search(r"(?:s|x|z|ch|sh)$", low):
        return before + word + "es"
    if re.search(r"[^aeiou]y$", low):
        return before + word[:-1] + "ies"
    return before + word + "s"


@lru_cache(maxsize=4096)
def singular(phrase: str) -> str:
    """The singular of a noun phrase in either form: "mice" -> "mouse"; "glasses" and "fish" stay what they are."""
    for one, many in _HEAD_FIRST.items():
        if phrase.lower() == many:
            return one
    before, word = _split(phrase)
    low = word.lower()
    if low in _PLURAL_TO_ONE:
        return before + _like(word, _PLURAL_TO_ONE[low])
    if len(low) < 3 or _listed(_INVARIANT, phrase) or phrase.lower().replace(" ", "_") in _PLURAL_ONLY:
        return phrase
    if low in _PLURAL_ONLY and not (low == "glasses" and before):  # "reading glasses", but "wine glasses"
        return phrase
    if low.endswith("men") and low not in {"specimen", "abdomen", "ramen", "omen"}:
        return before + word[:-2] + "an"
    if not low.endswith("s") or (_SINGULAR_S.search(low) and low not in _PLURAL_S):
        return phrase
    if low.endswith("ies") and len(low) > 4:
        return before + word[:-3] + "y"
    if re.search(r"(?:ss|x|zz|ch|sh)es$", low):
        return before + word[:-2]
    return before + word[:-1]


def is_plural(phrase: str) -> bool:
    """Whether the phrase is plural in form; names such as "jeans" and "french fries" are, "fish" is not."""
    return phrase.lower().replace(" ", "_") in _PLURAL_ONLY or singular(phrase) != phrase or (
        _split(phrase.lower())[1] in _PLURAL_ONLY
    )


def article(phrase: str) -> str:
    """"a" or "an", by sound: "an hourglass", "a unicorn", "a t rex"."""
    low = phrase.lower().lstrip("\"'\u201c\u2018 ")
    return "an" if _AN.match(low) and not _A.match(low) else "a"


def indefinite(name: str) -> str:
    """One of them, with what English puts before it: "a dog", "a pair of scissors", "broccoli", "grapes"."""
    low = name.lower()
    if low in _PAIRED:
        return f"a pair of {name}"
    if low.replace(" ", "_") in _NO_ARTICLE or is_plural(name):
        return name
    return f"{article(name)} {name}"


def number_word(number: int) -> str:
    """"no", "one" ... "twenty", then digits."""
    if number == 0:
        return "no"
    return _NUMBERS[number] if 0 < number < len(_NUMBERS) else str(number)


def ordinal(index: int) -> str:
    """The place of a 0-based index in words: 0 -> "first"; from the eleventh on in digits."""
    if index < len(_ORDINALS):
        return _ORDINALS[index]
    number = index + 1
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def parse_number(text: str) -> int | None:
    """The value of digits or of a number word ("3", "three", "a couple of"); None for anything else."""
    low = " ".join(text.lower().split())
    if low.isascii() and low.isdigit():
        return int(low) if len(low) < 10 else None
    return _NUMBER_WORDS.get(low)


def parse_ordinal(text: str) -> int | None:
    """The 0-based index that "first", "2nd" or "tenth" names; None for anything else."""
    low = text.lower().strip()
    if low in _ORDINALS:
        return _ORDINALS.index(low)
    match = re.fullmatch(r"(\d{1,4})(?:st|nd|rd|th)", low)
    return int(match[1]) - 1 if match and int(match[1]) > 0 else None


def join_words(pieces: "list[str] | tuple[str, ...]", last: str = "and") -> str:
    """"a", "a and b", "a, b and c"."""
    if len(pieces) < 2:
        return "".join(pieces)
    return f"{', '.join(pieces[:-1])} {last} {pieces[-1]}"
