"""The many ways to ask one thing: tables of wordings, some of them trained on and some kept for evaluation.

A wording is a format string over these fields:

    {n} dog   {ns} dogs   {a} a dog   {is} is/are (by the name's own number)   {does} does/do   {r} {r2} a region
    {place} "" or " in the picture", " in this image", ...   {regions} 1: <region1>, 2: <region2>

`word_question` fills one in and dresses it up (politeness, lower case, a missing mark), so 45 wordings give hundreds.
Every third wording is held out: it is asked in evaluation only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from ferret.words import counted, is_or_are, is_plural, plural, with_article

WordingSplit = Literal["train", "heldout"]

PLACES: tuple[str, ...] = (
    " in the picture", " in this picture", " in the image", " in this image", " in the photo", " in the scene",
    " here", " in the drawing", " in the illustration", " on the page", " in this scene", " in view",
)  # fmt: skip
REGION_PHRASES: tuple[str, ...] = (
    "the region {}", "the area {}", "the marked region {}", "the object {}", "region {}", "the place {}",
    "the spot {}", "the selected area {}", "the part {}",
)  # fmt: skip
POLITE_FRONT: tuple[str, ...] = (
    "Please {}", "Kindly {}", "Could you please {}", "Can you {}", "I want you to {}", "Now {}",
)  # fmt: skip
QUESTION_FRONT: tuple[str, ...] = (
    "Tell me, {}", "Please tell me: {}", "Hi, {}", "Look at the picture: {}", "One question: {}", "Hello! {}",
    "Say, {}", "Quick question: {}", "In this picture, {}", "In the image, {}", "So, {}", "Okay, {}",
)  # fmt: skip
COORDINATES_WANTED: tuple[str, ...] = (
    " Include the coordinates for each mentioned object.", " Give the box.", " Give coordinates.",
    " Answer with boxes.", " Provide the bounding boxes of the mentioned objects.",
)  # fmt: skip

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "refer": (
        "What is {r}?", "What is this {r}?", "What is in {r}?", "What is at {r}?", "What do you see in {r}?",
        "What object is {r}?", "Name the object {r}.", "What is this?", "Which object is in {r}?", "Identify {r}.",
        "What is shown at {r}?", "What is the name of the object {r}?", "Describe {r} in a word.",
        "What does {r} show?", "What kind of object is {r}?", "What is that {r}?", "Tell me what {r} is.",
        "What can you see at {r}?", "What is the class of object {r}?", "What thing is at {r}?",
        "What is the object in {r}?", "What is that?", "Which thing is {r}?", "Give the name of {r}.",
        "What am I pointing at {r}?", "What have I marked {r}?", "What is located at {r}?",
        "Recognize the object {r}.", "{r} is what?", "What is pictured in {r}?", "Can you name {r}?",
        "What is the marked object?", "What did I mark?", "What category is {r}?", "What would you call {r}?",
        "What is the thing {r}{place}?", "Classify {r}.", "What does {r} contain?", "Do you know what {r} is?",
        "What am I looking at in {r}?", "What is drawn at {r}?", "Name {r}.", "What item is {r}?",
        "Which kind of thing is {r}{place}?", "What is inside {r}?", "Label {r}.", "What lies at {r}?",
        "Say what {r} is.",
    ),
    "refer_point": (
        "What is at this point {r}?", "What did I click on?", "What is under the cursor {r}?",
        "What is at the point {r}?", "What am I pointing at?", "Which object is under this point?",
        "What have I clicked {r}?", "What is under {r}?", "Name the object at this point.",
    ),
    "refer_box": (
        "What is in this box?", "What is inside the box {r}?", "What does this box contain?",
        "What is in the box {r}?", "Which object does this box show?", "Name the object in the box {r}.",
        "What is framed here?", "What is in the bounding box {r}?", "What is in the rectangle {r}?",
    ),
    "refer_mask": (
        "What is the outlined object?", "What is the object with this shape {r}?", "What does this mask cover?",
        "What is under the mask {r}?", "What did I outline?", "What is the masked object {r}?",
        "Which object has this outline {r}?", "What is this shape {r}?", "Name the masked object.",
    ),
    "refer_scribble": (
        "What did I scribble on?", "What is under this stroke {r}?", "What did I draw over?",
        "What is under the line {r}?", "What have I painted over?", "Which object is scribbled over {r}?",
        "What is beneath the scribble {r}?", "What is at this stroke?", "Name the object under my line.",
    ),
    "ground_one": (
        "Where {is} the {n}?", "Where {is} the {n}{place}?", "Find the {n}.", "Locate the {n}.", "Show me the {n}.",
        "Point at the {n}.", "Where can I see {a}?", "What is the location of the {n}{place}?", "Point out the {n}.",
        "Find the {n}{place}.", "Can you find the {n}?", "Give the location of the {n}.", "Where {is} {a}{place}?",
        "Locate the {n}{place}.", "Mark the {n}.", "Detect the {n}.", "Where do you see the {n}?",
        "Show where the {n} {is}.", "In which place {is} the {n}?", "Draw a box around the {n}.",
        "Give me the box of the {n}.", "Which region shows the {n}?", "Find {a}{place}.", "I am looking for the {n}.",
        "Where {does} the {n} appear?", "Highlight the {n}.", "Tell me where the {n} {is}.",
        "What is the position of the {n}?", "Show me where I can find the {n}.", "Box the {n}.", "Ground the {n}.",
        "Where exactly {is} the {n}?", "Do you see where the {n} {is}?", "Where might the {n} be?", "Select the {n}.",
        "Can you point to the {n}{place}?", "Search for the {n}.", "Please show the {n}{place}.",
        "Whereabouts {is} the {n}?", "Spot the {n}.", "Which part of the picture has the {n}?",
        "Provide the coordinates of the {n}.", "Localize the {n}.", "Point to {a}.", "Where was the {n} put?",
        "Circle the {n}.",
    ),
    "segment": (
        "Segment the {n}.", "Outline the {n}.", "Cut out the {n}.", "Give me a mask of the {n}.",
        "Mask the {n}{place}.", "Trace the outline of the {n}.", "Segment {a}{place}.",
        "Draw the contour of the {n}.", "Show the shape of the {n}.", "Which pixels are the {n}?",
        "Extract the {n}{place}.", "I need a mask for the {n}.", "Outline {a}{place}.",
        "Provide a segmentation mask for the {n}.", "Isolate the {n}.", "What is the exact outline of the {n}?",
        "Segment the {n}{place}.", "Mask out the {n}.", "Create a mask of the {n}.",
        "Cut the {n} out of the picture.", "Where exactly are the borders of the {n}?",
    ),
    "ground_all": (
        "Find all {ns}.", "Where are the {ns}?", "Find all {ns}{place}.", "Locate all the {ns}.", "Show me all {ns}.",
        "Where are all the {ns}{place}?", "Find every {n}.", "Locate every {n}{place}.", "Point at all the {ns}.",
        "Point out each {n}.", "Mark all {ns}.", "Detect all {ns}{place}.", "Show every {n}{place}.",
        "Find the {ns}.", "Draw boxes around all {ns}.", "What are the locations of the {ns}?",
        "Give the boxes of all {ns}.", "Highlight every {n}.", "Where can I see {ns}{place}?", "Locate the {ns}.",
        "Find each {n} for me.", "Give the location of every {n}.", "Tell me where all the {ns} are.",
        "Outline all the {ns}.", "Show me the {ns}.", "Select all {ns}{place}.", "Box every {n}.",
        "Which regions are {ns}?", "List the positions of all {ns}.", "Can you find all the {ns}?",
        "I need every {n} marked.", "Detect each {n}.", "Where do you see {ns}?",
        "Provide the coordinates of all {ns}.", "Ground all {ns}.", "Can you point to the {ns}?", "Segment all {ns}.",
        "Spot all the {ns}.", "Search for {ns}.", "Identify the location of each {n}{place}.", "Localize all {ns}.",
        "Where is each {n}?", "Show where the {ns} are.", "Circle every {n}.", "Look for all {ns}{place}.",
    ),
    "exist": (
        "Is there {a}{place}?", "Is there {a}?", "Do you see {a}?", "Can you see {a}{place}?", "Are there any {ns}?",
        "Does the picture show {a}?", "Is {a} visible?", "Does this image contain {a}?", "Are there {ns}{place}?",
        "Is there any {n}{place}?", "Is {a} present?", "Can {a} be seen{place}?", "Do you see any {ns}{place}?",
        "Does the scene have {a}?", "Is there a sign of {a}?", "Is {a} shown{place}?", "Do you notice {a}?",
        "Are any {ns} visible?", "Is there at least one {n}?", "Can you spot {a}?", "Could there be {a}{place}?",
        "Does {a} appear{place}?", "Is {a} part of the picture?", "Can you find any {ns}?",
        "Is there {a} to be seen?", "Does the picture contain any {ns}?", "Have you seen {a}{place}?",
        "There is {a}{place}, right?", "Is there {a} or not?", "Tell me if there is {a}.",
        "Check whether there is {a}.", "Would you say there is {a}?", "Is it true that there is {a}?",
        "Does this show {ns}?", "Any {ns}{place}?", "Is {a} among the objects?", "Does the image include {a}?",
        "Did somebody draw {a}{place}?", "Is {a} in there?", "Will I find {a}{place}?", "Can I see {a} anywhere?",
        "Is there {a} somewhere{place}?",
    ),
    "count": (
        "How many {ns} are there?", "How many {ns} are there{place}?", "How many {ns} do you see?", "Count the {ns}.",
        "How many {ns}?", "What is the number of {ns}{place}?", "Count all {ns}{place}.",
        "How many {ns} can you see?", "How many {ns} are visible?", "Give the number of {ns}.",
        "How many {ns} are shown{place}?", "Count every {n}.", "Tell me how many {ns} there are.",
        "How many {ns} can you find?", "How many {ns} does the picture show?", "What number of {ns} can be seen?",
        "Count how many {ns} there are.", "How many {ns} appear{place}?", "Say how many {ns} you see.",
        "How many {ns} does the image contain?", "How many {ns} can be counted{place}?",
        "I want to know how many {ns} there are.", "What is the count of {ns}?", "How many {ns} are in the scene?",
        "Number of {ns}?", "Please count the {ns}{place}.", "How many {ns} have been drawn?",
        "Find the number of {ns}{place}.", "How many different {ns} are there?", "Exactly how many {ns} are there?",
        "How many {ns} are present?", "How many {ns} in total?", "Could you count the {ns}?",
        "How many of the objects are {ns}?", "Count {ns}.", "How many times do you see {a}?",
        "What is the total number of {ns}?", "How often {does} {a} appear?", "How many {ns} do you count{place}?",
    ),
    "list": (
        "What is in the picture?", "List the objects.", "What objects are there?", "What do you see?",
        "Name all objects.", "List everything{place}.", "What can you see{place}?", "Which objects are in the image?",
        "What is in this image?", "Name everything you see.", "List all the objects{place}.",
        "What things are there{place}?", "What does it contain?", "What objects can you see?",
        "Which things do you see?", "Give a list of the objects.", "What is there to see?",
        "Tell me all the objects{place}.", "Enumerate the objects{place}.", "What are the objects{place}?",
        "What does this picture contain?", "What items are shown{place}?", "Name the things{place}.",
        "What all is here?", "Make a list of what you see.", "What kinds of objects are there?",
        "Which items can you find{place}?", "What is shown?", "List what is visible.", "Say what there is{place}.",
        "What have we got here?", "Give me an inventory.", "Which objects appear{place}?", "List each object.",
        "What are all the things{place}?", "Name every object you find.",
    ),
    "dense_detect": (
        "Please localize visible objects in the image in a raster scan order.", "Detect all objects.",
        "Locate all objects.", "Find all objects{place}.", "Where are all the objects?",
        "Localize every object{place}.", "Box all the objects.", "List all objects with their boxes.",
        "Detect everything{place}.", "Find and name all objects.", "Localize the visible objects.",
        "Give every object with its location.", "Draw boxes around all objects.",
        "Detect the objects and give their boxes.", "Locate everything you see.", "Mark every object{place}.",
        "List the objects from top to bottom with coordinates.", "Point out all objects.",
        "Show the location of each object.", "Detect and label every object.", "Where is everything?",
        "Provide boxes for all objects{place}.", "Name each object and its location.", "Find everything{place}.",
        "Give boxes and names of the objects.", "Localize all things{place}.", "Show all objects with boxes.",
        "Run object detection.", "Scan the image for objects.", "Find each object{place}.",
    ),
    "dense_refer": (
        "Please classify the objects in the following locations. {regions}", "What are these objects? {regions}",
        "Name the objects at these locations. {regions}", "Classify these regions. {regions}",
        "What are these? {regions}", "Identify each of the following. {regions}",
        "Label the following regions. {regions}", "Name each region. {regions}",
        "Tell me what each of these is. {regions}", "Which objects are these? {regions}",
        "What is each of these? {regions}", "Give the class of each location. {regions}",
        "Name these one by one. {regions}", "Name the marked objects. {regions}", "Say what these are. {regions}",
        "Classify the objects I marked. {regions}", "Identify the regions. {regions}",
        "What do these regions show? {regions}", "Give a name to each region. {regions}",
        "What are the objects in {regions}?", "Recognize the objects. {regions}",
    ),
    "describe": (
        "Describe the picture.", "Describe the image.", "What is happening{place}?", "Describe the scene.",
        "Describe this picture for me.", "Give a description.", "Describe what you see.", "Caption this image.",
        "Explain what is shown{place}.", "Describe the image in detail.", "Tell me about the picture.",
        "Summarize the scene.", "Write a caption.", "Can you describe the picture?", "What does the picture show?",
        "Give a short description.", "Describe this scene with boxes.", "How would you describe the picture?",
        "Tell me what the image shows.", "Describe everything{place}.", "Give a caption for the picture.",
        "Describe the objects and how they relate.", "Talk about this image.", "Describe it.",
        "What is this picture about?", "Say something about the picture.", "Write a description of the image.",
        "What does the scene look like?", "Describe the layout of the picture.", "Explain the scene.",
    ),
    "relate": (
        "Where is {r} relative to {r2}?", "What is the position of {r} relative to {r2}?",
        "Where is {r} compared to {r2}?", "How is {r} placed relative to {r2}?", "Where is {r} with respect to {r2}?",
        "How are {r} and {r2} related?", "What is the spatial relation of {r} to {r2}?",
        "Is {r} left of, right of, above or below {r2}?", "Seen from {r2}, where is {r}?",
        "On which side of {r2} is {r}?", "How does {r} lie relative to {r2}?", "In which direction from {r2} is {r}?",
        "Where does {r} lie relative to {r2}?", "Give the relation of {r} to {r2}.",
        "Describe where {r} is relative to {r2}.", "Tell me where {r} is relative to {r2}.",
        "{r} is where relative to {r2}?", "What is the relation between {r} and {r2}?",
        "State the position of {r} with respect to {r2}.", "How is {r} located compared to {r2}?",
        "Which way from {r2} is {r}?", "Compare the position of {r} with {r2}.",
        "Where do you find {r}, looking from {r2}?", "Say how {r} is placed relative to {r2}.",
    ),
    "read": (
        "What does {r} say?", "Read {r}.", "What is written in {r}?", "Read the text in {r}.", "What does this say?",
        "What is the text at {r}?", "What does the sign {r} say?", "What is written here?", "Read the sign {r}.",
        "What words are in {r}?", "What can you read in {r}?", "Which text is in {r}?", "What is written on {r}?",
        "Read this.", "What is the writing in {r}?", "Tell me what {r} says.", "Transcribe {r}.",
        "What text do you see in {r}?", "What is on the sign {r}?", "Give the text of {r}.",
        "Spell out what {r} says.", "What is printed in {r}?", "Say what is written at {r}.", "Can you read {r}?",
        "What does the text {r} say?", "What does it say at {r}?", "Read out the words in {r}.",
        "What message does {r} show?", "Which words are on {r}?", "Read aloud {r}.",
    ),
}  # fmt: skip
"""Family -> wordings. The order decides which are held out (index modulo 3 is 2), so append; do not insert."""

HINT = " Hint: {}."
OCR = " OCR: {}."

_WORD = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")
_NOUN_BEFORE_REGION = re.compile(
    r"\b(this|that|object|point|box|rectangle|cursor|shape|mask|outline|stroke|line|scribble|sign|text|thing|marked|clicked"
    r"|pointing at|over|under) \{r"
)
_TOKEN_FIELDS = re.compile(r"\{[a-z0-9]*\}|<region\d+>")


def wordings(family: str, split: WordingSplit) -> tuple[str, ...]:
    """The wordings of `family` that may be used in training ("train", two thirds) or in evaluation ("heldout")."""
    return _SPLIT[split][family]


def _split(split: WordingSplit) -> dict[str, tuple[str, ...]]:
    return {
        family: tuple(text for i, text in enumerate(table) if (i % 3 == 2) == (split == "heldout"))
        for family, table in WORDINGS.items()
    }


_SPLIT: dict[WordingSplit, dict[str, tuple[str, ...]]] = {"train": _split("train"), "heldout": _split("heldout")}


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of `options`, all equally likely; several times faster than `rng.choice`."""
    return options[int(rng.random() * len(options))]


