"""The many ways to ask for one thing about a photograph or any other picture, with or without coordinates and hints.

A wording is a format string over these fields:

    {n} dog   {ns} dogs   {a} a dog   {is} is/are (by the name's own number)   {does} does/do   {n2} {ns2} a second name
    {r} {r2} regions   {regions} 1: <region1>, 2: <region2>   {names} a dog, a cat or a key   {text} words in quotes
    {how} left of   {place} "" or " in the picture", " in this photo", ...

Every region that a question has is named in it, since the released format asks for that.
"""

from collections.abc import Mapping

PLACES: tuple[str, ...] = (
    " in the picture", " in this picture", " in the image", " in this image", " in the photo", " in this photo",
    " in the scene", " in this scene", " here", " in view", " in the shot",
)  # fmt: skip

COORDINATES_ASKED: tuple[str, ...] = (
    "Include the coordinates for each mentioned object.", "Include the coordinates of everything you mention.",
    "Give the coordinates of each object that you mention.", "Add a bounding box behind everything you name.",
    "Provide the bounding boxes of the mentioned objects.", "Answer with coordinates.", "Box what you mention.",
    "Write the location of each object behind its name.", "Mark everything you mention with its box.",
    "Please ground your answer with bounding boxes.", "Say where each mentioned thing is, as a box.",
)  # fmt: skip
COORDINATES_REFUSED: tuple[str, ...] = (
    "Answer without coordinates.", "Do not give coordinates.", "No coordinates, please.", "Leave out the coordinates.",
    "Use words only, no boxes.", "Answer in words alone.", "Do not write any boxes.", "I do not need coordinates.",
)  # fmt: skip

