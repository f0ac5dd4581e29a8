"""A checkpoint made ready to train: parts, precisions, adapters, 4-bit layers, and the batch of nothing."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ferret.checkpoints import load_model
from ferret.errors import TrainingError, WeightsError
from training.tuning.model import blank_batch, load_config, load_tunable, trained_parameters
from training.tuning.settings import Part, TuneSettings

sys.path.insert(0, str(Path(__file__).parent))
from tiny_ferret import tiny_settings, write_checkpoint

CPU = torch.device("cpu")
PARITY = Path(__file__).parents[2] / "fixtures" / "parity" / "model"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint to start from."""
    return write_checkpoint(tmp_path_factory.mktemp("start"))


def settings(start: Path, **changes: Any) -> TuneSettings:
    return tiny_settings(start, Path("nowhere"), **changes)


@pytest.mark.parametrize("part", Part)
def test_every_parameter_belongs_to_one_part(start: Path, part: Part) -> None:
    model = load_model(start)
    mine = trained_parameters(model, settings(start, parts=[part]))
    others = trained_parameters(model, settings(start, parts=[other for other in Part if other is not part]))
    assert mine
    assert mine.isdisjoint(others)
    assert mine | others == {name for name, _ in model.named_parameters()}


def test_tied_embeddings_are_one_parameter() -> None:
    model = load_model(Path("ferret/weights/ferret-nano").resolve())
    names = trained_parameters(model, settings(Path("ferret-nano"), parts=["embeddings"]))
    assert names == {"model.language_model.embed_tokens.weight"}


@pytest.mark.parametrize(("precision", "frozen"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_what_trains_is_exact_and_what_is_frozen_is_small(start: Path, precision: str, frozen: torch.dtype) -> None:
    tunable = load_tunable(settings(start, parts=["projector"], precision=precision), CPU)
    for parameter in tunable.module.parameters():
        assert parameter.dtype == (torch.float32 if parameter.requires_grad else frozen)
    assert tunable.dtype == torch.float32


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_what_batch_normalisation_keeps_goes_with_its_weights(precision: str) -> None:
    """The embedded weights are stored in half precision, statistics included."""
    tunable = load_tunable(settings(Path("ferret-nano"), parts=["projector"], precision=precision), CPU)
    layers = [layer for layer in tunable.module.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert layers
    for layer in layers:
        assert layer.running_mean is not None
        assert layer.running_mean.dtype == layer.weight.dtype


def test_a_frozen_encoder_draws_nothing_at_random(start: Path) -> None:
    assert not load_tunable(settings(start), CPU).module.ferret.model.vision_tower.training
    assert load_tunable(settings(start, parts=["vision"]), CPU).module.ferret.model.vision_tower.training


def test_adapters_lie_beside_every_linear_layer_of_the_language_model(start: Path) -> None:
    module = load_tunable(settings(start, parts=["language"], adapter="lora", rank=3, alpha=6), CPU).module
    beside = {name.partition(".lora_A.")[0] for name, _ in module.named_parameters() if ".lora_A." in name}
    language = module.ferret.model.language_model
    linear = {name for name, layer in language.named_modules() if hasattr(layer, "lora_A")}
    assert beside == {f"ferret.model.language_model.{name}" for name in linear}
    assert len(linear) == 2 * 7
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    assert all("lora_" in name and p.dtype == torch.float32 for name, p in trained)
    layer: Any = language.layers[0].self_attn.q_proj
    assert layer.lora_A["default"].weight.shape == (3, 64)
    assert layer.scaling["default"] == 2.0


def test_4_bit_layers_are_small_and_close(start: Path) -> None:
    pytest.importorskip("bitsandbytes")
    module = load_tunable(settings(start, parts=["language"], adapter="qlora"), CPU).module
    plain = load_model(start).model.language_model.layers[0].mlp.down_proj
    layer: Any = module.ferret.model.language_model.layers[0].mlp.down_proj
    assert layer.base_layer.weight.dtype == torch.uint8
    assert layer.base_layer.weight.numel() == plain.weight.numel() / 2
    assert layer.base_layer.weight.quant_type == "nf4"
    assert type(module.ferret.lm_head) is nn.Linear
    x = torch.randn(5, 128)
    exact = plain(x)
    assert 0 < (layer(x) - exact).abs().max() < 0.3 * exact.abs().max()


def test_the_blank_batch_uses_all_that_trains_and_changes_nothing(start: Path) -> None:
    tunable = load_tunable(settings(start, parts=list(Part)), CPU)
    losses, sources = tunable.module(blank_batch(tunable))
    assert losses.shape == sources.shape == (0,)
    losses.sum().backward()
    layers = tunable.module.ferret.model.vision_tower.named_parameters()
    unread = {f"ferret.model.vision_tower.{name}" for name, _ in layers if ".layers.1." in name or "post_layer" in name}
    for name, parameter in tunable.module.named_parameters():
        if name not in unread:  # the encoder's last layer is not read
            assert parameter.grad is not None, name
            assert not parameter.grad.any(), name


def test_the_blocks_are_the_layers(start: Path) -> None:
    module = load_tunable(settings(start), CPU).module
    names = [type(block).__name__ for block in module.blocks()]
    assert names == ["CLIPVisionEmbeddings", *["CLIPEncoderLayer"] * 2, *["LlamaDecoderLayer"] * 2]


def test_packing_needs_an_attention_that_masks(start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.tuning import model as module

    def eager(folder: Path) -> Any:
        found: Any = load_model(folder)
        found.set_attn_implementation("eager")
        return found

    monkeypatch.setattr(module, "load_model", eager)
    with pytest.raises(TrainingError, match="set pack=false"):
        load_tunable(settings(start), CPU)
    assert load_tunable(settings(start, pack=False), CPU)


def test_the_configuration_is_read_without_weights(start: Path, tmp_path: Path) -> None:
    found: Any = load_config(start)
    expected: Any = load_model(start).config
    assert found.sampler_shape == expected.sampler_shape
    assert found.text_config.vocab_size == expected.text_config.vocab_size
    assert (found.image_token_id, found.region_token_id) == (expected.image_token_id, expected.region_token_id)
    released = Path(shutil.copytree(PARITY / "checkpoint", tmp_path / "released"))
    with pytest.raises(WeightsError, match="put it into the sub-folder 'vision_tower'"):
        load_config(released)
    shutil.copytree(PARITY / "clip", released / "vision_tower")
    for weights in released.glob("*.safetensors"):
        weights.unlink()
    config = load_config(released)
    assert (config.image_token_id, config.region_token_id, config.num_image_tokens) == (-200, 420, 64)