def word_question(
    family: str, split: WordingSplit, rng: np.random.Generator, *, name: str = "", regions: int = 0, dress: bool = True
) -> str:
    """One question of `family` about `name` or about regions 1..`regions`, as it might be typed.

    The text carries `<region1>` placeholders; some wordings leave the only region unnamed ("What is this?"), which
    `ferret.prompts` then appends. `dress` adds politeness, another case or a missing mark to some of the questions.
    """
    template = pick(_SPLIT[split][family], rng)
    fields: dict[str, str] = {}
    if name:
        several = is_plural(name)
        fields = {"n": name, "ns": plural(name), "a": with_article(name), "is": is_or_are(name)}
        fields["does"] = "do" if several else "does"
    if "{place}" in template:
        fields["place"] = pick(PLACES, rng) if rng.random() < 0.7 else ""
    if "{r}" in template:
        fields["r"] = _region_phrase(1, template, rng)
    if "{r2}" in template:
        fields["r2"] = _region_phrase(2, template, rng)
    if "{regions}" in template:
        fields["regions"] = ", ".join(f"{i}: <region{i}>" for i in range(1, regions + 1))
    text = template.format(**fields)
    text = text[:1].upper() + text[1:]
    return _dressed(text, rng) if dress else text


def _region_phrase(index: int, template: str, rng: np.random.Generator) -> str:
    """ "<region1>" or "the area <region1>"; after a noun ("the object {r}") the bare form alone reads well."""
    region = f"<region{index}>"
    if rng.random() < 0.6 or _NOUN_BEFORE_REGION.search(template):
        return region
    return pick(REGION_PHRASES, rng).format(region)


