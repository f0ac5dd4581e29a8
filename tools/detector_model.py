"""Building an ultralytics detector without its side effects.

Importing ultralytics resolves host names, writes a settings file, may install packages and sets OMP_NUM_THREADS.
Everything here imports it through `import_ultralytics`, which switches that off first: no network, no automatic
installs, restricted checkpoint loading, settings kept in a private folder of this process, the caller's thread count
untouched.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ferret.errors import ToolError, WeightsError

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

_LOGGERS = ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
_lock = threading.Lock()


def import_ultralytics(module: str = "ultralytics.nn.tasks") -> ModuleType:
    """Import a module of ultralytics offline and quietly.

    Raises:
        ToolError: it is not installed.
    """
    with _lock:
        if "ultralytics" not in sys.modules:
            _prepare()
        threads = os.environ.get("OMP_NUM_THREADS")
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            raise ToolError(
                f"ultralytics cannot be imported ({error}): pip install ultralytics-opencv-headless"
            ) from error
        finally:
            if threads is None:
                os.environ.pop("OMP_NUM_THREADS", None)
        logging.getLogger("ultralytics").setLevel(logging.WARNING)
        return found


def _prepare() -> None:
    """Set what ultralytics reads at import; the network and the settings folder stay as the user has set them."""
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "1"  # no pickled code, no eval of model descriptions
    os.environ.setdefault("YOLO_OFFLINE", "1")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    if "YOLO_CONFIG_DIR" in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="ferret-ultralytics-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    settings = folder / "Ultralytics"
    settings.mkdir()
    # A complete file: a partial one is filled in with a warning, a missing one with uploading on.
    values: dict[str, str | bool] = {
        "settings_version": "0.0.8",
        "datasets_dir": str(folder / "datasets"),
        "weights_dir": str(folder / "weights"),
        "runs_dir": str(folder / "runs"),
        "uuid": "0" * 64,
        "api_key": "",
        "openai_api_key": "",
        **dict.fromkeys(("sync", *_LOGGERS, "vscode_msg", "openvino_msg"), False),
    }
    (settings / "settings.json").write_text(json.dumps(values))
    # Training asks for this font by name and would download it; any TrueType font with the name will do.
    font = _any_font()
    if font is not None:
        shutil.copyfile(font, settings / "Arial.ttf")


def _any_font() -> Path | None:
    """A TrueType font that is certainly on disk: matplotlib, which ultralytics needs, carries DejaVu."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return None
    font = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return font if font.is_file() else None


def build_detector(yaml: dict[str, Any]) -> DetectionModel:
    """Build an ultralytics detector from its model description, with random weights, in evaluation mode.

    `yaml` is the content of a model file (`yolo11.yaml` and the like) with `nc` set and, where it has several scales,
    `scale` naming one. The model maps RGB float [B, 3, H, W] in 0..1 (sides multiples of 32) to boxes and class scores.

    Raises:
        WeightsError: the description does not build.
    """
    tasks = import_ultralytics()
    try:
        model: DetectionModel = tasks.DetectionModel(deepcopy(yaml), ch=3, nc=yaml.get("nc"), verbose=False)
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError, NameError) as error:
        raise WeightsError(f"the detector's model description does not build: {error}") from error
    model.eval()
    return model


def model_yaml(name: str, classes: int, scale: str = "n") -> dict[str, Any]:
    """A model description that ultralytics ships (`yolo11`, `yolov8`, `yolo26`), set to `classes` classes and one
    scale.

    Raises:
        WeightsError: no such description.
    """
    package = import_ultralytics("ultralytics.utils")
    configs = Path(package.__file__ or "").parent.parent / "cfg" / "models"
    found = sorted(configs.glob(f"*/{name}.yaml"))
    if not found:
        raise WeightsError(f"ultralytics has no model description {name!r}; try 'yolo11'")
    import yaml

    values: dict[str, Any] = yaml.safe_load(found[0].read_text())
    if scale not in values.get("scales", {scale: None}):
        raise WeightsError(f"{name!r} has no scale {scale!r}; it has {', '.join(values['scales'])}")
    return {**values, "nc": classes, "scale": scale}
