"""What a thread remembers between its turns, as plain JSON in the state.

- `images`: the pictures of the last turn, as artifact ids; `pictures`: all of the thread, in the order of their coming.
- `question`: the last one; `pointed` and `found`: the regions pointed at, and found, at the last turn that had any.
- `marked`: every region that was ever pointed at.
- `things`: everything that was ever found, under a name that lasts: "apple 1", "apple 2", "sign 1".

Regions are kept with the artifact id of their picture ("picture"), since a later turn may be about other pictures. How
a question refers back to all this is the concern of `agent.recalling`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.state import Json
from ferret.regions import Box, box_iou

MOST_PICTURES = 64
MOST_MARKED = 64
MOST_THINGS = 256
SAME_THING = 0.7
"""A thing found again where one of its name was, by at least this IoU, is the same one."""


def remembered(
    question: str,
    images: Sequence[str],
    pointed: Sequence[Json],
    found: Sequence[Mapping[str, Any]],
    before: Mapping[str, Any] | None,
) -> Json:
    """What a turn leaves behind: its `question`, artifact ids of its `images`, the regions `pointed` at, as JSON of
    `region_to_json`, and the regions of its answer.

    A turn about the same pictures that found or pointed at nothing leaves what was remembered `before`.
    """
    old = dict(before or {})
    same = list(old.get("images", [])) == list(images)
    marks = [{"picture": images[region["image"]], "region": _placeless(region)} for region in pointed]
    things, named = _named(images, found, old.get("things", []))
    kept = [mark for mark in old.get("marked", []) if mark not in marks]
    return {
        "question": question,
        "images": list(images),
        "pictures": list(dict.fromkeys([*old.get("pictures", []), *images]))[-MOST_PICTURES:],
        "pointed": marks or (list(old.get("pointed", [])) if same else []),
        "found": named or (list(old.get("found", [])) if same else []),
        "marked": [*kept, *marks][-MOST_MARKED:],
        "things": things[-MOST_THINGS:],
    }


def nameable(memory: Mapping[str, Any] | None) -> int:
    """How many regions a question that brings none may name as `<region1>`, `<region2>`, ..."""
    return len(memory["pointed"] or memory["found"]) if memory else 0


def _placeless(region: Json) -> Json:
    return {key: value for key, value in region.items() if key != "image"}


def _named(
    images: Sequence[str], found: Sequence[Mapping[str, Any]], before: Sequence[Json]
) -> tuple[list[Json], list[Json]]:
    """(all things of the thread, those of this answer), each under its name."""
    things, named = list(before), []
    for region in found:
        picture, label, box = images[region["image"]], str(region["label"]), [float(value) for value in region["box"]]
        known = next(
            (
                thing
                for thing in reversed(things)
                if (thing["picture"], thing["label"]) == (picture, label)
                and box_iou(Box(*thing["region"]["numbers"]), Box(*box)) >= SAME_THING
            ),
            None,
        )
        if known is None:
            number = 1 + max((thing["number"] for thing in things if thing["label"] == label), default=0)
            known = {
                "name": f"{label} {number}", "number": number, "label": label, "picture": picture,
                "region": {"kind": "box", "numbers": box},
            }  # fmt: skip
            things.append(known)
        if known not in named:
            named.append(known)
    return things, named
