"""Speaking on a frozen encoder: the arms of the claims about joint training, dense labels and hints.

Two stages, as in Ferret-v2 (ferret-spec 5). The stage of dense labels (its stage II) is the recipe's first stage with
encoder and words frozen: in scenes of about ten objects every region, and every image token, learns the name (dense
referring) and the box (dense detection) of what it shows; projector and sampler train. The stage of instructions is the
recipe's second stage with the encoder frozen and a language model that begins anew; of its second losses only that on
boxes stays, for no gradient of the words reaches the head that writes them. Names have to be learned from words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.ablations.asking import Asked, measure
from training.ablations.evidence import FIRST
from training.ablations.figures import write_figures
from training.ablations.sight import WORDS, give_sight
from training.instructions import TASK_NAMES
from training.looking import LookTask, box_losses, token_labels
from training.nano import WEIGHTS
from training.scenes import SceneSettings
from training.speaking import Lesson, SpeakTask

QUESTIONS = 8  # about a picture
LENGTH = 640  # of a picture's questions; more than any eight of these tasks take, so that all arms learn from as many
SCENES = SceneSettings(objects=(1, 4), side=(224, 320), scale=(0.16, 0.5), sign=0.1, repeat=0.2)


@dataclass
class DenseTask(LookTask):
    """Dense labels for projector and sampler, on the frozen encoder of the model in folder `weights`."""

    weights: Path = WEIGHTS

    def setup(self, device: torch.device) -> nn.Module:
        looker = super().setup(device)
        give_sight(self._looker.model, self.weights)
        self._looker.model.model.vision_tower.eval()
        return looker

    def learning_rate(self, name: str) -> float:
        learns = name.startswith(("model.model.projector.", "model.model.region_sampler."))
        return 1.0 if learns or name == "background" else 0.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        """Keep all but the language model; unlike the recipe's first stage, leave the words as they are."""
        del module  # that which was set up
        state = self._looker.model.state_dict()
        kept = {name: value for name, value in state.items() if name == WORDS or "language_model" not in name}
        save_file({name: value.contiguous() for name, value in kept.items() if name != "lm_head.weight"}, self.output)
        write_figures(folder, {})  # what it taught shows in the arms that start from it


@dataclass
class InstructTask(SpeakTask):
    """Instructions for projector, sampler and language model, on the frozen encoder.

    Attributes:
        tasks: what is asked, and how often each; nothing else is.
        asked: what is measured at the end.
        scenes: how many questions of each kind are asked at the end.
        weights: folder of the model whose encoder and words are used when there is no `start`.
    """

    start: Path | None = None
    tasks: Mapping[str, float] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    scenes: int = 400
    weights: Path = WEIGHTS
    settings: SceneSettings = SCENES
    length: int = LENGTH
    questions: int = QUESTIONS
    unfreeze: float = 2.0
    vision_rate: float = 0.0

    def __post_init__(self) -> None:
        self.curriculum = (Lesson(1.0, self.settings.objects, {**dict.fromkeys(TASK_NAMES, 0.0), **self.tasks}),)

    def setup(self, device: torch.device) -> nn.Module:
        module = super().setup(device)
        if self.start is None:
            give_sight(self._model, self.weights)
            with torch.no_grad():
                for layer in (self._model.model.projector.layers[0], self._model.model.region_sampler.output):
                    layer.weight.mul_(FIRST)
        return module

    def _looking(self, tokens: Tensor, regions: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """The first stage's loss on the boxes of tokens [N, 49, D] alone, and their mean IoU."""
        del regions
        share, target = token_labels(batch["owners"], batch["boxes"], len(self._maker.names))
        full = share[..., -1] < 0.7
        loss, iou = box_losses(self._model.model.projector.box(tokens[full]).float(), target[full])
        return loss, {"token_iou": iou}

    def finish(self, module: nn.Module, folder: Path) -> None:
        del module  # that which was set up
        write_figures(folder, measure(self._model, self._maker, self.asked, self.scenes))
