"""Filters of a plan, carried out and said, over a small world whose truth is known."""

from typing import Any

import pytest
from PIL import Image, ImageDraw

from agent.choosing import described
from agent.intents import Filter, Intent, Step

LEFT, MIDDLE, RIGHT = (10.0, 20.0, 40.0, 50.0), (90.0, 20.0, 130.0, 60.0), (210.0, 20.0, 230.0, 40.0)
TREE, DOG = (150.0, 10.0, 180.0, 90.0), (20.0, 100.0, 80.0, 150.0)
FAR, NEAR = (180.0, 120.0, 230.0, 170.0), (90.0, 110.0, 120.0, 140.0)


@pytest.fixture
def orchard(world: Any, thing: Any) -> Image.Image:
    """Three apples at the top around a tree, the middle one the largest; a dog below and two signs."""
    things = [thing("apple", LEFT), thing("apple", MIDDLE), thing("apple", RIGHT), thing("tree", TREE),
              thing("dog", DOG), thing("sign", FAR, text="EXIT"), thing("sign", NEAR, text="OPEN")]  # fmt: skip
    picture: Image.Image = world.paint(things)
    return picture


@pytest.mark.parametrize(
    ("question", "regions", "text", "boxes"),
    [
        ("How many apples are left of the tree?", [], "There are 2 apples left of the tree in the picture.",
         [LEFT, MIDDLE]),
        ("How many signs are right of the dog?", [], "There are 2 signs right of the dog in the picture.", [FAR, NEAR]),
        ("How many apples are below the dog?", [], "There are 0 apples below the dog in the picture.", []),
        ("How many apples are not left of the tree?", [],
         "There is 1 apple that is not left of the tree in the picture.", [RIGHT]),
        ("Where is the largest apple?", [], "The largest apple is here.", [MIDDLE]),
        ("Where is the second largest apple?", [], "The second largest apple is here.", [LEFT]),
        ("Find the smallest apple.", [], "The smallest apple is here.", [RIGHT]),
        ("Where is the second apple from the right?", [], "The second apple from the right is here.", [MIDDLE]),
        ("Find the two largest apples.", [], "The two largest apples are here.", [MIDDLE, LEFT]),
        ("Where is the apple nearest the tree?", [], "The nearest apple to the tree is here.", [MIDDLE]),
        ("Where is the apple furthest from the tree?", [], "The farthest apple from the tree is here.", [LEFT]),
        ("Find the fourth apple from the left.", [], "There is no fourth apple from the left in the picture.", []),
        ("What is written on the sign nearest the dog?", [], 'The nearest sign to the dog says "OPEN".', [NEAR]),
        ("What does the sign farthest from the dog say?", [], 'The farthest sign from the dog says "EXIT".', [FAR]),
        ("How many apples are left of the owl?", [], "There is no owl in the picture.", []),
        ("Find the thing nearest the tree.", [], "The nearest thing to the tree is here.", [MIDDLE]),
        ("How many apples are right of <region1>?", ["box:90,20,130,60"],
         "There is 1 apple right of region 1 in the picture.", [RIGHT]),
        ("Where is the apple nearest the tree that is right of the dog?", [],
         "The nearest apple to the tree right of the dog is here.", [MIDDLE]),
        ("How many apples are left of the tree and not on the left?", [],
         "There are 0 apples left of the tree that are not on the left in the picture.", []),
        ("Are there more signs than apples left of the tree?", [],
         "No, there are as many signs as apples left of the tree: 2 of each.", [FAR, NEAR, LEFT, MIDDLE]),
        ("Is the largest apple left of the tree?", [], "Yes, the largest apple is left of the tree.", [MIDDLE, TREE]),
        # all but some
        ("List everything except the apples.", [], "I see a dog, two signs and a tree.", [DOG, FAR, NEAR, TREE]),
        ("Everything except the dog and the apples", [], "I see two signs and a tree.", [FAR, NEAR, TREE]),
        ("Everything but the owl", [], "I see three apples, a dog, two signs and a tree.",
         [LEFT, MIDDLE, RIGHT, TREE, DOG, FAR, NEAR]),
        ("Everything except the sign nearest the dog", [], "I see three apples, a dog, a sign and a tree.",
         [LEFT, MIDDLE, RIGHT, TREE, DOG, FAR]),
        ("How many things are there apart from the tree?", [],
         "There are 6 things other than the tree in the picture.", [LEFT, MIDDLE, RIGHT, DOG, FAR, NEAR]),
        ("Outline all the things other than the apples.", [],
         "Here are the outlines of the four things other than the apples.", [DOG, FAR, NEAR, TREE]),
        ("Are there animals other than the dog?", [], "No, there is no animal other than the dog in the picture.", []),
        ("Find all apples except the largest.", [], "The two other apples are here.", [LEFT, RIGHT]),
        ("Find all the signs except the one nearest the dog.", [], "The other sign is here.", [FAR]),
        ("What is there apart from <region1>?", ["box:20,100,80,150"], "I see three apples, two signs and a tree.",
         [LEFT, MIDDLE, RIGHT, TREE, FAR, NEAR]),
        ("Outline everything except this.", ["point:50,125"], "Here are the outlines of the six other things.",
         [LEFT, MIDDLE, RIGHT, TREE, FAR, NEAR]),
        ("Where is the sign nearest the dog? And the other one?", [],
         "The nearest sign to the dog is here. The other sign is here.", [NEAR, FAR]),
        ("Find the largest apple. Cut out the others.", [],
         "The largest apple is here. Here are the outlines of the two other apples.", [MIDDLE, LEFT, RIGHT]),
        ("Which apple is closer to the tree?", [], "The nearest apple to the tree is here.", [MIDDLE]),
        ("Which apple is farther from the tree? And the other ones?", [],
         "The farthest apple from the tree is here. The two other apples are here.", [LEFT, MIDDLE, RIGHT]),
        ("Is there anything left of the dog?", [], "No, there is no thing left of the dog in the picture.", []),
        ("Is anything but the dog left of the tree?", [],
         "Yes, there are three things left of the tree other than the dog in the picture.", [LEFT, MIDDLE, NEAR]),
        ("What is left of the tree besides the apples?", [], "I see a dog and a sign.", [DOG, NEAR]),
        ("Is there anything near the tree?", [], "Yes, near the tree I see two apples and a sign.",
         [TREE, MIDDLE, RIGHT, FAR]),
        ("Where is the dog? What else is there?", [], "The dog is here. I see three apples, two signs and a tree.",
         [DOG, LEFT, MIDDLE, RIGHT, FAR, NEAR, TREE]),
        ("What else is there?", ["box:20,100,80,150"], "I see three apples, two signs and a tree.",
         [LEFT, MIDDLE, RIGHT, TREE, FAR, NEAR]),
        ("Find the largest apple and cut it out.", [],
         "The largest apple is here. Here is the outline of the largest apple.", [MIDDLE]),
    ],
)  # fmt: skip
def test_answers(
    agent: Any, orchard: Image.Image, question: str, regions: list[str], text: str, boxes: list[tuple[float, ...]]
) -> None:
    answer = agent.ask(question, orchard, regions=regions)
    assert answer.text == text
    assert answer.status == ("answered" if boxes else "not_found")
    seen = [tuple(region.box) for region in answer.regions if region.source != "user"]
    assert sorted(set(seen)) == sorted(boxes)


