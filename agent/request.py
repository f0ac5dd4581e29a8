"""A question checked and brought into the state's form, before anything is looked at.

Everything that a caller may get wrong is found here, and said in one line: an empty question, a picture that cannot be
read, a region that is malformed, outside its picture or on a picture that was not given.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.artifacts import ArtifactStore
from agent.settings import Limits
from agent.state import AskInput, Json, region_from_json, region_to_json
from ferret.errors import RegionError, RequestError
from ferret.images import ImageSource, load_image
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble, parse_region

RegionSource = Region | str | Json

_ARTIFACT = re.compile(r"image-[0-9a-f]{64}")
_NAMED = re.compile(r"<\s*region\s*(\d+)\s*>", re.IGNORECASE)
_REGION_TYPES = (Point, Box, Polygon, Scribble, Mask)
# What Python makes of bytes that are not UTF-8, and what no answer could be written with.
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
LONGEST_QUESTION = 4000


def prepare(
    question: str,
    images: Sequence[ImageSource],
    regions: Sequence[RegionSource],
    artifacts: ArtifactStore,
    limits: Limits,
    *,
    nameable: int = 0,
) -> AskInput:
    """The request with its pictures and masks in the artifact store. What is in that form already stays as it is.

    `nameable` is how many remembered regions a question may name that brings none itself.

    Raises `RequestError` (`ImageError`, `RegionError`) when it cannot be served as it stands.
    """
    question = checked_question(question)
    if not images:
        raise RequestError("there is no picture; give at least one, as a file")
    if len(images) > limits.max_images:
        raise RequestError(f"{len(images)} pictures are too many; ask about at most {limits.max_images} at once")
    if len(regions) > limits.max_regions:
        raise RequestError(f"{len(regions)} regions are too many; give at most {limits.max_regions} at once")
    parsed = [parsed_region(region, artifacts) for region in regions]
    for number, region in enumerate(parsed, 1):
        if not hasattr(region.image, "__index__"):
            raise RegionError(f"region {number} is on picture {region.image!r}; give its position, counted from 0")
        if region.image >= len(images):
            count = "only 1 picture is" if len(images) == 1 else f"only {len(images)} pictures are"
            raise RegionError(
                f"region {number} is on picture {region.image + 1}, but {count} given; count them from @1"
            )
    check_names(question, len(regions) or nameable)
    keys = [_stored(image, artifacts) for image in images]
    checked = [region.checked(*artifacts.image(keys[region.image]).size) for region in parsed]
    return {"question": question, "images": keys, "regions": [region_to_json(region, artifacts) for region in checked]}


def checked_question(question: str) -> str:
    """The question with its white space tidied; `RequestError` when there is none, it has no end or is no text."""
    if not isinstance(question, str) or not question.strip():
        raise RequestError("the question is empty; ask something, such as 'What is in the picture?'")
    if len(question) > LONGEST_QUESTION:
        raise RequestError(f"the question has {len(question)} characters; ask in at most {LONGEST_QUESTION}")
    if _HALF_PAIR.search(question):
        raise RequestError("the question holds bytes that are no text; write it in UTF-8")
    return " ".join(question.split())


def check_names(question: str, count: int) -> None:
    """Raises `RegionError` when the question names a region, as `<region2>`, that was not given."""
    for name in _NAMED.findall(question):
        if not 1 <= int(name) <= count:
            given = "no region is given" if count == 0 else f"only {count} given" if count > 1 else "only one is given"
            raise RegionError(f"the question names <region{name}>, but {given}; add it with --region, counting from 1")


def flat_images(images: Iterable[ImageSource | Sequence[ImageSource]]) -> list[ImageSource]:
    """Pictures given one by one, or as a list, as one list."""
    flat: list[Any] = []
    for image in images:
        if isinstance(image, list | tuple):
            flat.extend(image)
        else:
            flat.append(image)
    return flat


def _stored(image: ImageSource, artifacts: ArtifactStore) -> str:
    if isinstance(image, str) and _ARTIFACT.fullmatch(image) and not Path(image).exists():
        artifacts.image(image)
        return image
    return artifacts.put_image(load_image(image))


def parsed_region(region: RegionSource, artifacts: ArtifactStore) -> Region:
    """A region from whatever form it was given in; `RegionError` when it is none."""
    if isinstance(region, _REGION_TYPES):
        return region
    if isinstance(region, str):
        return parse_region(region)
    if isinstance(region, dict):
        return region_from_json(region, artifacts)
    raise RegionError(f"{region!r} is not a region; give one such as 'box:10,20,90,120' or ferret.regions.Box(...)")