HINTS: tuple[str, ...] = (
    "Hints: {}.", "Hints from other tools: {}.", "Hints (they may be wrong): {}.", "Other tools report: {}.",
    "A detector and a text reader saw: {}.", "Detected so far: {}.", "Possible labels: {}.", "Hint: {}.",
    "Notes from other models, not checked: {}.", "For help, labels of the whole picture: {}.",
)  # fmt: skip
NO_HINTS = "nothing was found"

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "refer": (
        "What is {r}?", "What is in {r}?", "What do you see in {r}?", "What object is at {r}?", "Name the object {r}.",
        "Identify {r}.", "What is shown at {r}?", "Tell me what {r} is.", "What kind of thing is {r}?",
        "What is the class of object {r}?", "Which object is marked by {r}?", "What does {r} show?",
        "What would you call {r}?", "Can you name the object in {r}?", "What am I pointing at with {r}?",
        "I marked {r}. What is it?", "Look at {r} and name it.", "Recognize the object at {r}.",
        "What lies at {r}{place}?", "Give the name of what is in {r}.",
    ),
    "refer_regions": (
        "Please classify the objects in the following locations. {regions}", "What are these objects? {regions}",
        "Name the object at each location. {regions}", "Identify each of the following regions. {regions}",
        "Label these regions. {regions}", "Give the class of each marked object. {regions}",
        "What is in each of these places? {regions}", "Tell me what each of these is. {regions}",
        "Classify the regions one by one. {regions}", "Which objects did I mark? {regions}",
        "For every region, name the object in it. {regions}", "Recognize the marked objects. {regions}",
    ),
    "refer_check": (
        "Is {r} {a}?", "Is the object in {r} {a}?", "Is there {a} in {r}?", "Does {r} show {a}?",
        "Would you call {r} {a}?", "Is it right that {r} is {a}?", "I think {r} is {a}. Am I right?",
        "Is what I marked at {r} {a}?", "Could {r} be {a}?", "Somebody says that {r} is {a}. Is that so?",
        "Do you see {a} in {r}?", "Check whether {r} is {a}.",
    ),
    "refer_choice": (
        "Is the object {r} of the image {names}?", "Is {r} {names}?", "What is {r}: {names}?",
        "Does {r} show {names}?", "Choose what {r} is: {names}.", "Which of these is {r}: {names}?",
        "Would you say that {r} is {names}?", "Decide whether {r} is {names}.",
    ),
    "ground_one": (
        "Where {is} the {n}?", "Find the {n}.", "Locate the {n}{place}.", "Where {is} the {n}{place}?",
        "Show me the {n}.", "What is the location of the {n}{place}?", "Point out the {n}.", "Can you find the {n}?",
        "Detect the {n}.", "In which part of the picture {is} the {n}?", "Tell me where the {n} {is}.",
        "I am looking for the {n}.", "Which region shows the {n}?", "Where do you see the {n}{place}?",
        "Localize the {n}.", "Help me find the {n}{place}.", "Whereabouts {is} the {n}?", "Ground the {n}.",
        "Where can I see the {n}?", "Search for the {n} and say where it is.",
    ),
    "ground_all": (
        "Find all {ns}.", "Where are the {ns}?", "Locate every {n}{place}.", "Show me all {ns}.",
        "Detect all {ns}{place}.", "What are the locations of the {ns}?", "Point out each {n}.",
        "Where are all the {ns}{place}?", "Find each {n} for me.", "Locate the {ns}.", "Tell me where the {ns} are.",
        "Mark every {n}.", "Give the location of every {n}.", "I want to see all {ns}. Where are they?",
        "Localize all {ns}{place}.", "Which regions show {ns}?",
    ),
    "ground_several": (
        "Find {names}.", "Where are {names}?", "Locate {names}{place}.", "Show me {names}.", "Point out {names}.",
        "Can you find {names}?", "What are the locations of {names}?", "Detect {names}{place}.",
        "Tell me where {names} are.", "Look for {names}.",
    ),
    "ground_text": (
        "Where does it say {text}?", "Find the text {text}.", "Locate the words {text}{place}.",
        "Where is {text} written?", "Where can I read {text}{place}?", "Show me where {text} stands.",
        "Point out the writing {text}.", "In which place is {text} written?", "Which region reads {text}?",
        "Detect the text {text}.",
    ),
    "describe": (
        "Describe the picture.", "Describe the image in detail.", "What is shown{place}?", "Describe what you see.",
        "Tell me about this picture.", "Describe the scene.", "Give a description of the image.", "Caption this image.",
        "Explain what can be seen{place}.", "Write a short description of the photo.", "What is going on{place}?",
        "Summarize what is in the picture.", "Describe the picture to somebody who cannot see it.",
        "How would you describe this image?", "Say what the picture shows and how things lie.",
        "Describe the objects and where they are.",
    ),
    "describe_region": (
        "Describe {r}.", "Describe the object in {r}.", "Tell me about {r}.", "What can you say about {r}?",
        "Describe {r} and what is around it.", "Give a description of the region {r}.", "Explain what {r} shows.",
        "Describe what I marked at {r}.", "Write a sentence about {r}.", "How would you describe {r}?",
        "What is {r}, and where does it lie?", "Describe the content of {r}{place}.",
    ),
    "list": (
        "List the objects{place}.", "What objects are there{place}?", "Name all objects.", "What do you see{place}?",
        "List everything{place}.", "Which objects can you see?", "Name everything that is visible.",
        "Give a list of the objects.", "Enumerate the objects{place}.", "What things are shown{place}?",
        "Make an inventory of the picture.", "What is in the picture?", "Which things can be seen{place}?",
        "Tell me all the objects you find.", "What does the picture contain?",
    ),
    "list_which": (
        "Which of these are there{place}: {names}?", "Which of the following can you see: {names}?",
        "I am looking for {names}. Which of them are there?", "Of {names}, which are shown{place}?",
        "Check this list against the picture and name what is there: {names}.",
        "Which of these can be seen{place}: {names}?", "Pick from this list what the picture shows: {names}.",
        "{names}: which of them do you see?", "Say which of these objects are present: {names}.",
        "Go through {names} and list those that you find.",
    ),
    "list_places": (
        "Please localize visible objects in the image in a raster scan order.", "Detect all objects.",
        "Find and name all objects{place}.", "List all objects with their boxes.", "Localize every visible object.",
        "Detect the objects from top to bottom.", "Where are all the objects, and what are they?",
        "Give every object with its location.", "Label and locate everything you see.",
        "List the objects with coordinates, in reading order.", "Run object detection on this picture.",
        "Name each object and give its box.",
    ),
    "count": (
        "How many {ns} are there?", "How many {ns} are there{place}?", "Count the {ns}.", "How many {ns} do you see?",
        "What is the number of {ns}{place}?", "Count all {ns}{place}.", "How many {ns} can you see?",
        "How many {ns} are visible?", "Tell me how many {ns} there are.", "How many {ns} does the picture show?",
        "Give the number of {ns}.", "Please count the {ns}.", "How many {ns} are in view?",
        "Find out how many {ns} there are.", "How many {ns} in total?", "I need to know the number of {ns}.",
    ),
    "count_several": (
        "How many {ns} and how many {ns2} are there?", "Count the {ns} and the {ns2}.",
        "How many {ns} do you see, and how many {ns2}?", "Give the numbers of {ns} and {ns2}{place}.",
        "Count {ns} and {ns2} separately.", "What are the counts of {ns} and of {ns2}?",
        "Tell me how many {ns} and {ns2} there are.", "I want to know how many {ns} and how many {ns2} can be seen.",
    ),
    "exist": (
        "{is} there {a}{place}?", "{is} there {a}?", "Do you see {a}?", "Can you see {a}{place}?",
        "Are there any {ns}?", "Does the picture show {a}?", "Does this image contain {a}?", "Are any {ns} visible?",
        "Can {a} be seen{place}?", "{is} {a} present{place}?", "Do you see any {ns}{place}?",
        "Tell me if there {is} {a}.", "Is there any {n}{place}?", "Check whether the picture shows {a}.",
        "Have you noticed {a}{place}?", "{does} {a} appear{place}?", "I believe there {is} {a}{place}. Is that so?",
        "Would I find {a}{place}?",
    ),
    "relate": (
        "Where is {r} relative to {r2}?", "How does {r} lie to {r2}?", "What is the position of {r} relative to {r2}?",
        "How is {r} placed compared to {r2}?", "Seen from {r2}, where is {r}?", "On which side of {r2} is {r}?",
        "Describe where {r} is with respect to {r2}.", "Give the spatial relation of {r} to {r2}.",
        "Is {r} left of, right of, above or below {r2}?", "In which direction from {r2} does {r} lie?",
        "Tell me how {r} and {r2} lie to each other.", "What is the spatial relation between {r} and {r2}?",
    ),
    "relate_names": (
        "Where {is} {the} relative to {the2}?", "How {does} {the} lie to {the2}?",
        "Seen from {the2}, where {is} {the}?", "What is the position of {the} relative to {the2}?",
        "On which side of {the2} {is} {the}?",
        "Describe where {the} {is} with respect to {the2}.", "Tell me where {the} {is}, compared to {the2}.",
        "In which direction from {the2} {does} {the} lie?", "How {is} {the} placed relative to {the2}{place}?",
        "Give the spatial relation of {the} to {the2}.",
    ),
    "relate_check": (
        "{is} {the} {how} {the2}?", "{is} {the} {how} {the2}{place}?", "Would you say that {the} {is} {how} {the2}?",
        "Is it true that {the} {is} {how} {the2}?", "Check whether {the} {is} {how} {the2}.",
        "Somebody says that {the} {is} {how} {the2}. Is that right?", "Do you see {the} {how} {the2}?",
        "I think that {the} {is} {how} {the2}. Am I right?",
    ),
    "read": (
        "What does {r} say?", "Read the text in {r}.", "What is written in {r}?", "Read {r}.",
        "What is the text at {r}?", "What words are in {r}?", "Transcribe {r}.", "Which text do you see in {r}?",
        "Tell me what {r} says.", "What can you read in {r}?", "Spell out what is written at {r}.",
        "What does the writing in {r} say?", "Give the text of {r}.", "What is printed in {r}?",
    ),
    "read_all": (
        "What text is there{place}?", "Read all the text{place}.", "What can be read{place}?",
        "What does it say{place}?", "Which words are written{place}?", "Transcribe everything that is written{place}.",
        "List all text you can read.", "What is written{place}?", "Read out every line of text{place}.",
        "Tell me all the words you see{place}.", "Is anything written{place}? If so, what?",
        "Find the text{place} and read it.",
    ),
    "read_check": (
        "Does it say {text} anywhere{place}?", "Is {text} written{place}?", "Can you read {text}{place}?",
        "Do you see the words {text}?", "Is there a text {text}{place}?", "Does any sign say {text}?",
        "Check whether it says {text} somewhere.", "Is {text} among the text{place}?",
    ),
    "segment": (
        "Segment the {n}.", "Outline the {n}{place}.", "Cut out the {n}.", "Give me a mask of the {n}.",
        "Mask the {n}{place}.", "Segment the {n}{place}.", "Trace the outline of the {n}.", "Which pixels are the {n}?",
        "I need a segmentation of the {n}.", "Isolate the {n}.", "Draw the contour of the {n}.",
        "Extract the {n} from the picture.",
    ),
    "segment_all": (
        "Segment all {ns}.", "Outline every {n}{place}.", "Give me masks of the {ns}.", "Mask all {ns}{place}.",
        "Cut out each {n}.", "Segment every {n}{place}.", "Trace the outlines of all {ns}.",
        "I need masks of all the {ns}.",
    ),
    "segment_region": (
        "Segment {r}.", "Outline the object in {r}.", "Cut out what is at {r}.", "Give me a mask of the object in {r}.",
        "Trace the outline of {r}.", "Segment the object marked by {r}.", "Mask what {r} shows.",
        "Isolate the object at {r} and say what it is.",
    ),
    "compare_kind": (
        "Are {r} and {r2} the same kind of thing?", "Do {r} and {r2} show the same kind of object?",
        "Is {r} the same kind of object as {r2}?", "Compare {r} and {r2}: are they of one kind?",
        "Are the objects in {r} and {r2} alike in kind?", "Is what {r} shows of the same kind as {r2}?",
        "Are {r} and {r2} of the same class?", "Do {r} and {r2} mark two objects of one kind?",
    ),
    "compare_size": (
        "Which is {size} in the picture, {r} or {r2}?", "Is {r} or {r2} the {size} one?",
        "Which of {r} and {r2} is {size}?", "Compare the sizes of {r} and {r2}: which is {size}?",
        "Of {r} and {r2}, which takes up {room} room?", "Which covers {room} of the picture, {r} or {r2}?",
        "Tell me which is {size}, {r} or {r2}.", "Between {r} and {r2}, which is {size}?",
    ),
    "compare_number": (
        "Are there more {ns} or more {ns2}?", "Which are there more of, {ns} or {ns2}?",
        "Are there fewer {ns} than {ns2}?", "Compare the numbers of {ns} and {ns2}{place}.",
        "Do you see more {ns} or more {ns2}{place}?", "Are there as many {ns} as {ns2}?",
        "Which is there more of{place}: {ns} or {ns2}?", "How do the numbers of {ns} and {ns2} compare?",
    ),
}  # fmt: skip
"""Family -> wordings."""

STEPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("{}", "{}", "{}"), ("{}", "{}", "{}")),
    (("First: {}", "Then: {}", "Finally: {}"), ("{}", "{}", "{}")),
    (("{}", "After that: {}", "And then: {}"), ("{}", "{}", "{}")),
    (("1. {}", "2. {}", "3. {}"), ("1. {}", "2. {}", "3. {}")),
    (("Step 1: {}", "Step 2: {}", "Step 3: {}"), ("Step 1: {}", "Step 2: {}", "Step 3: {}")),
    (("(a) {}", "(b) {}", "(c) {}"), ("(a) {}", "(b) {}", "(c) {}")),
)
"""How two or three questions follow each other in one, and how their answers do."""

UNWRITTEN: tuple[str, ...] = (
    "OPEN", "CLOSED", "EXIT", "SALE", "STOP", "HELLO", "WELCOME", "NO PARKING", "TAXI", "POLICE", "CAFE", "HOTEL",
    "BAKERY", "PUSH", "PULL", "FREE", "NEW", "LIBRARY", "SCHOOL", "PHARMACY", "BUS STOP", "TICKETS", "COFFEE", "MENU",
    "DANGER", "ENTRANCE", "MUSEUM", "PRIVATE", "LONDON", "MARKET",
)  # fmt: skip
"""Words that may stand in a picture, for asking after those that do not."""
