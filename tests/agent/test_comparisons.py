"""What is said of comparisons, over a small world whose truth is known."""

from typing import Any

import pytest
from PIL import Image

SMALL, BIG, RIGHT = (10.0, 20.0, 40.0, 50.0), (90.0, 20.0, 130.0, 60.0), (210.0, 20.0, 230.0, 40.0)
TREE, DOG, OWL = (150.0, 10.0, 180.0, 90.0), (20.0, 100.0, 80.0, 150.0), (70.0, 120.0, 130.0, 170.0)
REGIONS = ["box:20,100,80,150", "box:90,20,130,60"]


@pytest.fixture
def garden(world: Any, thing: Any) -> Image.Image:
    """Three apples at the top around a tree, the middle one the largest; below a dog and an owl that touch."""
    things = [thing("apple", SMALL), thing("apple", BIG), thing("apple", RIGHT), thing("tree", TREE),
              thing("dog", DOG), thing("owl", OWL)]  # fmt: skip
    picture: Image.Image = world.paint(things)
    return picture


@pytest.mark.parametrize(
    ("question", "regions", "text", "status"),
    [
        # size
        ("Which is bigger, the left apple or the right one?", [], "The leftmost apple is larger.", "answered"),
        ("Which apple is smaller, the left or the right one?", [], "The rightmost apple is smaller.", "answered"),
        ("Which thing is smaller, the dog or the apple on the left?", [], "The leftmost apple is smaller.", "answered"),
        ("Is the left apple bigger than the right apple?", [], "Yes, the leftmost apple is larger.", "answered"),
        ("Is the right apple bigger than the left one?", [], "No, the leftmost apple is larger.", "answered"),
        ("Is the dog smaller than the owl?", [], "No, the dog and the owl are about the same size.", "answered"),
        ("Is the left apple larger than the cat?", [], "There is no cat in the picture.", "not_found"),
        # number
        ("Are there more apples than dogs?", [], "Yes, there are more apples than dogs: 3 and 1.", "answered"),
        ("Are there more dogs than apples?", [], "No, there are more apples than dogs: 3 and 1.", "answered"),
        ("Are there more dogs than owls?", [], "No, there are as many dogs as owls: 1 of each.", "answered"),
        # distance
        ("Is the dog closer to the tree than the left apple?", [], "Yes, the dog is closer to the tree.", "answered"),
        ("Is the left apple closer to the tree than the dog?", [], "No, the dog is closer to the tree.", "answered"),
        ("Is the left apple farther from the tree than the right one?", [],
         "Yes, the leftmost apple is farther from the tree.", "answered"),
        ("Which is closer to the tree, the dog or the right apple?", [], "The rightmost apple is closer to the tree.",
         "answered"),
        ("Which is farthest from the tree, the dog, the left apple or the right one?", [],
         "The leftmost apple is the farthest from the tree.", "answered"),
        ("Is the tree closer to the dog or to the right apple?", [], "The rightmost apple is closer to the tree.",
         "answered"),
        ("Find the dog and the right apple. Which one is closer to the tree?", [],
         "The dog is here. The rightmost apple is here. The rightmost apple is closer to the tree.", "answered"),
        ("Which is closer to the tree?", REGIONS, "Region 2 (an apple) is closer to the tree.", "answered"),
        ("Is the dog closer to the cat than the owl?", [], "There is no cat in the picture.", "not_found"),
        # kind
        ("Is the left apple the same as the right one?", [], "Yes, both are apples.", "answered"),
        ("Compare the left apple with the other apples.", [], "Both are apples.", "answered"),
        ("Compare the dog and the tree.", [], "One is a dog and one is a tree.", "answered"),
    ],
)  # fmt: skip
def test_answers(
    agent: Any, garden: Image.Image, question: str, regions: list[str], text: str, status: str
) -> None:
    answer = agent.ask(question, garden, regions=regions)
    assert (answer.text, answer.status) == (text, status)


def test_things_as_near_as_each_other(agent: Any, world: Any, thing: Any) -> None:
    dog, cat, tree = (0, 0, 20, 20), (100, 0, 120, 20), (50, 0, 70, 20)
    picture = world.paint([thing("dog", dog), thing("cat", cat), thing("tree", tree)])
    told = agent.ask("Is the dog closer to the tree than the cat?", picture).text
    assert told == "No, the dog and the cat are about as near to the tree."
    assert agent.ask("Which is closer to the tree, the dog or the cat?", picture).text == (
        "The dog and the cat are about as near to the tree."
    )


def test_things_in_different_pictures_have_no_distance(agent: Any, world: Any, thing: Any) -> None:
    one = world.paint([thing("dog", DOG), thing("tree", TREE)])
    other = world.paint([thing("owl", OWL)], seed=1)
    answer = agent.ask("Which is closer to the tree, the dog or the owl?", one, other)
    assert (answer.text, answer.status) == ("They are in different pictures.", "unsure")
