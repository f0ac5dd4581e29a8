"""The second look: masks and texts of what passed the checks, where the plan asks for them."""

from collections.abc import Sequence
from dataclasses import replace

from agent.findings import Finding, Group
from agent.intents import Intent, Plan
from agent.perception import READING, Observed
from agent.sightings import Sighting
from agent.state import Json, Look
from ferret.regions import box_iou

# Things whose text is read one by one; a picture with more signs is read as a whole only.
MOST_READ = 8


def closer_looks(plan: Plan, findings: Sequence[Finding], images: Sequence[str], marks: Sequence[Json]) -> list[Look]:
    """A mask for every thing that is to be cut out (one look a picture), a reading for every thing still without
    text.
    """
    looks: dict[str, Look] = {}
    for step, finding in zip(plan.steps, findings, strict=True):
        if step.intent is Intent.SEGMENT:
            for image in finding.images:
                things = things_to_cut(finding, image)
                if things:
                    shown = [_mark(thing, marks) for thing in things]
                    look = Look(tool="sam", image=image, artifact=images[image], regions=shown, key=mask_key(things))
                    looks[look["key"]] = look
        if step.intent is Intent.READ:
            for thing in unread(finding)[:MOST_READ]:
                key = text_key(thing)
                looks[key] = Look(
                    tool="ocr", image=thing.image, artifact=images[thing.image], regions=[_mark(thing, marks)], key=key
                )
    return list(looks.values())


def with_closer_looks(plan: Plan, findings: Sequence[Finding], observed: Observed) -> list[Finding]:
    """The findings with the masks and texts that the closer looks brought."""
    completed = []
    for step, finding in zip(plan.steps, findings, strict=True):
        known = finding
        if step.intent is Intent.SEGMENT:
            known = _with_masks(finding, observed)
        elif step.intent is Intent.READ:
            known = _with_texts(finding, observed)
        completed.append(known)
    return completed


def things_to_cut(finding: Finding, image: int) -> list[Sighting]:
    """What a mask is wanted of on one picture: a given region itself rather than the detection that fits it."""
    return [
        thing
        for group in finding.groups
        for thing in (group.sightings[:1] if group.region is not None else group.sightings)
        if thing.image == image
    ]


def unread(finding: Finding) -> list[Sighting]:
    """Things asked about whose text the look at the whole picture did not find."""
    return [s for group in finding.groups if group.phrase is not None for s in group.sightings if not s.text]


def mask_key(things: Sequence[Sighting]) -> str:
    """Under which the masks of these things are kept."""
    return "sam:" + ";".join(f"{thing.image}:{thing.box}:{thing.given}" for thing in things)


def text_key(thing: Sighting) -> str:
    """Under which the text of this thing is kept."""
    return f"{READING}:{thing.image}:{thing.box}"


def _mark(thing: Sighting, marks: Sequence[Json]) -> Json:
    if thing.given is not None:
        return marks[thing.given]
    return {"kind": "box", "image": thing.image, "numbers": list(thing.box)}


def _with_masks(finding: Finding, observed: Observed) -> Finding:
    cut: dict[tuple[int, tuple[float, ...], int | None], Sighting] = {}
    for image in finding.images:
        things = things_to_cut(finding, image)
        masks = observed.at(mask_key(things)) if things else None
        for thing, found in zip(things, masks or (), strict=False):
            if found.score > 0:
                cut[_key(thing)] = found
    groups = []
    for group in finding.groups:
        done: list[Sighting] = []
        for thing in group.sightings[:1] if group.region is not None else group.sightings:
            mask = cut.get(_key(thing))
            if mask is None:
                done.append(thing)
                continue
            # A box that was found is kept; a point or a stroke says less about the place than the mask's own box.
            keep = thing.given is None and box_iou(thing.region, mask.region) >= 0.5
            box, source = thing.box if keep else mask.box, thing.source if thing.text else mask.source
            done.append(replace(thing, mask=mask.mask, box=box, source=source, given=None))
        # How sure it is that the thing is there, and that the outline is right; a given region is there anyway.
        outlines = [cut[key].score for thing in group.sightings if (key := _key(thing)) in cut]
        outlined = sum(outlines) / len(outlines) if outlines else 0.0
        score = group.score if not outlines else outlined if group.region is not None else group.score * outlined
        groups.append(replace(group, sightings=tuple(done), score=score))
    return replace(finding, groups=tuple(groups))


def _key(thing: Sighting) -> tuple[int, tuple[float, ...], int | None]:
    return thing.image, thing.box, thing.given


def _with_texts(finding: Finding, observed: Observed) -> Finding:
    groups: list[Group] = []
    for group in finding.groups:
        if group.phrase is None:
            groups.append(group)
            continue
        done = []
        for thing in group.sightings:
            lines = None if thing.text else observed.at(text_key(thing))
            text = " ".join(line.text for line in lines if line.text) if lines else thing.text
            done.append(replace(thing, text=text or None))
        groups.append(replace(group, sightings=tuple(done)))
    return replace(finding, groups=tuple(groups))
