"""Which names may mean the same thing, and which are easily taken for each other.

A detector's vocabulary is a flat list, but its names are not: an eagle is a bird, a police car a car. Whoever is asked
for birds where an eagle was labelled has no honest answer, so such pairs are never set against each other. Names that
exclude each other and yet are alike (a wolf where a dog is) make the best questions about what is not there.
"""

from collections.abc import Mapping
from functools import lru_cache

from ferret.words import bare_name, is_plural, same_name, with_article
from training.art import load_categories

# Wide words of common vocabularies (COCO, Objects365, LVIS, our own) and what they cover.
_COVERS: Mapping[str, frozenset[str]] = {
    wide: frozenset(name.strip() for name in covered.split(","))
    for wide, covered in {
        "person": "man, woman, child, boy, girl, baby, people, human, pedestrian, rider, player, snowman",
        "man": "boy, person, human", "woman": "girl, person, human", "child": "boy, girl, baby",
        "bird": "eagle, duck, swan, owl, flamingo, peacock, parrot, goose, penguin, turkey, rooster, baby chick, hen, "
                "chicken, pigeon, seagull, gull, ostrich, crow, pelican, sparrow, hummingbird, puffin, heron, dove",
        "chicken": "hen, rooster, baby chick, poultry leg", "duck": "duckling, mallard", "hen": "rooster",
        "fish": "blowfish, shark, goldfish, salmon, tuna, clownfish, ray, sushi", "whale": "dolphin, orca",
        "bug": "ant, honeybee, bee, beetle, cricket, butterfly, mosquito, ladybug, fly, dragonfly, spider, insect",
        "insect": "ant, honeybee, bee, beetle, cricket, butterfly, mosquito, ladybug, fly, dragonfly, moth",
        "bee": "honeybee", "turtle": "tortoise", "lizard": "gecko, iguana, crocodile, dragon", "crocodile": "alligator",
        "dinosaur": "t rex", "monkey": "gorilla, orangutan, chimpanzee, ape",
        "bear": "panda, koala", "cat": "kitten", "dog": "puppy", "mouse": "hamster, rat",
        "deer": "antelope, moose, elk", "cow": "bull, bison, cattle, ox, calf", "sheep": "ram, lamb", "goat": "ram",
        "horse": "pony", "rabbit": "bunny, hare", "pig": "boar, piglet",
        "car": "automobile, taxi, van, suv, sedan, jeep, minivan, pickup truck, cab, limousine, ambulance, racing car",
        "automobile": "taxi, police car, racing car, van, suv, pickup truck, cab, jeep, ambulance",
        "truck": "fire engine, van, trailer, lorry, tractor", "bus": "minibus, van, coach",
        "motorcycle": "motor scooter, moped, motorbike, scooter", "bicycle": "bike, tricycle",
        "train": "locomotive, tram", "boat": "ship, sailboat, canoe, kayak, yacht, ferry, gondola, rowboat",
        "ship": "sailboat, ferry, yacht", "airplane": "aeroplane, plane, jet, aircraft",
        "wheelchair": "manual wheelchair", "tree": "evergreen tree, palm tree, christmas tree",
        "evergreen tree": "christmas tree, pine",
        "plant": "potted plant, cactus, herb, flower, tulip, rose, sunflower, hibiscus, tree, bouquet",
        "potted plant": "cactus, herb, vase, flower, plant, houseplant", "bouquet": "tulip, rose, flower",
        "flower": "tulip, rose, sunflower, hibiscus, cherry blossom, bouquet, lily, daisy, orchid",
        "leaf": "maple leaf, fallen leaf, herb", "apple": "red apple, green apple", "orange": "tangerine, mandarin",
        "pepper": "hot pepper, bell pepper",
        "bread": "baguette bread, flatbread, croissant, bagel, pretzel, sandwich, bun",
        "sandwich": "hamburger, hot dog, burrito, taco", "cake": "cupcake, birthday cake, pancakes, cheesecake",
        "donut": "doughnut, bagel", "cookie": "biscuit, cracker", "candy": "lollipop, chocolate bar",
        "ice cream": "shaved ice", "egg": "cooking, omelet", "cheese": "cheese wedge", "sushi": "rice ball",
        "salad": "green salad", "noodle": "spaghetti", "pasta": "spaghetti",
        "cup": "mug, teacup, hot beverage, glass, bubble tea, tropical drink, beer mug",
        "glass": "wine glass, cocktail glass, beer mug, tropical drink, drinking glass",
        "bottle": "baby bottle, wine bottle, water bottle, jar", "knife": "kitchen knife, dagger",
        "pot": "teapot, kettle", "kettle": "teapot", "bowl": "bento box, salad",
        "house": "hut, castle, cottage, building", "building": "castle, hut, tower, church, house", "tent": "hut",
        "clock": "alarm clock, watch", "alarm clock": "watch", "planet": "ringed planet", "light": "lamp, light bulb",
        "ball": "soccer ball, baseball, basketball, volleyball, american football, tennis, tennis ball, bowling",
        "sports ball": "soccer ball, baseball, basketball, volleyball, american football, tennis, bowling",
        "racket": "tennis, badminton, ping pong", "doll": "teddy bear", "stuffed toy": "teddy bear",
        "picture": "framed picture, painting, poster", "glasses": "sunglasses, goggles, spectacles",
        "shirt": "t shirt, blouse", "trousers": "jeans, pants", "coat": "jacket, dress", "tie": "necktie",
        "glove": "gloves, boxing glove, baseball glove", "hat": "top hat, cap, helmet, sombrero, bonnet, crown",
        "shoe": "running shoe, hiking boot, boot, sneaker, sandal, high heels, ice skate", "boot": "hiking boot",
        "bag": "handbag, shopping bags, backpack, suitcase, briefcase, luggage, purse, money bag, pouch",
        "suitcase": "briefcase, luggage", "jewel": "gem stone, ring", "guitar": "ukulele, banjo",
        "phone": "mobile phone, telephone, cell phone, cellphone", "telephone": "mobile phone, cell phone",
        "computer": "laptop, desktop computer", "monitor": "tv, television, desktop computer, screen, laptop",
        "tv": "television, screen", "television": "desktop computer", "camera": "movie camera",
        "lamp": "light bulb, flashlight, lantern, candle", "book": "books, notebook", "money": "dollar banknote",
        "sign": "label, stop sign, billboard, signboard, poster, banner, street sign, traffic sign",
        "letter": "envelope", "paper": "scroll, newspaper, memo, envelope, label",
        "memo": "scroll, newspaper, clipboard, label",
        "box": "package, bento box, takeout box, carton, toolbox, postbox", "pen": "fountain pen, pencil, marker",
        "ruler": "straight ruler", "can": "canned food, wastebasket, oil drum", "bin": "wastebasket, trash can",
        "lock": "locked", "wheel": "tire, tyre, gear", "chain": "link", "cart": "shopping cart",
        "seat": "chair, bench, couch, stool", "couch": "sofa", "sofa": "couch", "table": "dining table, desk",
        "basket": "wastebasket", "bucket": "pail", "stroller": "baby carriage",
    }.items()
}  # fmt: skip

