"""Looking: which instruments a plan calls for, what they saw, and where that is kept.

Looks run side by side, each as one task of the graph. What an instrument saw is kept in the artifact store; the state
carries its id, a summary and the seconds. An instrument that fails, or takes too long, is reported and worked around.
Where the detector is in doubt about something small it looks closer at once (`agent.zooming`), within its task.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from agent.artifacts import ArtifactStore
from agent.asking import ask_ferret, read, said_text
from agent.context import Context
from agent.deadlines import ToolTimeoutError
from agent.instruments import ToolName
from agent.intents import Intent, Plan, Step
from agent.sightings import Sighting, corners, shifted
from agent.state import Json, Look, region_from_json
from agent.zooming import Closer, places_to_zoom, with_closer
from ferret.errors import ToolError
from ferret.regions import Box, Region

if TYPE_CHECKING:
    from tools.detector import Detector
    from tools.ocr import TextReader
    from tools.sam import Granularity, Segmenter

# What finds objects is needed for every intent but reading the whole picture and cutting out a given region.
_LOOKS_FOR_OBJECTS = frozenset(Intent) - {Intent.READ}


def looks_for(plan: Plan, images: Sequence[str], regions: Sequence[Json]) -> list[Look]:
    """Every look that the plan needs before anybody reasons, each once. Masks come later: they are of what was found.

    `images` are artifact ids, `regions` the regions given, as JSON.
    """
    looks: dict[str, Look] = {}

    def add(tool: ToolName, image: int, shown: Sequence[Json] = ()) -> None:
        key = f"{tool}:{image}:{','.join(map(_mark_key, shown))}"
        looks[key] = Look(tool=tool, image=image, artifact=images[image], regions=list(shown), key=key)

    for step in plan.steps:
        pointed = pointed_at(step, len(regions))
        for image in pictures_of(step, len(images), regions):
            given = [regions[index] for index in pointed if regions[index]["image"] == image]
            named = bool(step.targets) or any(isinstance(operand, str) for operand in step.operands)
            for region in given:
                if step.granularity and region["kind"] in _SHAPEABLE:
                    add("sam", image, [{**region, "granularity": step.granularity.value}])
            if step.intent is Intent.READ:
                if given and not named:
                    for region in given:
                        add("ocr", image, [region])
                else:
                    add("ocr", image)
            elif step.tells_by_text:
                add("ocr", image)
            if step.intent in _LOOKS_FOR_OBJECTS or named:
                add("detector", image)
    return list(looks.values())


# With this begins the key of a thing's text, read from close by.
READING = "reading"
# With this ends the key of what the detector's closer looks at a picture have settled.
CLOSER = "closer"
# Marks of which it is a question how much is meant.
_SHAPEABLE = frozenset({"point", "scribble"})
# What the segmenter calls them: of its proposals, the smallest, the one that it trusts most, the largest.
_PROPOSALS: dict[str, "Granularity"] = {"part": "smallest", "whole": "best", "group": "largest"}


def _mark_key(region: Json) -> str:
    meant = region.get("granularity")
    return str(region.get("artifact") or (region["kind"], region["numbers"], *([str(meant)] if meant else [])))


def shaped(plan: Plan, regions: Sequence[Json], observed: "Observed") -> list[Json]:
    """The regions given, as JSON; a mark of which a step wants the part, the whole or the group is that mask instead.

    Where the segmenter found nothing, or failed, the mark stays as it is.
    """
    made = list(regions)
    for step in plan.steps:
        for index in pointed_at(step, len(regions)) if step.granularity else ():
            mark = {**regions[index], "granularity": step.granularity}
            seen = observed.at(f"sam:{mark['image']}:{_mark_key(mark)}") if mark["kind"] in _SHAPEABLE else None
            if seen and seen[0].mask and seen[0].score > 0:
                made[index] = {"kind": "mask", "image": mark["image"], "artifact": seen[0].mask}
    return made


def pointed_at(step: Step, count: int) -> list[int]:
    """The regions that a step is about, those among its operands and anchors too, as far as they were given."""
    others = [*step.operands, *(one.anchor for one in step.filters)]
    indices = [*step.regions, *(one for one in others if isinstance(one, int))]
    return [index for index in dict.fromkeys(indices) if index < count]


def pictures_of(step: Step, count: int, regions: Sequence[Json]) -> list[int]:
    """The pictures that a step looks at: those of its regions, else its own, else all."""
    pointed = sorted({regions[index]["image"] for index in pointed_at(step, len(regions))})
    named = bool(step.targets) or any(isinstance(operand, str) for operand in step.operands)
    if pointed and not (named and step.image is None):
        return pointed
    if step.image is None or step.image >= count:
        return list(range(count))
    return [step.image]


def take_look(look: Look, context: Context) -> Json:
    """Uses one instrument, or recalls what it saw; returns the observation for the state.

    A `ToolError` becomes part of it, as "failure": "timeout" or "failed". Where Ferret can stand in for the instrument,
    it does, and the observation says so ("instead").
    """
    begun = time.perf_counter()
    tool, error, failure, instead = look["tool"], None, None, None
    seen: list[Json] = []
    try:
        use, seconds = partial(_USES[tool], look, context), getattr(context.limits, f"{tool}_seconds")
        seen = context.looks.take(look, context.instruments, use, seconds, context.artifacts)
    except ToolError as problem:
        error, failure = str(problem), "timeout" if isinstance(problem, ToolTimeoutError) else "failed"
        if tool == "ocr" and context.instruments.speaks_freely():
            seen, instead = _read_by_ferret(look, context), "ferret"
    summary = "failed" if error else _summary(tool, len(seen))
    if instead:
        summary = f"{error}; Ferret read {_summary(tool, len(seen))} instead"
    return {
        "tool": tool,
        "image": look["image"],
        "key": look["key"],
        "summary": summary,
        "seconds": round(time.perf_counter() - begun, 4),
        "artifact": context.artifacts.put_json(seen),
        "error": None if instead else error,
        "failure": failure,
        "instead": instead,
    }


def take_looks(look: Look, context: Context) -> list[Json]:
    """The observation of one look; after a detector's first look at a picture also what the closer ones
    (`agent.zooming`) have settled, all of them as one observation.
    """
    seen = take_look(look, context)
    closer = _look_closer(look, seen, context) if look["tool"] == "detector" and not seen["error"] else None
    return [seen] if closer is None else [seen, closer]


def _look_closer(look: Look, seen: Json, context: Context) -> Json | None:
    """All looks' word together; None where nothing asks for a closer one.

    One that fails is the last, for the next would keep everybody waiting as well; the summary tells of it, and what was
    seen until then stands.
    """
    begun = time.perf_counter()
    size = context.artifacts.image(look["artifact"]).size
    first = [Sighting.from_json(value) for value in context.artifacts.json(seen["artifact"])]
    places = places_to_zoom(first, size, context.thresholds, context.limits.max_zooms)
    if not places:
        return None
    closer: list[Closer] = []
    error = None
    for part in places:
        there: Json = {"kind": "box", "image": look["image"], "numbers": list(part)}
        one = take_look(Look(**{**look, "regions": [there]}), context)
        if error := one["error"]:
            break
        found = context.artifacts.json(one["artifact"])
        closer.append(Closer(part, tuple(Sighting.from_json(value) for value in found)))
    settled = with_closer(first, closer, size, context.thresholds)
    summary = _summary("detector", len(settled))
    if closer:
        summary += f" after a closer look at {len(closer)} place{'s' * (len(closer) != 1)}"
    return {
        **seen,
        "key": look["key"] + CLOSER,
        "summary": f"{summary}; a closer look failed: {error}" if error else summary,
        "seconds": round(time.perf_counter() - begun, 4),
        "artifact": context.artifacts.put_json([one.to_json() for one in settled]),
    }


def _detect(look: Look, context: Context, detector: "Detector") -> list[Json]:
    image, part = context.artifacts.image(look["artifact"]), _place(look, context)
    corner = (0.0, 0.0) if part is None else (part.x1, part.y1)
    shown = image if part is None else image.crop((int(part.x1), int(part.y1), int(part.x2), int(part.y2)))
    return [
        Sighting(
            seen.label, look["image"], shifted(seen.box, corner), _unit(seen.score), "detector", tuple(seen.scores)
        ).to_json()
        for seen in detector.detect(shown)
    ]


def _read(look: Look, context: Context, reader: "TextReader") -> list[Json]:
    image = context.artifacts.image(look["artifact"])
    lines = reader.read(image, _place(look, context))
    return [
        Sighting("text", look["image"], corners(line.box), _unit(line.score), "ocr", text=line.text).to_json()
        for line in lines
    ]


def _read_by_ferret(look: Look, context: Context) -> list[Json]:
    """Weights that answer in prose of their own can read as well, only less surely."""
    image = context.artifacts.image(look["artifact"])
    place = _place(look, context) or Box(0, 0, image.width, image.height)
    (reply,) = ask_ferret([read("read", replace(place, image=0))], [image], context).values()
    text = said_text(reply)
    if text is None:
        return []
    return [
        Sighting("text", look["image"], corners(place), reply.confidence, "ferret", text=text).to_json(),
    ]


def _place(look: Look, context: Context) -> Box | None:
    """The box that is to be read; None for the whole picture."""
    size = context.artifacts.image(look["artifact"]).size
    place = None
    for value in look["regions"]:
        place = region_from_json(value, context.artifacts).bounds(*size)
    return place


def _segment(look: Look, context: Context, segmenter: "Segmenter") -> list[Json]:
    image = context.artifacts.image(look["artifact"])
    prompts: list[Region] = [region_from_json(value, context.artifacts) for value in look["regions"]]
    meant = [_PROPOSALS[value["granularity"]] for value in look["regions"] if "granularity" in value]
    segments = segmenter.segment(image, prompts, **({"granularity": meant[0]} if meant else {}))
    return [
        Sighting(
            "", look["image"], corners(s.box), _unit(s.score), "sam", mask=context.artifacts.put_mask(s.mask)
        ).to_json()
        for s in segments
    ]


_USES: dict[str, Callable[[Look, Context, Any], list[Json]]] = {"detector": _detect, "ocr": _read, "sam": _segment}
_NOUNS = {"detector": "object", "ocr": "line of text", "sam": "mask"}


def _summary(tool: str, count: int) -> str:
    noun = _NOUNS[tool]
    several = "lines of text" if tool == "ocr" else f"{noun}s"
    return f"{count} {noun if count == 1 else several}"


def _unit(score: float) -> float:
    return min(max(float(score), 0.0), 1.0)


class Observed:
    """What the instruments saw in this turn, by picture."""

    def __init__(self, observations: Iterable[Json], artifacts: ArtifactStore) -> None:
        self._observations = list(observations)
        self._artifacts = artifacts
        self._read: dict[str, list[Sighting]] = {}

    def add(self, observation: Json) -> None:
        """One more look."""
        self._observations.append(observation)

    def looked(self, tool: ToolName, image: int) -> bool:
        """Whether a look of that instrument at that picture was taken and did not fail."""
        return any(not one["error"] for one in self._of(tool, image))

    def detections(self, image: int, floor: float = 0.0, *, closer: bool = True) -> list[Sighting]:
        """Objects on one picture, the most probable first; as the first look alone saw them unless `closer`."""
        looks = self._of("detector", image)
        settled = [one for one in looks if one["key"].endswith(CLOSER)]
        looks = settled if settled and closer else [one for one in looks if one not in settled]
        seen = [s for one in looks for s in self._sightings(one["artifact"])]
        return sorted((s for s in seen if s.score >= floor), key=lambda s: (-s.score, s.box))

    def weighed(self) -> dict[int, list[Sighting]]:
        """By picture, the detections after Ferret has had its say on those in doubt (`agent.checking`)."""
        kept = [one["weighed"] for one in self._observations if "weighed" in one]
        return {int(image): self._sightings(artifact) for seen in kept for image, artifact in seen.items()}

    def lines(self, image: int) -> list[Sighting]:
        """Lines of text on one picture, in reading order, whichever look saw them; not what closer looks have read."""
        looks = [one for one in self._of("ocr", image) if not one["key"].startswith(READING)]
        return [s for one in looks for s in self._sightings(one["artifact"])]

    def at(self, key: str) -> list[Sighting] | None:
        """What one look saw; None when it was not taken or failed."""
        for one in self._observations:
            if one["key"] == key and not one["error"]:
                return self._sightings(one["artifact"])
        return None

    def evidence(self) -> list[Json]:
        """What each look saw, in a few words, in a fixed order; Ferret's own turns come last, as one."""
        looks = sorted((one for one in self._observations if one["tool"] != "ferret"), key=lambda one: one["key"])
        told = [
            {"tool": one["tool"], "summary": one["error"] or one["summary"], "seconds": round(one["seconds"], 3)}
            for one in looks
        ]
        turns = [one for one in self._observations if one["tool"] == "ferret"]
        if turns:
            count = sum(one["count"] for one in turns)
            seconds = round(sum(one["seconds"] for one in turns), 3)
            told.append(
                {"tool": "ferret", "summary": f"{count} question{'s' * (count != 1)} answered", "seconds": seconds}
            )
        return told

    def _of(self, tool: str, image: int) -> list[dict[str, Any]]:
        return [one for one in self._observations if one["tool"] == tool and one["image"] == image]

    def _sightings(self, artifact: str) -> list[Sighting]:
        if artifact not in self._read:
            self._read[artifact] = [Sighting.from_json(value) for value in self._artifacts.json(artifact)]
        return self._read[artifact]
