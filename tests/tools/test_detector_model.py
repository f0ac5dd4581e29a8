"""Building detectors, and what importing ultralytics must not do."""

import json
import subprocess
import sys

import pytest
import torch

from ferret.errors import WeightsError
from tools.detector_model import build_detector, model_yaml

SPY = """
import os, socket, sys, json
asked = []
real = socket.getaddrinfo
socket.getaddrinfo = lambda *a, **k: asked.append(a[0]) or real(*a, **k)
os.environ.pop("OMP_NUM_THREADS", None); os.environ.pop("YOLO_CONFIG_DIR", None)
from tools.detector_model import import_ultralytics
import_ultralytics()
from ultralytics.utils import ONLINE, SETTINGS, SETTINGS_FILE
print(json.dumps({"asked": asked, "threads": os.environ.get("OMP_NUM_THREADS"), "online": ONLINE,
    "sync": SETTINGS["sync"], "file": str(SETTINGS_FILE), "safe": os.environ["ULTRALYTICS_SAFE_LOAD"],
    "font": (SETTINGS_FILE.parent / "Arial.ttf").is_file(), "home": sorted(os.listdir(os.environ["HOME"]))}))
"""


def test_import_has_no_side_effects(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))}
    run = subprocess.run([sys.executable, "-c", SPY], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)  # and nothing else is printed
    assert run.stderr == ""
    assert seen["asked"] == []
    assert seen["online"] is False
    assert seen["sync"] is False
    assert seen["threads"] is None
    assert seen["safe"] == "1"
    assert "ferret-ultralytics-" in seen["file"]
    assert seen["font"]
    assert seen["home"] == []


def test_model_description() -> None:
    yaml = model_yaml("yolo11", 7, "s")
    assert (yaml["nc"], yaml["scale"]) == (7, "s")
    assert json.loads(json.dumps(yaml)) == yaml
    with pytest.raises(WeightsError, match="no model description 'yolo99'"):
        model_yaml("yolo99", 7)
    with pytest.raises(WeightsError, match="no scale 'q'"):
        model_yaml("yolo11", 7, "q")


def test_build_and_run() -> None:
    yaml = model_yaml("yolo11", 7)
    model = build_detector(yaml)
    assert not model.training
    with torch.inference_mode():
        out = model(torch.zeros(2, 3, 64, 96))[0]
    assert out.shape == (2, 4 + 7, (64 * 96) // 64 + (64 * 96) // 256 + (64 * 96) // 1024)
    assert yaml == model_yaml("yolo11", 7)  # the description is not written to


@pytest.mark.parametrize(
    "yaml",
    [
        {},
        {"nc": 3, "backbone": [], "head": []},
        {"nc": 3, "backbone": [[-1, 1, "Nothing", [64, 3, 2]]], "head": []},
        {"nc": 3, "backbone": [[-1, 1, "Conv", ["__import__('os').abort()", 3, 2]]], "head": []},
        {"nc": 3, "activation": "__import__('os').abort()", "backbone": [[-1, 1, "Conv", [64, 3, 2]]], "head": []},
    ],
)
def test_a_bad_description_is_refused_and_not_evaluated(yaml: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match="does not build"):
        build_detector(yaml)