# Words so wide that it is anybody's guess what they take in.
_ANYTHING = frozenset(
    "animal mammal reptile vehicle food fruit vegetable furniture clothing toy tool object thing item other "
    "accessory appliance container equipment drink dessert snack weapon tableware".split()
)


@lru_cache(maxsize=1 << 18)
def may_be_same(first: str, second: str) -> bool:
    """Whether something called `first` could as well be called `second`: equal, wider, narrower, or nobody knows."""
    a, b = bare_name(first), bare_name(second)
    if not a or not b or a in _ANYTHING or b in _ANYTHING or same_name(a, b):
        return True
    longer, shorter = (a.split(), b.split()) if len(a.split()) > len(b.split()) else (b.split(), a.split())
    if any(longer[start : start + len(shorter)] == shorter for start in range(len(longer) - len(shorter) + 1)):
        return True  # "police car" and "car", "ring buoy" and "ring": the second is careful, and costs little
    return b in _COVERS.get(a, ()) or a in _COVERS.get(b, ())


@lru_cache(maxsize=1 << 12)
def alike(name: str, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
    """Names of a vocabulary that are near `name` without meaning it: of its group, or with its last word."""
    groups = _groups()
    group, last = groups.get(bare_name(name)), _last_word(name)

    def near(other: str) -> bool:
        return (group is not None and groups.get(bare_name(other)) == group) or _last_word(other) == last

    return tuple(other for other in vocabulary if near(other) and not may_be_same(name, other))


def _last_word(name: str) -> str:
    return bare_name(name).rpartition(" ")[2]


def countable(name: str) -> bool:
    """Whether one and several of it can be told apart in words: "dog", but not "glasses" or "bread"."""
    return with_article(name) != name and not is_plural(name)


@lru_cache(maxsize=1)
def _groups() -> Mapping[str, str]:
    """Unicode's group of every kind of thing in the table of art, whose names most vocabularies share."""
    return {category.name: category.group for category in load_categories()}
