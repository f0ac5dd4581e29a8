"""The experts as one process holds them: detector, text reader and segmenter, with what tells their labels apart.

Scores are kept to four decimals and boxes to a tenth of a pixel: below that the number of threads shows, and labels are
to be the same however many processes made them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image

from ferret.errors import ToolError, TrainingError
from ferret.masks import encode_rle
from ferret.regions import Box
from tools.base import Instrument, sha256_of
from tools.detector import Detector
from tools.ocr import TextReader
from tools.ocr_backends import EASYOCR_FILES, RAPIDOCR_FILES
from tools.sam import Segmenter
from training.experts.labels import Corners, Expert, MaskLabel, ObjectLabel, TextLabel
from training.readers.sample import source_text

SEEN = 0.05
"""From this score on the detector's boxes are kept: they cast doubt long before they can be asked about."""
OUTLINED = 0.5
"""From this score on a detected object gets a mask."""
_NAMES_KEPT = 10
_MARK = 16


@dataclass(frozen=True, slots=True)
class ExpertSettings:
    """Which weights the experts have.

    Attributes:
        detector: a file of weights as `tools.detector.Detector` takes it; None for the embedded ones.
        segmenter: the same for `tools.sam.Segmenter`.
        reader: backend of `tools.ocr.TextReader`.
    """

    detector: str | None = None
    segmenter: str | None = None
    reader: str = "auto"


class Panel:
    """The experts of one process; their models are loaded when they are first asked, or by `load`.

    Args:
        settings: their weights.
        device: torch device; None for a GPU where there is one.

    Raises:
        WeightsError: a file of weights is missing or of another kind.
        TrainingError: there is no such reader.
        ToolError: something that an expert needs is missing.
    """

    def __init__(self, settings: ExpertSettings, device: str | None = None) -> None:
        self.detector = Detector(settings.detector, device=device, score_threshold=SEEN, top_k=_NAMES_KEPT)
        try:
            self.reader = TextReader(settings.reader)
        except ValueError as error:
            raise TrainingError(str(error)) from None
        self.segmenter = Segmenter(settings.segmenter, device=device)
        self._instruments: tuple[Instrument[Any], ...] = (self.detector, self.reader, self.segmenter)
        for instrument in self._instruments:
            status = instrument.describe()
            if not status.available:
                raise ToolError(f"the expert {status.name} lacks {status.missing}: {status.remedy}")

    def load(self) -> None:
        """Load every model now.

        Raises:
            ToolError: one cannot be loaded.
        """
        for instrument in self._instruments:
            instrument.load()

    def unload(self) -> None:
        """Free the models; they are loaded again when they are needed."""
        for instrument in self._instruments:
            instrument.unload()

    def experts(self) -> tuple[Expert, Expert, Expert]:
        """Detector, text reader and segmenter as the store knows them; masks depend on the detector's boxes as well.

        Reads the files of weights whole, and for a foreign detector's names loads it.
        """
        detector, segmenter = _weights_mark(self.detector.path), _weights_mark(self.segmenter.path)
        if self.reader.describe().weights.startswith("easyocr"):
            reader = f"easyocr {version('easyocr')} {' '.join(sum_[:_MARK] for sum_ in EASYOCR_FILES.values())}"
        else:
            reader = f"rapidocr {version('rapidocr')} {' '.join(RAPIDOCR_FILES.values())}"
        names = tuple(dict.fromkeys(_spoken(name) for name in self.detector.labels))
        seen = {"score_threshold": SEEN, "top_k": _NAMES_KEPT}
        outlined = {"boxes": detector, **seen, "from_score": OUTLINED}
        return (
            Expert("detector", detector, json.dumps(seen), names),
            Expert("ocr", reader, json.dumps({"min_score": self.reader.min_score})),
            Expert("sam", segmenter, json.dumps(outlined)),
        )

    def detect(self, image: Image.Image) -> tuple[ObjectLabel, ...]:
        """The detector's labels, best score first."""
        labels = []
        for found in self.detector.detect(image):
            others = tuple((_spoken(name), round(score, 4)) for name, score in found.scores[1:] if score >= 0.0001)
            labels.append(ObjectLabel(_spoken(found.label), round(found.score, 4), _corners(found.box), others))
        return tuple(label for label in labels if _extends(label.box))

    def read(self, image: Image.Image) -> tuple[TextLabel, ...]:
        """The text reader's labels, in reading order."""
        lines = [TextLabel(line.text, round(line.score, 4), _corners(line.box)) for line in self.reader.read(image)]
        return tuple(line for line in lines if _extends(line.box))

    def outline(self, image: Image.Image, objects: Sequence[ObjectLabel]) -> tuple[MaskLabel, ...]:
        """Masks of the objects that the detector is confident of, none where the segmenter found nothing."""
        wanted = [index for index, label in enumerate(objects) if label.score >= OUTLINED]
        segments = self.segmenter.segment(image, [Box(*objects[index].box) for index in wanted])
        masks = []
        for index, segment in zip(wanted, segments, strict=True):
            if segment.mask.any():
                rle, area = encode_rle(segment.mask), int(segment.mask.sum())
                size, score = (rle["size"][0], rle["size"][1]), round(segment.score, 4)
                masks.append(MaskLabel(index, size, rle["counts"], score, _corners(segment.box), area))
        return tuple(masks)


def _weights_mark(path: Path) -> str:
    """The file's name with the beginnings of its SHA-256 and of that of the JSON beside it, where there is one."""
    parts = [path.name, sha256_of(path)[:_MARK]]
    if path.suffix == ".safetensors" and path.with_suffix(".json").is_file():
        parts.append(sha256_of(path.with_suffix(".json"))[:_MARK])
    return " ".join(parts)


def _spoken(name: str) -> str:
    """The name of a class as people say it: `traffic_light` is "traffic light"."""
    return " ".join(source_text(name.replace("_", " ")).lower().split())


def _corners(box: Box) -> Corners:
    x1, y1, x2, y2 = (round(float(value), 1) for value in box.coordinates)
    return x1, y1, x2, y2


def _extends(box: Corners) -> bool:
    """Whether there is anything left of a box after rounding."""
    return box[2] > box[0] and box[3] > box[1]
