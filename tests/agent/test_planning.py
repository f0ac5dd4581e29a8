"""Questions as people put them, and the plans that the offline planner makes of them."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inflection import indefinite, plural
from agent.intents import MAX_STEPS, Aspect, Intent, Plan, Relation, Step
from agent.lexicon import Lexicon
from agent.planning import plan_question
from ferret.errors import RequestError

HERE = Path(__file__).parent
NAMES = (HERE / "scene_names.txt").read_text(encoding="utf-8").splitlines()
SCENES = Lexicon(NAMES)


def plan(question: str, regions: int = 0, images: int = 1) -> Plan:
    return plan_question(question, regions, images, SCENES)


def only(question: str, regions: int = 0, images: int = 1) -> Step:
    steps = plan(question, regions, images).steps
    assert len(steps) == 1, [step.model_dump() for step in steps]
    return steps[0]


def table() -> list[tuple[str, str, int, tuple[str, ...]]]:
    """(intent, question, regions, targets) of every line of questions.txt."""
    rows, intent = [], ""
    for line in (HERE / "questions.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            intent = line.strip("[]")
        elif line and not line.startswith("#"):
            question, regions, targets = (part.strip() for part in line.split("|"))
            rows.append((intent, question, int(regions), tuple(part.strip() for part in targets.split(",") if part)))
    return rows


QUESTIONS = table()


def test_the_table_is_wide() -> None:
    assert len(QUESTIONS) >= 500
    assert {row[0] for row in QUESTIONS} == {intent.value for intent in Intent}


@pytest.mark.parametrize(("intent", "question", "regions", "targets"), QUESTIONS)
def test_intent_and_targets(intent: str, question: str, regions: int, targets: tuple[str, ...]) -> None:
    step = only(question, regions)
    assert (step.intent.value, step.targets) == (intent, targets)
    assert set(step.regions) <= set(range(regions))
    if step.intent is Intent.REFER:
        assert step.regions


TRICKY = [
    "hot dog", "stop sign", "sign", "cooking", "bowling", "high voltage", "ring", "watch", "link", "locked", "label",
    "key", "memo", "hourglass done", "t rex", "t shirt", "yo yo", "ping pong", "movie camera", "camera", "scroll",
    "american football", "framed picture", "computer mouse", "mouse", "glasses", "scissors", "fish", "french fries",
    "books", "ship", "seal", "bat", "duck", "drum", "hammer", "straight ruler", "game die", "bar chart", "bento box",
]  # fmt: skip
TEMPLATES = {
    Intent.GROUND: [
        "Where is the {one}?", "Find the {one}.", "Locate the {one} in the image.", "Can you find the {one}?",
        "Point to the {one}.", "Show me the {one}", "Where is {a} in the picture?", "Find all {many}",
        "Give the bounding box of the {one}", "Detect every {one} in this picture", "Where are the {many}?", "{one}",
        "Could you please tell me where the {one} is?", "What is the location of the {one}?", "I am looking for {a}.",
    ],
    Intent.EXIST: [
        "Is there {a} in the picture?", "Are there any {many}?", "Does this image contain {a}?", "Do you see {a}?",
        "Can you spot {a}?", "Is {a} visible?", "Does {a} appear in the scene?", "Is the {one} in the picture?",
        "Can you see any {many} here?",
    ],
    Intent.COUNT: [
        "How many {many} are there?", "Count the {many}", "What is the number of {many}?", "How many {many}?",
        "How many {many} can you see in the picture?", "Tell me how many {many} there are.",
    ],
    Intent.SEGMENT: [
        "Segment the {one}", "Outline the {one}", "Cut out the {one}.", "Give me a mask of the {one}", "Segment {one}",
    ],
    Intent.DESCRIBE: ["Describe the {one}", "Tell me about the {one}."],
    Intent.READ: ["What does the {one} say?", "What is written on the {one}?"],
    Intent.REFER: ["Is this {a}?", "Is <region1> {a}?"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("intent", "template"), [(intent, template) for intent, templates in TEMPLATES.items() for template in templates]
)
def test_every_name_of_the_embedded_weights_is_understood(intent: Intent, template: str) -> None:
    """Names such as "hot dog", "watch", "locked" or "link" are read as names, not as the words they look like."""
    for name in dict.fromkeys([*TRICKY, *NAMES[len(template) % 5 :: 5]]):
        if name == "chopsticks" and "{a}" in template:
            continue  # "a pair of chopsticks" is a pair of them: a number
        question = template.format(one=name, a=indefinite(name), many=plural(name))
        step = only(question, 1 if intent is Intent.REFER else 0)
        assert step.intent is intent, question
        assert [SCENES.match(target).name for target in step.targets] == [name], question


@pytest.mark.parametrize(
    ("question", "quantity"),
    [
        ("Where is the dog?", "one"), ("Find a dog", "one"), ("Find the dogs", "all"), ("Locate every key", "all"),
        ("Find each apple", "all"), ("Detect bananas", "all"), ("Find two dogs", 2), ("Find a couple of dogs", 2),
        ("Find 3 dogs", 3), ("Find one dog", "one"), ("Where are the fish?", "all"), ("Where is the fish?", "one"),
        ("Where are the dog and the cat?", "one"), ("Are there two dogs?", 2), ("Are there more than 3 dogs?", 4),
        ("Is there more than one dog?", 2), ("Find 99999 dogs", "all"), ("Find the glasses", "all"),
        ("List everything", "all"), ("Segment all objects", "all"), ("Find all instances of the key", "all"),
    ],
)  # fmt: skip
def test_quantity(question: str, quantity: object) -> None:
    assert only(question).quantity == quantity


@pytest.mark.parametrize(
    ("question", "regions", "relation", "operands", "yes_no"),
    [
        ("Is the dog left of the cat?", 0, Relation.LEFT, ("dog", "cat"), True),
        ("Is there a dog to the right of the cat?", 0, Relation.RIGHT, ("dog", "cat"), True),
        ("Is <region1> above <region2>?", 2, Relation.ABOVE, (0, 1), True),
        ("Is <region2> below the dog?", 2, Relation.BELOW, (1, "dog"), True),
        ("Is the dog under <region1>?", 1, Relation.BELOW, ("dog", 0), True),
        ("Is the key inside the basket?", 0, Relation.INSIDE, ("key", "basket"), True),
        ("Does the basket contain the key?", 0, Relation.INSIDE, ("key", "basket"), True),
        ("Is the bird on the house?", 0, Relation.ON, ("bird", "house"), True),
        ("Is the dog in front of the house?", 0, Relation.FRONT, ("dog", "house"), True),
        ("Is the dog behind the house?", 0, Relation.BEHIND, ("dog", "house"), True),
        ("Are the dog and the cat next to each other?", 0, Relation.NEAR, ("dog", "cat"), True),
        ("Does the dog overlap the cat?", 0, Relation.OVERLAPPING, ("dog", "cat"), True),
        ("Where is <region1> relative to <region2>?", 2, None, (0, 1), False),
        ("What is the relation between the dog and the cat?", 0, None, ("dog", "cat"), False),
        ("Is <region1> above or below <region2>?", 2, None, (0, 1), False),
        ("Where is <region1>?", 1, None, (0,), False),
        ("Is the dog on the left?", 0, Relation.LEFT, ("dog",), True),
        ("What is left of the dog?", 0, Relation.LEFT, ("dog",), False),
        ("What is next to <region1>?", 1, Relation.NEAR, (0,), False),
        ("Which one is further left, <region1> or <region2>?", 2, Relation.LEFT, (0, 1), False),
    ],
)
def test_relations(
    question: str, regions: int, relation: Relation | None, operands: tuple[str | int, ...], yes_no: bool
) -> None:
    step = only(question, regions)
    assert (step.intent, step.relation, step.operands, step.yes_no) == (Intent.RELATE, relation, operands, yes_no)


@pytest.mark.parametrize(
    ("question", "regions", "aspect", "operands", "yes_no"),
    [
        ("Are <region1> and <region2> the same kind of thing?", 2, Aspect.KIND, (0, 1), True),
        ("Are these the same?", 3, Aspect.KIND, (0, 1, 2), True),
        ("Is the thing I marked the same kind as <region2>?", 2, Aspect.KIND, (0, 1), True),
        ("Is this the same thing as that?", 2, Aspect.KIND, (0, 1), True),
        ("Are these different?", 2, Aspect.DIFFERENCE, (0, 1), True),
        ("What is the difference between the dog and the wolf?", 0, Aspect.DIFFERENCE, ("dog", "wolf"), False),
        ("Which is bigger, the dog or the cat?", 0, Aspect.LARGER, ("dog", "cat"), False),
        ("Is the dog bigger than the cat?", 0, Aspect.LARGER, ("dog", "cat"), True),
        ("Is this dog bigger than that cat?", 2, Aspect.LARGER, (0, 1), True),
        ("Which is smaller?", 2, Aspect.SMALLER, (0, 1), False),
        ("What is the biggest object?", 0, Aspect.LARGER, (), False),
        ("Which is the smallest fruit?", 0, Aspect.SMALLER, (), False),
        ("Are there more apples than bananas?", 0, Aspect.MORE, ("apples", "bananas"), True),
        ("Are there fewer apples than bananas?", 0, Aspect.FEWER, ("apples", "bananas"), True),
        ("Compare <region1> with <region2>", 2, None, (0, 1), False),
    ],
)
def test_comparisons(
    question: str, regions: int, aspect: Aspect | None, operands: tuple[str | int, ...], yes_no: bool
) -> None:
    step = only(question, regions)
    assert (step.intent, step.aspect, step.operands, step.yes_no) == (Intent.COMPARE, aspect, operands, yes_no)


@pytest.mark.parametrize(
    ("question", "given", "regions"),
    [
        ("What is this?", 1, (0,)), ("What is <region2>?", 3, (1,)), ("What are these?", 3, (0, 1, 2)),
        ("What are <region3> and <region1>?", 3, (2, 0)), ("What is the second box?", 2, (1,)),
        ("What is region 2?", 2, (1,)), ("Compare regions 1 and 3", 3, (0, 2)), ("And the second one?", 2, (1,)),
        ("What is in the last region?", 3, (2,)), ("< REGION1 >?", 1, (0,)), ("What is <region 1>?", 1, (0,)),
        ("Where is the dog?", 1, (0,)), ("Where is the dog in the picture?", 1, ()), ("What do you see?", 2, (0, 1)),
        ("How many dogs are in this box?", 1, (0,)), ("Is there a dog in <region2>?", 2, (1,)),
        ("<region2>: is it a dog?", 2, (1,)), ("In <region2>, how many dogs are there?", 2, (1,)),
        ("Mask everything I marked", 2, (0, 1)), ("Segment the dog in the marked area", 1, (0,)),
        ("Describe the picture", 1, ()), ("Name the object in the picture", 1, (0,)), ("Read it", 1, (0,)),
    ],
)  # fmt: skip
def test_regions(question: str, given: int, regions: tuple[int, ...]) -> None:
    assert only(question, given).regions == regions


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Where is the dog?", True), ("What do you see? Include the coordinates for each mentioned object.", True),
        ("Describe the picture with bounding boxes", True), ("List the objects and give their locations.", True),
        ("Include the coordinates. What do you see?", True), ("Describe the picture.", False),
        ("Find the dog without coordinates", False), ("How many dogs are there?", False),
        ("Detect all objects", True), ("Name all objects", False),
    ],
)  # fmt: skip
def test_coordinates_are_wanted_or_not(question: str, wanted: bool) -> None:
    assert only(question).wants_coordinates is wanted


@pytest.mark.parametrize(
    ("question", "images", "image"),
    [
        ("Where is the dog?", 1, 0), ("Where is the dog?", 3, None), ("Where is the dog in the second image?", 2, 1),
        ("In image 3, where is the dog?", 3, 2), ("In the last picture, where is the dog?", 3, 2),
        ("Is the dog in both pictures?", 2, None), ("Where is the dog in the first photo?", 1, 0),
        ("Which picture shows the dog?", 2, None),
    ],
)  # fmt: skip
def test_pictures(question: str, images: int, image: int | None) -> None:
    step = only(question, images=images)
    assert (step.image, step.targets) == (image, ("dog",))


@pytest.mark.parametrize(
    ("question", "regions", "steps"),
    [
        ("What is this, and where is the dog?", 1, [("refer", (), (0,)), ("ground", ("dog",), ())]),
        ("Find the dog and segment it.", 0, [("ground", ("dog",), ()), ("segment", ("dog",), ())]),
        ("Find the key and the ring and cut them out", 0,
         [("ground", ("key", "ring"), ()), ("segment", ("key", "ring"), ())]),
        ("Describe the picture and list all objects.", 0, [("describe", (), ()), ("list", (), ())]),
        ("What is <region1>? What is <region2>?", 2, [("refer", (), (0,)), ("refer", (), (1,))]),
        ("How many dogs are there? Where are they?", 0, [("count", ("dogs",), ()), ("ground", ("dogs",), ())]),
        ("There's a bus. Where?", 0, [("exist", ("bus",), ()), ("ground", ("bus",), ())]),
        ("Is there a sign? If so, what does it say?", 0, [("exist", ("sign",), ()), ("read", ("sign",), ())]),
        ("Find the watch and the label", 0, [("ground", ("watch", "label"), ())]),
        ("I can't find the key. Where is it?", 0, [("ground", ("key",), ())]),
    ],
)  # fmt: skip
def test_several_steps(question: str, regions: int, steps: list[tuple[str, tuple[str, ...], tuple[int, ...]]]) -> None:
    made = [(step.intent.value, step.targets, step.regions) for step in plan(question, regions).steps]
    assert made == steps


def test_pictures_of_several_steps_differ() -> None:
    made = plan("In the first picture, find the dog. Then in the second picture count the cats.", images=2)
    assert [(step.intent, step.image) for step in made.steps] == [(Intent.GROUND, 0), (Intent.COUNT, 1)]


@pytest.mark.parametrize(
    ("question", "regions", "filters"),
    [
        ("How many apples are left of the tree?", 0, [{"of": "apples", "relation": "left of", "anchor": "tree"}]),
        ("Outline every bird that is not in the water", 0,
         [{"of": "bird", "relation": "inside", "anchor": "water", "negated": True}]),
        ("What is written on the sign nearest the dog?", 0, [{"of": "sign", "order": "nearest", "anchor": "dog"}]),
        ("Read the nearest sign to the dog.", 0, [{"of": "nearest sign", "order": "nearest", "anchor": "dog"}]),
        ("Find the largest key.", 0, [{"of": "largest key", "order": "largest"}]),
        ("Find the second largest key.", 0, [{"of": "second largest key", "order": "largest", "nth": 2}]),
        ("Where is the second bird from the left?", 0, [{"of": "bird", "order": "leftmost", "nth": 2}]),
        ("Where is the last bird from the left?", 0, [{"of": "bird", "order": "rightmost"}]),
        ("Point to the third mushroom from the right.", 0, [{"of": "mushroom", "order": "rightmost", "nth": 3}]),
        ("Where is the bird on the left?", 0, [{"of": "bird", "order": "leftmost"}]),
        ("Where are the birds on the left?", 0, [{"of": "birds", "relation": "left of"}]),
        ("Find the birds that are not on the left", 0, [{"of": "birds", "relation": "left of", "negated": True}]),
        ("Find the cats at the top right.", 0,
         [{"of": "cats", "relation": "above"}, {"of": "cats", "relation": "right of"}]),
        ("How many stars are left of <region1>?", 1, [{"of": "stars", "relation": "left of", "anchor": 0}]),
        ("Count the birds that are not inside <region1>.", 1,
         [{"of": "birds", "relation": "inside", "anchor": 0, "negated": True}]),
        ("Find the object nearest the dog.", 0, [{"of": "object", "order": "nearest", "anchor": "dog"}]),
        ("How many red things are there?", 0, [{"of": "red things", "colour": "red"}]),
        ("Find the red apple", 0, []),  # a name
        ("How many apples aren't red?", 0, [{"of": "apples", "colour": "red", "negated": True}]),
        ("Find every apple except the one near the dog.", 0,
         [{"of": "apple", "relation": "near", "anchor": "dog", "negated": True}]),
        ("How many birds are above the house and below the moon?", 0,
         [{"of": "birds", "relation": "above", "anchor": "house"},
          {"of": "birds", "relation": "below", "anchor": "moon"}]),
        ("What does the sign nearest the dog that is left of the tree say?", 0,
         [{"of": "sign", "order": "nearest", "anchor": "dog"},
          {"of": "dog", "relation": "left of", "anchor": "tree"}]),
        ("Count the dogs next to the red car.", 0,
         [{"of": "dogs", "relation": "near", "anchor": "red car"}, {"of": "red car", "colour": "red"}]),
        ("Which is bigger, the left apple or the right apple?", 0,
         [{"of": "left apple", "order": "leftmost"}, {"of": "right apple", "order": "rightmost"}]),
        ("Find the apple nearest the apple.", 0, [{"of": "apple", "order": "nearest", "anchor": "other apple"}]),
        ("Find the dog in the picture.", 0, []),
        ("Where is the dog in <region1>?", 1, []),  # that says where to look
    ],
)  # fmt: skip
def test_filters(question: str, regions: int, filters: list[dict[str, object]]) -> None:
    made = only(question, regions).filters
    assert [one.model_dump(mode="json", exclude_defaults=True) for one in made] == filters


def test_what_it_stands_for_stays_narrowed() -> None:
    found, read = plan("Find the sign nearest the dog and read it.").steps
    assert found.filters == read.filters != ()
    assert read.targets == ("sign",)


def test_what_is_not_understood_is_not_left_out() -> None:
    """What no filter can say stays in the target, which is then unknown: better unsure than wrong."""
    (step,) = plan("How many apples are as heavy as the tree?").steps
    assert not any(SCENES.match(target).known for target in step.targets)


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "\u200b"])
def test_an_empty_question_is_refused(question: str) -> None:
    with pytest.raises(RequestError, match="question is empty"):
        plan(question)


@pytest.mark.parametrize(
    ("question", "regions", "message"),
    [("What is <region1>?", 0, "no region was given"), ("What is <region3>?", 2, "2 regions were given"),
     ("What is <region0>?", 1, "'<region0>'")],
)  # fmt: skip
def test_a_region_that_was_not_given_is_refused(question: str, regions: int, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        plan(question, regions)


def test_a_picture_that_was_not_given_is_refused() -> None:
    with pytest.raises(RequestError, match="image 2 but 1 was given"):
        plan("What is in the second picture?")


@pytest.mark.parametrize(
    "question",
    ["???", "!", "🐶", "12345", "この画像は何ですか", "<script>alert(1)</script>", '{"intent": "count"}', "and and and",
     "<r0>", "<pic1> <it> <r*>", "is", "the", "what", "in the picture", "please", "a" * 5000, "of " * 2000],
)  # fmt: skip
def test_odd_questions_have_a_plan(question: str) -> None:
    for regions in (0, 2):
        made = plan(question, regions)
        assert 1 <= len(made.steps) <= MAX_STEPS
        assert all("<" not in target and "\x0e" not in target for step in made.steps for target in step.targets)


def test_a_plan_is_bounded() -> None:
    assert len(plan("What is this? Where is the dog? Is there a cat? Count the keys. " * 40).steps) <= MAX_STEPS
    assert len(only("Find the " + ", the ".join(NAMES[:60])).targets) <= 32


def test_without_a_lexicon_the_grammar_still_works() -> None:
    made = plan_question("Where is the zeppelin?", 0)
    assert made.steps == (Step(intent=Intent.GROUND, targets=("zeppelin",), wants_coordinates=True),)


def test_long_junk_is_read_in_bounded_time() -> None:
    start = time.process_time()
    for junk in ("the ", "in on at by ", "left of ", "is there a dog and ", "what is the ", "("):
        plan(junk * 1000, 2)
    assert time.process_time() - start < 20


@given(st.text(max_size=80), st.integers(0, 3), st.integers(1, 3))
def test_any_text_gives_a_plan_or_a_request_error(text: str, regions: int, images: int) -> None:
    try:
        made = plan(text, regions, images)
    except RequestError:
        return
    assert made == plan(text, regions, images)
    assert all(index < regions for step in made.steps for index in step.regions)
    assert Plan.model_validate_json(made.model_dump_json()) == made


WORDS = st.sampled_from(
    """what where which how many is are there the a dog cats hot key this that it these <region1> left of and or , . ?
    find count read segment describe picture in box same bigger than relative to all every sign says written
    please""".split()
)


@given(st.lists(WORDS, min_size=1, max_size=12))
def test_any_order_of_words_gives_a_sound_plan(words: list[str]) -> None:
    made = plan(" ".join(words), 1)
    assert Plan.model_validate_json(made.model_dump_json()) == made
    for step in made.steps:
        assert set(step.regions) <= {0}
        assert all(operand == 0 if isinstance(operand, int) else operand in step.targets for operand in step.operands)


def test_words_said_over_and_over_take_no_time() -> None:
    started = time.process_time()
    assert plan_question("and also " * 160, 0).steps
    assert plan_question("Is there a dog" + " and" * 350 + " a cat?", 0).steps[0].targets == ("dog", "cat")
    assert time.process_time() - started < 0.5
