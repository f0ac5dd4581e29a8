"""The models that one agent works with: Ferret and its instruments, each loaded once, on first use.

Nothing is loaded that a plan does not need: a question without reading never imports an OCR library. The models
themselves are owned by `tools.registry` and shared by every agent of the process.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from agent.lexicon import Lexicon
from agent.settings import Thresholds
from ferret.errors import RequestError, ToolError

if TYPE_CHECKING:
    from agent.calibration import Calibration
    from ferret.engine import Engine
    from tools.detector import Detector
    from tools.ocr import TextReader
    from tools.sam import Segmenter
    from tools.world import World

ToolName = Literal["detector", "ocr", "sam"]
DEFAULT_MODEL = "ferret-nano"
# The conversation template of weights that answer in short fixed forms.
TRAINED_FORMS = "ferret_nano"


class Instruments:
    """Ferret under the name or folder `model`, and the detector, the text reader and the segmenter beside it.

    `loaders` replaces single ones by name ("ferret", "detector", "ocr", "sam"): this is how other weights, or
    instruments of one's own with the same methods, come in.
    """

    def __init__(
        self,
        model: str | None = None,
        device: str | None = None,
        loaders: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        self.model = DEFAULT_MODEL if model is None else model
        self.device = device
        own = {"ferret": self._engine, "detector": self._detector, "ocr": self._reader, "sam": self._segmenter}
        unknown = set(loaders or ()) - set(own)
        if unknown:
            raise RequestError(f"there is no instrument {min(unknown)!r}; there are {', '.join(own)}")
        self._given = dict(loaders or {})
        self._loaders: dict[str, Callable[[], Any]] = {**own, **self._given}
        self._instances: dict[str, Any] = {}
        self._ready: set[str] = set()
        self._lexicon: Lexicon | None = None
        self._calibration: Calibration | None = None
        self._world: World | None = None
        # Two threads that import one large library at once can meet half-initialised modules: one loads at a time.
        self._loading = threading.RLock()

    @property
    def engine(self) -> "Engine":
        """Ferret. Raises `WeightsError` when its weights are unknown or damaged."""
        return cast("Engine", self.ready("ferret"))

    @property
    def detector(self) -> "Detector":
        """What finds objects. Raises `ToolError` when it cannot be loaded, as all instruments do."""
        return cast("Detector", self.ready("detector"))

    @property
    def reader(self) -> "TextReader":
        """What reads text."""
        return cast("TextReader", self.ready("ocr"))

    @property
    def segmenter(self) -> "Segmenter":
        """What cuts out masks."""
        return cast("Segmenter", self.ready("sam"))

    def check_model(self) -> None:
        """Raises `WeightsError` when Ferret's weights are not there; loads nothing."""
        # The embedded weights come with the package; finding that out would import torch before the request is checked.
        if "ferret" not in self._given and self.model != DEFAULT_MODEL:
            from ferret.engine import find_weights

            find_weights(self.model)

    def speaks_freely(self) -> bool:
        """Whether Ferret answers in prose of its own about anything, as large weights do; the embedded ones answer in
        the short forms of their training, about the names that they know.
        """
        return self.model != DEFAULT_MODEL and self.engine.processor.conversation.name != TRAINED_FORMS

    def lexicon(self) -> Lexicon:
        """The words for what the detector knows; empty when it cannot be used, so that Ferret answers alone."""
        with self._loading:
            if self._lexicon is None:
                try:
                    self._lexicon = Lexicon(self.made("detector").labels)
                except ToolError:
                    self._lexicon = Lexicon(())
            return self._lexicon

    @property
    def embedded(self) -> bool:
        """Whether all of these are the weights that come with the package, with which everything was measured."""
        return self.model == DEFAULT_MODEL and not self._given

    def calibration(self) -> "Calibration | None":
        """How probable answers of these weights are to be right; None where that was not measured."""
        with self._loading:
            if "calibration" not in self._ready:
                from agent.calibration import load_calibration

                self._calibration = load_calibration() if self.embedded else None
                self._ready.add("calibration")
            return self._calibration

    def world(self) -> "World | None":
        """What tells pictures that these weights know nothing about; None where there is no such thing for them."""
        with self._loading:
            if "world" not in self._ready:
                from tools.world import load_world

                self._world = load_world() if self.embedded else None
                self._ready.add("world")
            return self._world

    def sibling(self, model: str) -> "Instruments":
        """The same instruments beside other weights for Ferret."""
        shared = {name: partial(self.made, name) for name in ("detector", "ocr", "sam")}
        return Instruments(model, self.device, shared)

    def ready(self, name: str) -> Any:
        """The instrument called so, with its model loaded. Raises `ToolError` when it cannot be."""
        with self._loading:
            instrument = self.made(name)
            if name not in self._ready:
                if hasattr(instrument, "load") and name != "ferret":
                    instrument.load()
                self._ready.add(name)
            return instrument

    def made(self, name: str) -> Any:
        """The instrument called so, whose model may still lie on the disk."""
        with self._loading:
            if name not in self._instances:
                self._instances[name] = self._loaders[name]()
            return self._instances[name]

    def _engine(self) -> Any:
        from ferret.engine import Engine
        from tools.registry import registry

        return registry.get(
            "engine", f"{self.model} {self.device}", lambda: Engine.load(self.model, device=self.device)
        )

    def _detector(self) -> Any:
        from tools.detector import Detector
        from tools.registry import registry

        # The agent weighs weak detections itself, so it wants to see them.
        floor = Thresholds().floor
        return registry.get(
            "detector", f"agent {self.device}", lambda: Detector(device=self.device, score_threshold=floor)
        )

    def _reader(self) -> Any:
        from tools.registry import registry

        return registry.reader()

    def _segmenter(self) -> Any:
        from tools.registry import registry

        return registry.segmenter()