def test_else_is_what_was_not_named_in_the_turn_before(agent: Any, orchard: Image.Image) -> None:
    talk = agent.thread("orchard")
    talk.ask("Where is the largest apple?", orchard)
    assert talk.ask("What else is there?").text == "I see two apples, a dog, two signs and a tree."
    assert talk.ask("Is there anything else in the picture?").text == "No, there is no other thing in the picture."
    assert talk.ask("What do you see?").text == "I see three apples, a dog, two signs and a tree."
    assert talk.ask("Is there anything else?").status == "not_found"


def test_colours_choose(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("key", LEFT), thing("key", MIDDLE)])
    draw = ImageDraw.Draw(picture)
    things = list(world.on(picture))
    draw.rectangle(LEFT, fill=(220, 20, 30))
    draw.rectangle(MIDDLE, fill=(30, 80, 220))
    from ferret.images import image_hash

    world.things[image_hash(picture)] = things
    answer = agent.ask("Where is the blue key?", picture)
    assert (answer.text, [tuple(region.box) for region in answer.regions]) == ("The blue key is here.", [MIDDLE])
    assert agent.ask("How many keys are not red?", picture).text == "There is 1 key that is not red in the picture."
    assert agent.ask("Is there a green key?", picture).status == "not_found"


def test_a_colour_that_belongs_to_the_name_chooses_nothing(agent: Any, orchard: Image.Image) -> None:
    assert agent.ask("How many hot dogs are there?", orchard).text == "There are 0 hot dogs in the picture."


@pytest.mark.parametrize(
    ("filters", "before", "after"),
    [
        ([], "", ""),
        ([{"order": "leftmost"}], "leftmost ", ""),
        ([{"order": "leftmost", "nth": 3}], "third ", " from the left"),
        ([{"colour": "red"}, {"order": "largest"}], "largest red ", ""),
        ([{"relation": "left of"}], "", " on the left"),
        ([{"relation": "inside", "anchor": 1, "negated": True}], "", " that {be} not inside region 2"),
        ([{"others": True, "anchor": 0}, {"colour": "red"}], "other red ", ""),
        ([{"others": True, "anchor": "red key"}, {"others": True, "anchor": "left key"}], "other ", ""),
        ([{"others": True, "anchor": "dog"}], "", " other than the dog"),
        ([{"text": "open"}], "", ' that {say} "open"'),
        ([{"text": "o\u202epe\"n", "negated": True}, {"colour": "red"}], "red ", ' that {do} not say "o pe\'n"'),
    ],
)
def test_described(filters: list[dict[str, Any]], before: str, after: str) -> None:
    made = [Filter(of="key", **one) for one in filters]
    assert described(made, Step(intent=Intent.GROUND, targets=("key",))) == (before, after)
