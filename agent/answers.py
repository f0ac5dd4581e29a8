"""The answer object: prose whose phrases are linked to regions, with the evidence that it rests on.

This is the outside contract of the project. Every face (Python, command line, batch) hands out this object and nothing
else; fields may be added here, none may change its name or its meaning.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ferret.errors import RequestError

if TYPE_CHECKING:
    import supervision
    from PIL import Image

Status = Literal["answered", "not_found", "unsure"]
Source = Literal["ferret", "detector", "sam", "ocr", "user"]
Score = Annotated[float, Field(ge=0.0, le=1.0)]

# What Pillow can write from an RGB picture, by suffix; anything else is refused before a file is opened.
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rle(_Part):
    """COCO's compressed run-length code of one mask: `size` is [height, width] of the picture."""

    size: Annotated[list[int], Field(min_length=2, max_length=2)]
    counts: str


class Span(_Part):
    """A phrase of the answer: `text == answer.text[start:end]`; `regions` are the ids of the regions it names."""

    text: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    regions: list[int]


class AnswerRegion(_Part):
    """One place in one picture.

    `box` is [x1, y1, x2, y2] in pixels of the original picture, its edges not its pixels, origin at the top left;
    `image` counts the pictures of the question from 0; `text` is what was read there.
    """

    id: Annotated[int, Field(ge=0)]
    image: Annotated[int, Field(ge=0)] = 0
    label: str
    box: Annotated[list[float], Field(min_length=4, max_length=4)]
    mask: Rle | None = None
    text: str | None = None
    score: Score
    source: Source


class Evidence(_Part):
    """What one instrument saw, in a few words, and how long it looked (seconds)."""

    tool: str
    summary: str
    seconds: Annotated[float, Field(ge=0.0)]


class Basis(_Part):
    """What `confidence` rests on.

    `intents` are those of the plan's steps; `score` (0..1) is what the checks came to, which orders answers but has a
    scale of its own; `calibrated` says whether `confidence` is the probability of being right that was measured for
    such scores with the weights in use (`agent.calibration`), or the score itself.
    """

    intents: list[str]
    score: Score
    calibrated: bool


class Answer(_Part):
    """What the assistant says. `text` holds no coordinates: they are linked through `spans` to `regions`.

    `status` is "answered", "not_found" (asked for something that is not there) or "unsure" (the checks disagree, or the
    picture lies outside what the loaded weights know). `confidence` is in 0..1; `basis` tells what it rests on.
    """

    question: str
    text: str
    status: Status
    confidence: Score
    spans: list[Span] = []
    regions: list[AnswerRegion] = []
    evidence: list[Evidence] = []
    seconds: Annotated[float, Field(ge=0.0)]
    basis: Annotated[Basis | None, Field(exclude_if=lambda basis: basis is None)] = None

    _pictures: tuple["Image.Image", ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _spans_fit(self) -> Self:
        ids = {region.id for region in self.regions}
        for span in self.spans:
            if self.text[span.start : span.end] != span.text or span.start >= span.end:
                raise ValueError(f"span {span.text!r} is not at {span.start}..{span.end} of {self.text!r}")
            if not ids.issuperset(span.regions):
                raise ValueError(f"span {span.text!r} names regions {span.regions} that the answer does not have")
        return self

    def with_pictures(self, pictures: Sequence["Image.Image"]) -> Self:
        """The same answer, remembering its pictures so that `overlay` and `save` can draw on them."""
        self._pictures = tuple(pictures)
        return self

    def overlay(self) -> "Image.Image":
        """The pictures side by side with the regions drawn on them and the answer below, as an RGB image.

        Raises `RequestError` when the answer was read back from JSON and so carries no pictures: use
        `agent.overlay.draw_overlay(answer, pictures)` then.
        """
        from agent.overlay import draw_overlay

        if not self._pictures:
            raise RequestError(
                "this answer carries no pictures; draw it with agent.overlay.draw_overlay(answer, pictures)"
            )
        return draw_overlay(self, self._pictures)

    def save(self, path: str | Path) -> Path:
        """Writes the overlay picture to `path` (its suffix chooses the format) and returns the path.

        Raises `RequestError` when the suffix is not a picture's or the file cannot be written.
        """
        target = checked_picture_path(path)
        picture = self.overlay()
        try:
            picture.save(target)
        except OSError as error:
            raise RequestError(f"cannot write the overlay {str(target)!r}: {error.strerror or error}") from error
        return target

    def to_supervision(self, image: int = 0) -> "supervision.Detections":
        """The regions on one picture as `supervision.Detections`; `agent.exports.from_supervision` leads back."""
        from agent.exports import to_supervision

        return to_supervision(self.regions, image)

    def to_coco(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """The regions on all pictures as a COCO dataset with masks as COCO RLE; `names` are the pictures' files."""
        from agent.exports import to_coco

        return to_coco(self.regions, self._sizes(), names)

    def to_label_studio(self, name: str, image: int = 0) -> dict[str, Any]:
        """The regions on one picture as a Label Studio task, with the picture under `name`, its URL or path there."""
        from agent.exports import to_label_studio

        return to_label_studio(self.regions, self._sizes(image)[image], name, image)

    def to_fiftyone(self, image: int = 0) -> dict[str, Any]:
        """The regions on one picture as the JSON of FiftyOne's `Detections`."""
        from agent.exports import to_fiftyone

        return to_fiftyone(self.regions, self._sizes(image)[image], image)

    def _sizes(self, image: int = 0) -> list[tuple[int, int]]:
        if not self._pictures:
            raise RequestError("this answer carries no pictures; use the functions of agent.exports, which take sizes")
        if not 0 <= image < len(self._pictures):
            raise RequestError(f"there is no picture {image}; they count from 0 to {len(self._pictures) - 1}")
        return [picture.size for picture in self._pictures]


def checked_picture_path(path: str | Path) -> Path:
    """`path` when a picture can be written there, known before any work is done; `RequestError` otherwise."""
    target = Path(path)
    if target.suffix.lower() not in PICTURE_SUFFIXES:
        raise RequestError(
            f"cannot save a picture as {str(target)!r}: end its name in one of {', '.join(PICTURE_SUFFIXES)}"
        )
    try:
        is_folder, has_folder = target.is_dir(), target.parent.is_dir()
    except OSError as error:
        raise RequestError(f"cannot save a picture as {str(target)!r} ({error.strerror}); give another name") from error
    if "\0" in str(target):
        raise RequestError(f"cannot save a picture as {str(target)!r}; give another name")
    if is_folder:
        raise RequestError(f"cannot save a picture as {str(target)!r}: it is a folder; name a file in it")
    if not has_folder:
        raise RequestError(f"cannot save {str(target)!r}: there is no folder {str(target.parent)!r}; make it first")
    return target
