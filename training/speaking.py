"""The second stage of ferret-nano: learning to speak about what it sees and what is pointed at.

Projector, region sampler and language model learn from instructions; the encoder of the first stage joins them, slowly,
once the language model has something to teach it (from the first step on it would only be damaged).
One picture carries as many questions as fit behind its image tokens: each question sees the picture and itself, not its
neighbours, and starts at the same position, exactly as it will stand alone when somebody asks it.

What the first stage learned goes on being asked for beside the words: the vectors of image tokens and of a few regions
have to stay near the embeddings of their names, which keeps names, tokens and regions in one space while all three
move, and lets the encoder go on learning names from every object in sight.

Two things make a small model ground (shared experience with such models): pictures begin almost empty and fill up, so
that reading a place is learned before finding it among others; and a coordinate that is nearly right is nearly right to
the loss, too.

Command: `ferret train nano`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ferret.errors import TrainingError
from training.art import load_art
from training.gazing import gaze_loss, gaze_targets, name_loss, name_targets, token_objects
from training.instructions import DEFAULT_WEIGHTS, make_instructions
from training.looking import (
    PLAIN,
    SHARPNESS,
    box_losses,
    cell_labels,
    cell_objects,
    length,
    name_vectors,
    region_points,
    token_labels,
)
from training.loop import Draw
from training.nano import MERGE, WEIGHTS, name_tokens, new_nano, number_tokens, save_nano, to_model_size, to_pixels
from training.question_packs import Packed, object_boxes, pack_questions, packed_mask
from training.scenes import SceneMaker, SceneSettings

SOFTNESS = 8.0  # bins; the deviation of a coordinate's soft label
NEAR = 25  # bins; a coordinate this close counts as right in the log
LOOKING = 0.5  # the weight of the first stage's losses beside the words
GAZING = 1.0  # the weight of where attention looks
HIDDEN = -1e9  # what is added to the attention to a token that may not be seen
LOOKS = 4  # objects a picture that are named by their region for it


@dataclass(frozen=True)
class Lesson:
    """A part of the curriculum: up to which share of the run, on how many objects, and what is asked how often."""

    until: float
    objects: tuple[int, int]
    emphasis: dict[str, float] = field(default_factory=dict)


GROUNDING_FIRST = {
    "ground_one": 4.0, "ground_all": 1.5, "exist": 2.0, "dense_detect": 1.2, "describe": 0.1, "list": 0.2,
}  # fmt: skip
NAMES_FIRST = {
    "refer_point": 4.0, "refer_box": 4.0, "refer_mask": 4.0, "refer_hint": 2.0, "ground_one": 4.0, "ground_all": 0.5,
    "dense_detect": 0.3, "describe": 0.0, "list": 0.1, "count": 0.3, "relate": 0.3, "read": 0.2,
}  # fmt: skip
CURRICULUM = (
    Lesson(0.10, (1, 3), NAMES_FIRST),
    Lesson(0.55, (2, 5), GROUNDING_FIRST),
    Lesson(1.00, (1, 8), {"ground_one": 2.0}),
)


@dataclass
class SpeakTask:
    """A `training.loop.Task` over instructions on scenes."""

    start: Path | None = Path("runs/nano-look/look.safetensors")
    output: Path = WEIGHTS
    length: int = 250
    questions: int = 14
    curriculum: tuple[Lesson, ...] = CURRICULUM
    settings: SceneSettings = field(
        default_factory=lambda: SceneSettings(
            side=(224, 320), scale=(0.13, 0.5), sign=0.1, repeat=0.35, restyle=0.4, turned=0.4
        )
    )
    vision_rate: float = 0.3
    unfreeze: float = 0.35

    def setup(self, device: torch.device) -> nn.Module:
        if self.start is not None and not self.start.exists():
            raise TrainingError(f"{self.start} is missing: run 'ferret train nano', whose first stage makes it")
        self._maker = SceneMaker(load_art("train"), self.settings)
        self._device = device
        model = new_nano()
        if self.start is not None:
            _start_from(model, self.start)
        self._model: Any = model.to(device)  # type: ignore[arg-type]  # the stub knows no devices
        self._model.train()
        # It tells where it looked; and on a CPU it is a fifth faster than the fused kernel, which is slow under a mask.
        self._model.model.language_model.set_attn_implementation("eager")
        self._model.model.vision_tower.eval()
        numbers = torch.arange(1000.0)
        spread = torch.exp(-0.5 * ((numbers[:, None] - numbers[None]) / SOFTNESS) ** 2)
        self._spread = (spread / spread.sum(-1, keepdim=True)).to(device)
        self._first_number = int(number_tokens()[0])
        self._names = [table.to(device) for table in name_tokens()]
        module: nn.Module = self._model
        return module

    def lesson(self, progress: float) -> Lesson:
        return next((lesson for lesson in self.curriculum if progress < lesson.until), self.curriculum[-1])

    def batch(self, draw: Draw) -> dict[str, Any]:
        """Packed pictures of the lesson that the curriculum has reached."""
        rng = np.random.default_rng(draw.seed)
        lesson = self.lesson(draw.progress)
        settings = SceneSettings(**{**vars(self.settings), "objects": lesson.objects})
        weights = {**DEFAULT_WEIGHTS, **lesson.emphasis}
        images: list[np.ndarray] = []
        packs: list[Packed] = []
        owners, boxes, objects, looks, look_index, categories = [], [], [], [], [], []
        while len(packs) < draw.size:
            scene = self._maker.make(int(rng.integers(1 << 40)), settings)
            instructions = make_instructions(scene, rng, self.questions, weights)
            height, width = scene.ids.shape
            pack = pack_questions(instructions, (width, height), self.length, object_boxes(scene))
            if pack.tasks:
                cell_names, cell_boxes = cell_labels(scene, len(self._maker.names))
                owners.append(cell_names)
                boxes.append(cell_boxes)
                objects.append(cell_objects(scene))
                for number in rng.permutation(len(scene.objects))[:LOOKS]:
                    looks.append(torch.from_numpy(region_points(scene, int(number), rng)))
                    look_index.append(len(packs))
                    categories.append(scene.objects[number].category)
                images.append(to_model_size(scene.image))
                packs.append(pack)
        length = max(len(pack.ids) for pack in packs)

        def padded(name: str, fill: float, dtype: torch.dtype) -> Tensor:
            rows = [np.pad(getattr(p, name), (0, length - len(p.ids)), constant_values=fill) for p in packs]
            return torch.from_numpy(np.stack(rows)).to(dtype)

        where, wanted = gaze_targets([pack.gazes for pack in packs], int(np.max(objects)))
        points = [point for pack in packs for point in pack.points]
        index = [i for i, pack in enumerate(packs) for _ in pack.points]
        return {
            "pixels": to_pixels(images),
            "ids": padded("ids", 0, torch.long), "labels": padded("labels", -100, torch.long),
            "weights": padded("weights", 0, torch.float32), "segments": padded("segments", -1, torch.long),
            "positions": padded("positions", 0, torch.long), "soft": padded("soft", 0, torch.bool),
            "points": torch.stack(points) if points else torch.zeros(0, 128, 2), "index": torch.tensor(index).long(),
            "look_points": torch.stack(looks), "look_index": torch.tensor(look_index),
            "categories": torch.tensor(categories), "owners": torch.from_numpy(np.stack(owners)),
            "boxes": torch.from_numpy(np.stack(boxes)), "objects": torch.from_numpy(np.stack(objects)),
            "gaze_where": where, "gaze_wanted": wanted, "gaze_names": name_targets([pack.gazes for pack in packs]),
            "tasks": [pack.tasks for pack in packs],
        }  # fmt: skip

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        tasks = batch.pop("tasks")
        batch = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        model = self._model.model
        with torch.set_grad_enabled(progress >= self.unfreeze):
            cells = model.vision_tower(batch["pixels"]).last_hidden_state
        projected = model.projector.project(cells, model.config.feature_grid)
        asked = len(batch["points"])  # the others are named for the first stage's sake
        points = torch.cat([batch["points"], batch["look_points"]])
        regions = model.get_region_features(cells, points, torch.cat([batch["index"], batch["look_index"]]))
        looking, looked = self._looking(projected, regions[asked:], batch)
        embeds = model.embed(batch["ids"], model.projector.write_places(projected), regions[:asked] if asked else None)
        spoken = model.language_model(
            inputs_embeds=embeds, attention_mask=torch.where(packed_mask(batch["segments"]), 0.0, HIDDEN),
            position_ids=batch["positions"], use_cache=False, output_attentions=True,
        )  # fmt: skip
        hidden = spoken.last_hidden_state
        shown = token_objects(batch["objects"], MERGE, batch["gaze_wanted"].shape[1] - 1)
        first_token = int((batch["ids"][0] == model.config.image_token_id).nonzero()[0])
        gazing, gazed = gaze_loss(spoken.attentions, batch["gaze_where"], batch["gaze_wanted"], shown, first_token)
        where = batch["labels"][:, 1:] != -100  # the next token is an answer's
        target, weight = batch["labels"][:, 1:][where], batch["weights"][:, 1:][where]
        soft = batch["soft"][:, 1:][where]
        logits = self._model.lm_head(hidden[:, :-1][where]).float()
        log_probability = logits.log_softmax(-1)
        first = self._first_number
        hard_loss = -log_probability[~soft].gather(-1, target[~soft, None]).squeeze(-1)
        spread = self._spread[target[soft] - first]
        soft_loss = -(spread * log_probability[soft, first : first + 1000]).sum(-1)
        loss = ((hard_loss * weight[~soft]).sum() + (soft_loss * weight[soft]).sum()) / weight.sum()
        gazing = gazing + name_loss(spoken.attentions, batch["gaze_names"])
        loss = loss + LOOKING * looking + GAZING * gazing
        with torch.no_grad():
            guess = logits.argmax(-1)
            right = torch.where(soft, (guess - target).abs() <= NEAR, guess == target)
            figures = self._figures(batch["segments"][:, 1:][where], where, right, soft, tasks)
        return loss, {**figures, **looked, "gazed": gazed}

    def _looking(self, tokens: Tensor, regions: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """The first stage's loss on the names and boxes of tokens [N, 49, D] and on the names of regions [R, D]; and
        the share of regions whose own name is the nearest, and the tokens' mean IoU."""
        names = name_vectors(self._model, *self._names)
        share, target = token_labels(batch["owners"], batch["boxes"], len(names))
        full = share[..., -1] < 0.7
        box_loss, iou = box_losses(self._model.model.projector.box(tokens[full]).float(), target[full])
        share = share[..., :-1]
        token_loss = -(share * (tokens.float() @ names.T * SHARPNESS).log_softmax(-1)).sum() / share.sum()
        logits = regions.float() @ names.T * SHARPNESS
        loss = token_loss + box_loss + functional.cross_entropy(logits, batch["categories"])
        loss = loss + PLAIN * (length(tokens) + length(regions))
        return loss, {"named": float((logits.argmax(-1) == batch["categories"]).float().mean()), "token_iou": iou}

    @staticmethod
    def _figures(
        segments: Tensor, where: Tensor, right: Tensor, soft: Tensor, tasks: list[list[str]]
    ) -> dict[str, float]:
        """Share of the answers whose words, and of the boxes whose coordinates, are all right, by task."""
        row = where.nonzero()[:, 0]
        key = (row * 1000 + segments).cpu().numpy()
        good, is_soft = right.cpu().numpy(), soft.cpu().numpy()
        words: dict[str, list[float]] = {}
        places: dict[str, list[float]] = {}
        for value in np.unique(key):
            mine = key == value
            task = tasks[value // 1000][value % 1000 - 1].removeprefix("refer_")
            words.setdefault(task, []).append(float(good[mine & ~is_soft].all()))
            if (mine & is_soft).any():
                places.setdefault(f"{task}@", []).append(float(good[mine & is_soft].mean()))
        return {name: float(np.mean(values)) for name, values in {**words, **places}.items()}

    def learning_rate(self, name: str) -> float:
        if "embed_tokens" in name:
            return 0.1  # names are what the first stage tied pictures to: moving fast, they would leave them behind
        return self.vision_rate if "vision_tower" in name else 1.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        del folder
        save_nano(module, self.output)  # type: ignore[arg-type]


def _start_from(model: nn.Module, path: Path) -> None:
    """Load what the first stage learned; only the layers of the language model may be missing from it.

    Raises:
        TrainingError: the file is of another model.
    """
    try:
        missing, unexpected = model.load_state_dict(load_file(path), strict=False)
    except RuntimeError as error:
        raise TrainingError(f"{path} is of a model of another shape: remove it and train again") from error
    untaught = [name for name in missing if "language_model" not in name and name != "lm_head.weight"]
    if untaught or unexpected:
        raise TrainingError(f"{path} does not fit this model ({', '.join([*untaught, *unexpected][:3])} ...)")
