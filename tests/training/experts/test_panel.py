"""The experts of one process: what tells them apart, and labels that lie on their picture."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from ferret.errors import TrainingError, WeightsError
from ferret.images import load_image
from ferret.masks import decode_rle
from tools.detector import EMBEDDED
from training.experts.panel import OUTLINED, SEEN, ExpertSettings, Panel


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel(ExpertSettings())


@pytest.fixture
def own_detector(tmp_path: Path) -> Path:
    """The embedded detector under another name, the first of its names written as programs write them."""
    path = tmp_path / "own.safetensors"
    shutil.copy(EMBEDDED, path)
    described = json.loads(EMBEDDED.with_suffix(".json").read_text())
    described["names"][:2] = ["Traffic_Light", "A <b>"]
    path.with_suffix(".json").write_text(json.dumps(described))
    return path


def test_experts_know_their_tools_and_names(panel: Panel) -> None:
    detector, reader, segmenter = panel.experts()
    assert (detector.tool, reader.tool, segmenter.tool) == ("detector", "ocr", "sam")
    assert detector.names == panel.detector.labels
    assert panel.experts() == Panel(ExpertSettings()).experts()
    assert json.loads(detector.arguments)["score_threshold"] == SEEN


def test_other_weights_are_another_expert_and_other_masks(panel: Panel, own_detector: Path) -> None:
    ours, theirs = panel.experts(), Panel(ExpertSettings(detector=str(own_detector))).experts()
    assert [a == b for a, b in zip(ours, theirs, strict=True)] == [False, True, False]
    before = Panel(ExpertSettings(detector=str(own_detector))).experts()[0].weights
    described = own_detector.with_suffix(".json")
    described.write_text(described.read_text().replace('"imgsz": 288', '"imgsz": 320'))
    assert Panel(ExpertSettings(detector=str(own_detector))).experts()[0].weights != before


def test_names_are_made_speakable(own_detector: Path) -> None:
    assert Panel(ExpertSettings(detector=str(own_detector))).experts()[0].names[:2] == ("traffic light", "a <b>")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (ExpertSettings(detector="nowhere.pt"), WeightsError),
        (ExpertSettings(segmenter="weights.txt"), WeightsError),
        (ExpertSettings(reader="scribe"), TrainingError),
    ],
)
def test_experts_that_there_are_not(settings: ExpertSettings, error: type[Exception]) -> None:
    with pytest.raises(error):
        Panel(settings)


def test_labels_lie_on_the_picture(panel: Panel, scenes: Path) -> None:
    for path in sorted(scenes.glob("?.png")):
        image = load_image(path)
        objects = panel.detect(image)
        scores = [label.score for label in objects]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= SEEN
        for label in objects:
            assert label.name in panel.detector.labels
            assert label.name not in [name for name, _ in label.others]
        masks = panel.outline(image, objects)
        assert [mask.of for mask in masks] == [place for place, score in enumerate(scores) if score >= OUTLINED]
        for mask in masks:
            array = decode_rle(mask.rle)
            assert array.shape == (image.height, image.width)
            assert array.sum() == mask.area > 0
        lines = panel.read(image) if path.name == "1.png" else ()
        boxes = [label.box for label in objects] + [mask.box for mask in masks] + [line.box for line in lines]
        for box in boxes:
            assert 0 <= box[0] < box[2] <= image.width
            assert 0 <= box[1] < box[3] <= image.height
            assert all(round(edge, 1) == edge for edge in box)


def test_an_empty_picture_has_no_masks(panel: Panel) -> None:
    assert panel.outline(Image.new("RGB", (64, 48)), ()) == ()
