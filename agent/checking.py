"""Checking: what is believed after Ferret and the instruments have been held against each other.

- What Ferret alone has grounded is referred back to it: "what is in this region?". What the detector doubts, Ferret is
  shown from close by (`agent.zooming`), and the two voices' log odds are weighed together, name by name.
- A region is named by both voices: the product of Ferret's and the detector's probabilities over the names that either
  of them offers. Where they disagree, Ferret is asked once more with the detector's word as a hint.
- What nobody confirms is dropped, or becomes a guess: "not found" and "unsure" are answers.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.asking import Ask, Reply, ask_ferret, name_probabilities, refer, said_name, speaks_of
from agent.context import Context
from agent.general import is_general
from agent.intents import Intent, Plan
from agent.lexicon import Lexicon
from agent.perception import Observed, pictures_of
from agent.reasoning import description_key, name_of, phrases_of, refer_key, target_key
from agent.sightings import Sighting, corners, covered, fits_of, overlaps, without_duplicates
from agent.state import Json
from agent.zooming import is_near
from ferret.parsing import parse_answer
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble, box_iou

if TYPE_CHECKING:
    from PIL import Image

# Names of the detector that are weighed for one region, and of one phrase that Ferret is asked for one by one.
CANDIDATES = 8
# The share of a box of Ferret's own that may lie on other things of its name.
STRADDLING = 0.5
# No voice is surer than this that something is not so, nor than one less this that it is.
LEAST = 0.003
_ABOUT_EVERYTHING = frozenset({Intent.LIST, Intent.DESCRIBE, Intent.COUNT, Intent.SEGMENT})
# Where nothing was found, a point is taken to mean a thing this large, in sides of the largest that is shown closely.
USUAL = 0.5
# A longer answer to "what is this?" is told as it is.
SENTENCE_WORDS = 6


class Checker:
    """The checks of one turn. `prepare` asks Ferret what is in doubt; the rest weighs, and asks about given regions."""

    def __init__(
        self,
        plan: Plan,
        regions: Sequence[Region],
        marks: Sequence[Json],
        pictures: Sequence["Image.Image"],
        observed: Observed,
        replies: dict[str, Reply],
        lexicon: Lexicon,
        context: Context,
    ) -> None:
        self.plan = plan
        self.regions = regions
        self.marks = marks
        self.pictures = pictures
        self.observed = observed
        self.replies = replies
        self.lexicon = lexicon
        self.context = context
        self.limits = context.thresholds
        self.speaks_freely = context.instruments.speaks_freely()
        self.most = context.limits.max_checks
        self.asked = 0
        # The detections of pictures after Ferret has had its say on those in doubt.
        self._seen = observed.weighed()

    # --- asking back ------------------------------------------------------------------------------------------------

    def prepare(self, outside: Collection[int] = ()) -> None:
        """Refers back to Ferret what is in doubt: weak detections, by every name that matters to the plan, and what
        Ferret alone saw. Of pictures `outside` its world it is asked nothing.
        """
        alone: dict[str, Ask] = {}
        wanted: dict[int, set[str]] = {}
        spoken: set[int] = set()  # pictures of which everything is to be told, by whatever name
        for step in self.plan.steps:
            phrases = phrases_of(step)
            everything = not phrases and step.intent in _ABOUT_EVERYTHING
            everything = everything or any(is_general(target) for target in step.targets)
            for image in pictures_of(step, len(self.pictures), self.marks):
                if image in outside or not (phrases or everything):
                    continue
                names = {phrase: self.names(phrase) for phrase in phrases}
                few = [name for several in names.values() if len(several) <= CANDIDATES for name in several]
                wanted.setdefault(image, set()).update(few)
                if everything or len(few) < sum(map(len, names.values())):
                    spoken.add(image)
                seen = [one for several in names.values() for one in self._candidates(several, image)]
                alone |= {ask.key: ask for one in seen if one.source == "ferret" for ask in [_back(one)]}
        self._ask(alone.values())
        for image, names_there in wanted.items():
            self._seen[image] = self._weighed_together(image, names_there, asked_back=image in spoken)

    def kept(self) -> dict[str, str]:
        """What `prepare` has settled, for a later `Checker` of the same turn (`Observed.weighed`): artifact ids by
        picture.
        """
        put = self.context.artifacts.put_json
        return {str(image): put([one.to_json() for one in seen]) for image, seen in self._seen.items()}

    def _weighed_together(self, image: int, wanted: Iterable[str], *, asked_back: bool) -> list[Sighting]:
        """The detections of a picture, those in doubt with the probabilities that both voices give their names: those
        wanted, the detector's, and Ferret's own where it is asked back for it.
        """
        asked_back = asked_back or self.speaks_freely
        each = 2 if asked_back and not self.speaks_freely else 1  # what one thing in doubt costs, in questions
        most = min(self.context.limits.max_zooms, (self.most - self.asked) // each)
        doubtful = {one: _back(one) for one in [one for one in self._all(image) if self._is_doubtful(one)][:most]}
        if asked_back:
            self._ask(doubtful.values())
        settled: dict[Sighting, Sighting] = {}
        for sighting, ask in doubtful.items():
            said = said_name(self.replies[ask.key].text, self.lexicon) if ask.key in self.replies else None
            names = {*wanted, *(name for name, _ in sighting.scores), sighting.label} | ({said} if said else set())
            heard = self._heard(ask, sorted(names))
            scores = {name: self._both(sighting.probability(name), heard[name]) for name in heard}
            scores |= {name: min(scores[name], seen) for name, seen in self._taken(sighting, heard).items()}
            ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
            settled[sighting] = replace(sighting, label=ranked[0][0], score=ranked[0][1], scores=tuple(ranked))
        return [settled.get(one, one) for one in self.observed.detections(image, self.limits.floor)]

    def _taken(self, sighting: Sighting, names: Iterable[str]) -> dict[str, float]:
        """The names of which the detector has found a surer thing over the same place, with its own word on this one:
        Ferret takes half a dog for a dog, so its word says nothing for a second one.
        """
        surer = [
            other
            for other in self.observed.detections(sighting.image, sighting.score)
            if other != sighting and overlaps(sighting.region, other.region)
        ]
        return {
            name: sighting.probability(name)
            for name in names
            if any(other.probability(name) > sighting.probability(name) for other in surer)
        }

    def _heard(self, ask: Ask, names: Sequence[str]) -> dict[str, float]:
        """How probable Ferret finds each name for a region. Weights that speak freely hardly ever answer with a name
        alone, whatever they see: of these the answer counts that they gave.
        """
        if not self.speaks_freely:
            self.asked += 1
            return name_probabilities(ask, names, self.pictures[ask.image], self.context)
        reply = self.replies[ask.key]
        return {
            name: reply.confidence if speaks_of(reply.text, name, self.lexicon) else self.limits.unheard
            for name in names
        }

    def _both(self, seen: float, heard: float) -> float:
        """How probable a name is that the detector and Ferret find so probable."""
        limits = self.limits
        odds = limits.together + limits.eye_weight * _log_odds(seen) + limits.voice_weight * _log_odds(heard)
        return _probability(odds)

    def _ask(self, asks: Iterable[Ask]) -> None:
        missing = list({ask.key: ask for ask in asks if ask.key not in self.replies}.values())[: self.most - self.asked]
        if missing:
            self.asked += len(missing)
            self.replies |= ask_ferret(missing, self.pictures, self.context)

    # --- things looked for by name ----------------------------------------------------------------------------------

    def knows(self, phrase: str) -> bool:
        """Whether the loaded weights have a name for what a phrase means."""
        return is_general(phrase) or self.lexicon.match(phrase).known

    def names(self, phrase: str) -> tuple[str, ...]:
        """The names that a phrase covers; the phrase itself when no model knows it."""
        match = self.lexicon.match(phrase)
        return match.names or (phrase,)

    def present(self, phrase: str, image: int) -> list[Sighting]:
        """The things on one picture that a phrase names and that passed the check, the most probable first."""
        if is_general(phrase):
            return self.everything(image)
        weighed = [self._weighed(sighting) for sighting in self._candidates(self.names(phrase), image)]
        best = max((sighting.score for sighting in weighed), default=0.0)
        enough = max(self.limits.present, self.limits.faint * best)
        kept = [sighting for sighting in weighed if sighting.score >= enough]
        return without_duplicates(kept, self.limits.duplicate)

    def absence(self, phrase: str, image: int) -> float:
        """How probable it is that nothing of the kind is there, given that nothing passed: 0..1."""
        if is_general(phrase):
            return 1.0 - max((self._weighed(one).score for one in self._all(image)), default=0.05)
        name = name_of(phrase, self.lexicon)
        best = max((self._weighed(s).score for s in self._candidates(self.names(phrase), image)), default=0.05)
        reply = self.replies.get(target_key(image, name)) if name is not None else None
        # Nothing seen is no proof: as often as not the thing is there, and a share of what is there is missed.
        absent = (1.0 - best) / (1.0 - best + self.limits.missed)
        return voted(absent, reply.confidence, reply.denies, self.limits.denied) if reply is not None else absent

    def everything(self, image: int) -> list[Sighting]:
        """All things on one picture that passed the check, the most probable first."""
        kept: list[Sighting] = []
        for sighting in self._all(image):
            weighed = self._weighed(sighting)
            if weighed.score >= self.limits.listed:
                kept.append(weighed)
        kept = without_duplicates(kept, self.limits.duplicate)
        # One thing has one name: of two names for the same place the more probable stays.
        return [
            one
            for index, one in enumerate(kept)
            if not any(box_iou(one.region, better.region) > self.limits.duplicate for better in kept[:index])
        ]

    def _all(self, image: int) -> list[Sighting]:
        return self._detections(image, self.limits.doubtful_low)

    def _detections(self, image: int, floor: float) -> list[Sighting]:
        seen = self._seen.get(image)
        if seen is None:
            return self.observed.detections(image, floor)
        return sorted((one for one in seen if one.score >= floor), key=lambda one: (-one.score, one.box))

    def _candidates(self, names: Sequence[str], image: int) -> list[Sighting]:
        """Everything on one picture that may be one of `names`: by the detector, or by Ferret alone."""
        seen: list[Sighting] = []
        detections = self._detections(image, self.limits.floor)
        weighed = set(self._seen.get(image, ())) - set(self.observed.detections(image))
        for detection in detections:
            score, name = max((detection.probability(name), name) for name in names)
            if score >= self.limits.floor:
                seen.append(replace(detection, label=name, score=score))
        for name in names:
            reply = self.replies.get(target_key(image, name))
            for box in reply.boxes if reply is not None else ():
                here = Box(*box, image=image)
                if any(box_iou(here, one.region) >= self.limits.same_place for one in seen):
                    continue
                # Nor is there another one where most of the place is taken by those that the detector has found.
                if sum(covered(here, one.region) for one in seen if one.source != "ferret") >= STRADDLING:
                    continue
                # Where both voices have found this name improbable, one of them does not bring it back.
                if any(_offers(one, name) and box_iou(here, one.region) >= self.limits.same_place for one in weighed):
                    continue
                other = max(
                    (d.score for d in detections if box_iou(here, d.region) >= self.limits.same_place), default=0.0
                )
                assert reply is not None
                score = reply.confidence * self.limits.unconfirmed * (1.0 - other)
                seen.append(Sighting(name, image, box, score, "ferret"))
        return seen

    def _is_doubtful(self, sighting: Sighting) -> bool:
        if sighting.source == "ferret":
            return True
        return self.limits.doubtful_low <= sighting.score < self.limits.doubtful_high

    def _weighed(self, sighting: Sighting) -> Sighting:
        """The sighting with its probability after everybody who has a word on it has been heard."""
        if not self.most or not self._is_doubtful(sighting):
            return sighting
        score = sighting.score
        back = self.replies.get(_back(sighting).key) if sighting.source == "ferret" else None
        if back is not None:
            score = self._voted(score, back.confidence, speaks_of(back.text, sighting.label, self.lexicon))
        target = self.replies.get(target_key(sighting.image, sighting.label))
        if target is not None and sighting.source != "ferret":
            agrees = any(
                box_iou(Box(*box, image=sighting.image), sighting.region) >= self.limits.same_place
                for box in target.boxes
            )
            if agrees or target.denies:
                score = self._voted(score, target.confidence, agrees)
        return replace(sighting, score=score)

    def _voted(self, probability: float, confidence: float, agrees: bool) -> float:
        """A probability after Ferret's word on it: to name what an instrument saw hardly happens by chance, to miss it
        does."""
        return voted(probability, confidence, agrees, self.limits.confirmed if agrees else self.limits.denied)

    # --- regions that were pointed at ---------------------------------------------------------------------------------

    def named(self, index: int) -> tuple[Sighting, Sighting | None]:
        """What a given region shows: the region itself with its name, and the detection that fits it best, if any."""
        region = self.regions[index]
        found = self.observed.detections(region.image, self.limits.floor)
        every = zip(fits_of(region, found, self.pictures[region.image].size), found, strict=True)
        fits = [(fit, one) for fit, one in every if fit >= self.limits.matching]
        best = max(fits, key=lambda pair: pair[0] * pair[1].score)[1] if fits else None
        name, confidence = self._name(index, fits, best.region if best is not None else None)
        match = replace(best, label=name, score=confidence) if best is not None and best.probability(name) else None
        return self.given(index, name, confidence), match

    def given(self, index: int, name: str = "", score: float = 0.0) -> Sighting:
        """A given region as a sighting of its own."""
        region = self.regions[index]
        size = self.pictures[region.image].size
        kept = self.context.artifacts.put_mask(region.to_mask(*size)) if _is_free(region) else None
        return Sighting(name, region.image, corners(region.bounds(*size)), score, "user", mask=kept, given=index)

    def prose(self, index: int) -> str | None:
        """Ferret's own words on a given region, when they are a sentence rather than a name."""
        reply = self.replies.get(refer_key(index))
        told = self.speaks_freely and reply is not None and len(reply.text.split()) > SENTENCE_WORDS
        return reply.text if told and reply is not None else None

    def description(self, image: int) -> tuple[str, list[Sighting], float] | None:
        """Ferret's own words on a picture, the things that they link, and how sure it is; None when it was not
        asked.
        """
        reply = self.replies.get(description_key(image))
        if reply is None or not reply.text:
            return None
        parsed = parse_answer(reply.raw, *self.pictures[image].size, image=image)
        linked = [(span.text, parsed.boxes[index]) for span in parsed.spans for index in span.boxes]
        things = [
            Sighting(text, image, corners(box), reply.confidence, "ferret") for text, box in linked if box.area > 0
        ]
        return parsed.text, things, reply.confidence

    def _name(
        self, index: int, fits: Sequence[tuple[float, Sighting]], thing: Box | None
    ) -> tuple[str, float]:
        """The most probable name of a region, and how probable it is; `thing` is what the detector found there."""
        region = self.regions[index]
        reply, thing = self._heard_of(index, thing)
        said = said_name(reply.text, self.lexicon) if reply is not None else None
        seen: dict[str, float] = {}
        for fit, detection in fits:
            for label, score in detection.scores or ((detection.label, detection.score),):
                seen[label] = max(seen.get(label, 0.0), fit * score)
        names = sorted(seen, key=lambda name: (-seen[name], name))[:CANDIDATES]
        if said is not None and said not in names:
            names.append(said)
        if not names:
            return "", 0.0
        ask = refer(refer_key(index), region, thing=thing)
        picture = self.pictures[region.image]
        self.asked += 1
        heard = name_probabilities(ask, names, picture, self.context)
        weights = self._product(names, heard, seen)
        best = max(names, key=lambda name: (weights[name], name))
        if seen and said != names[0] and best != said:
            # The voices disagree: Ferret gets one more look, knowing what the detector takes it for.
            hint = refer(ask.key, region, names[0], thing)
            hinted = name_probabilities(hint, names, picture, self.context)
            heard = {name: (heard[name] + hinted[name]) / 2 for name in names}
            weights = self._product(names, heard, seen)
            best = max(names, key=lambda name: (weights[name], name))
        rest = max(1.0 - sum(heard.values()), 0.0) ** self.limits.ferret_weight
        rest *= self.limits.unheard**self.limits.detector_weight
        confidence = weights[best] / (sum(weights.values()) + rest) if weights[best] > 0 else 0.0
        if not seen:
            confidence = heard[best] * self.limits.unconfirmed
        return best, min(confidence, 1.0)

    def _heard_of(self, index: int, thing: Box | None) -> tuple[Reply | None, Box | None]:
        """What Ferret takes a region for, and the thing that it was shown from close by.

        A point does not tell how large a thing it means, so Ferret has seen it in the whole picture so far. Now it is
        shown what the detector found there, or else a thing of usual size, if it is surer of that.
        """
        region, reply = self.regions[index], self.replies.get(refer_key(index))
        if not isinstance(region, Point) or reply is None or not self.most:
            return reply, thing
        meant = thing or self._usual(region)
        if not is_near(meant, self.pictures[region.image].size, self.limits):
            return reply, thing
        near = refer(f"near:{index}", region, thing=meant)
        self._ask([near])
        closer = self.replies.get(near.key)
        if closer is None or (thing is None and closer.confidence <= reply.confidence):
            return reply, thing
        return closer, meant

    def _usual(self, point: Point) -> Box:
        """A thing of usual size around a point; it may reach beyond the picture."""
        reach = USUAL * self.limits.near * max(self.pictures[point.image].size) / 2
        return Box(point.x - reach, point.y - reach, point.x + reach, point.y + reach, image=point.image)

    def _product(self, names: Sequence[str], heard: dict[str, float], seen: dict[str, float]) -> dict[str, float]:
        floor = self.limits.unheard
        return {
            name: max(heard[name], floor * floor) ** self.limits.ferret_weight
            * max(seen.get(name, 0.0), floor) ** self.limits.detector_weight
            for name in names
        }  # fmt: skip


def _is_free(region: Region) -> bool:
    return isinstance(region, Mask | Polygon | Scribble) and not isinstance(region, Point)


def _back(sighting: Sighting) -> Ask:
    """What Ferret is asked about a sighting."""
    return refer(f"back:{sighting.image}:" + ",".join(f"{number:.1f}" for number in sighting.box), sighting.region)


def _offers(sighting: Sighting, name: str) -> bool:
    return any(one == name for one, _ in sighting.scores)


def _log_odds(probability: float, least: float = LEAST) -> float:
    clipped = min(max(probability, least), 1 - least)
    return math.log(clipped / (1 - clipped))


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def voted(probability: float, confidence: float, agrees: bool, loudest: float) -> float:
    """A probability after one more voice that is `confidence` sure (0..1) agrees or disagrees: a sum of log odds, to
    which the voice adds `loudest` at most."""
    loudness = math.log(max(confidence, 0.5) / max(1.0 - confidence, 1e-4)) if confidence > 0.5 else 0.1
    vote = min(loudness, loudest)
    return _probability(_log_odds(probability, 1e-4) + (vote if agrees else -vote))