def _dressed(text: str, rng: np.random.Generator) -> str:
    """Sometimes a polite or chatty front, small letters, or no mark at the end."""
    roll = rng.random()
    first_word = text.split(" ", 1)[0]
    if roll < 0.16 and text.endswith(".") and first_word not in {"Please", "I", "There"}:
        text = pick(POLITE_FRONT, rng).format(_small_first(text))
    elif roll < 0.10 and text.endswith("?"):
        text = pick(QUESTION_FRONT, rng).format(_small_first(text))
    elif roll > 0.97 and text[-1] in ".?":
        text = f"{text[:-1]}, please{text[-1]}"
    roll = rng.random()
    if roll < 0.06:
        text = _small_first(text)
        if text[-1] in ".?":
            text = text[:-1]
    elif roll < 0.09 and text[-1] in ".?":
        text = text[:-1]
    return text


def _small_first(text: str) -> str:
    return text if text.startswith(("I ", "OCR")) else text[:1].lower() + text[1:]


def all_wordings() -> tuple[str, ...]:
    """Every text that a question may be built of, both splits, with its fields still in braces."""
    tables = [text for table in WORDINGS.values() for text in table]
    fronts = (*POLITE_FRONT, *QUESTION_FRONT)
    return (*tables, *PLACES, *REGION_PHRASES, *fronts, *COORDINATES_WANTED, HINT, OCR, ", please")


def words_of(text: str) -> list[str]:
    """Words, numbers and single marks of a text in order: "What is it?" -> ["What", "is", "it", "?"]."""
    return _WORD.findall(text)


def question_vocabulary(names: Iterable[str]) -> frozenset[str]:
    """Every word and mark that a question over these names may hold, in the cases in which it may stand."""
    words: set[str] = set(words_of('a an is are do does 0 1 2 3 4 5 6 7 8 9 [ ] , : "'))
    for text in all_wordings():
        plain = words_of(_TOKEN_FIELDS.sub(" ", text))
        words.update(plain)
        words.update(word.lower() for word in plain)
        words.update(word.capitalize() for word in plain[:1])
    for name in names:
        words.update(words_of(f"{name} {plural(name)} {with_article(name)} {counted(2, name)}"))
    return frozenset(words)
