"""Folders of weights: the released format, deltas, our own format, and everything that can be wrong with them."""

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ferret import checkpoints
from ferret.checkpoints import WeightFiles, apply_delta, convert_name, load_model, load_processor
from ferret.errors import WeightsError
from ferret.images import load_image

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"
RELEASED, CLIP = PARITY / "model" / "checkpoint", PARITY / "model" / "clip"


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


# -- deltas ------------------------------------------------------------------------------------------------------------


def test_a_delta_is_applied_to_the_bit(tmp_path: Path) -> None:
    merged = apply_delta(PARITY / "delta" / "base", PARITY / "delta" / "delta", tmp_path / "merged")
    ours, expected = WeightFiles(merged), WeightFiles(PARITY / "delta" / "target_expected")
    assert set(ours.files) == {name for name in expected.files if "inv_freq" not in name}
    for name in ours.files:
        assert ours.read(name).dtype == torch.float16
        assert torch.equal(ours.read(name), expected.read(name)), name
    assert (merged / "tokenizer.model").read_bytes() == (PARITY / "delta" / "delta" / "tokenizer.model").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]  # nothing is left beside it
    model = load_model(merged, vision_tower=CLIP)
    assert model.dtype == torch.float16
    assert load_processor(merged, model.config).region_token_id == 420


def test_a_delta_in_shards_is_the_same(tmp_path: Path) -> None:
    delta = copied(PARITY / "delta" / "delta", tmp_path / "delta")
    tensors = torch.load(delta / "pytorch_model.bin", weights_only=True)
    (delta / "pytorch_model.bin").unlink()
    weight_map = {}
    for number, names in enumerate((list(tensors)[::2], list(tensors)[1::2])):
        torch.save({name: tensors[name] for name in names}, delta / f"part-{number}.bin")
        weight_map.update(dict.fromkeys(names, f"part-{number}.bin"))
    (delta / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    ours = WeightFiles(apply_delta(PARITY / "delta" / "base", delta, tmp_path / "merged"))
    expected = WeightFiles(PARITY / "delta" / "target_expected")
    assert len(set(ours.files.values())) == 2
    for name in ours.files:
        assert torch.equal(ours.read(name), expected.read(name)), name
    assert load_model(tmp_path / "merged", vision_tower=CLIP).config.region_token_id == 420


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model.layers.0.mlp.up_proj.weight": torch.zeros(128, 32)}, r"\[128, 64\] in the base, \[128, 32\]"),
        ({"model.embed_tokens.weight": torch.zeros(400, 64)}, r"\[420, 64\] in the base, \[400, 64\]"),
        ({"model.layers.7.mlp.up_proj.weight": torch.zeros(128, 64)}, "which the base model lacks"),
    ],
)
def test_a_delta_for_another_base_is_refused(change: dict[str, torch.Tensor], message: str, tmp_path: Path) -> None:
    delta = copied(PARITY / "delta" / "delta", tmp_path / "delta")
    tensors = torch.load(delta / "pytorch_model.bin", weights_only=True)
    torch.save(tensors | change, delta / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=message):
        apply_delta(PARITY / "delta" / "base", delta, tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["delta"]


def test_a_delta_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(WeightsError, match="exists: name a new folder"):
        apply_delta(PARITY / "delta" / "base", PARITY / "delta" / "delta", tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


# -- the released format -----------------------------------------------------------------------------------------------


def test_a_released_folder_answers_from_picture_and_words(tmp_path: Path) -> None:
    """End to end from picture and prompt: our processor, our model, the released logits."""
    folder = copied(RELEASED, tmp_path / "any name will do")
    copied(CLIP, folder / "vision_tower")
    model = load_model(folder)
    processor = load_processor(folder, model.config)
    case = load_file(PARITY / "model" / "case2_no_region.safetensors")
    prompt = json.loads((PARITY / "model" / "manifest.json").read_text())["case2"]["prompt"]
    inputs = processor(images=load_image(PARITY / "model" / "image0.png"), text=prompt)
    assert torch.equal(inputs["pixel_values"], case["pixel_values"])
    with torch.inference_mode():
        logits = model(**inputs).logits
    assert (logits - case["logits"]).abs().max() < 1e-4


def test_pickled_and_safe_weights_are_the_same(tmp_path: Path) -> None:
    folder = copied(RELEASED, tmp_path / "released")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    first, second = load_model(RELEASED, vision_tower=CLIP), load_model(folder, vision_tower=CLIP)
    for (name, one), (_, other) in zip(first.named_parameters(), second.named_parameters(), strict=True):
        assert torch.equal(one, other), name


def test_released_settings_are_taken_over() -> None:
    config = load_model(RELEASED, vision_tower=CLIP).config
    shape = config.sampler_shape
    assert (shape.num_points, shape.stage_points, shape.neighbors) == (512, (128, 32), (24, 24))
    assert (shape.pooler, shape.transposed) == ("max", True)
    assert (config.image_token_id, config.region_token_id, config.num_image_tokens) == (-200, 420, 64)
    assert (config.vision_feature_layer, config.vision_feature_select) == (-2, "patch")


def test_the_dtype_is_kept_or_chosen() -> None:
    assert load_model(RELEASED, vision_tower=CLIP).dtype == torch.float32
    model = load_model(RELEASED, vision_tower=CLIP, dtype="bfloat16")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("lm_head.weight", "lm_head.weight"),
        ("model.embed_tokens.weight", "model.language_model.embed_tokens.weight"),
        ("model.layers.11.self_attn.q_proj.weight", "model.language_model.layers.11.self_attn.q_proj.weight"),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", None),
        ("model.vision_tower.vision_tower.vision_model.x", None),
        ("model.mm_projector.bias", "model.projector.layers.0.bias"),
        ("model.mm_projector.2.weight", "model.projector.layers.2.weight"),
        (
            "model.region_geo_sampler.agg_projector_list.1.net.0.weight",
            "model.region_sampler.stages.1.aggregate.weight",
        ),
        ("model.region_geo_sampler.agg_projector_list.0.norm.bias", "model.region_sampler.stages.0.norm.bias"),
        ("model.region_geo_sampler.dim_projector.weight", "model.region_sampler.output.weight"),
    ],
)
def test_names(name: str, ours: str | None) -> None:
    assert convert_name(name) == ours


@pytest.mark.parametrize("name", ["model.region_fea_adapter.weight", "transformer.h.0.weight", "lm_head"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(WeightsError, match="unknown tensor"):
        convert_name(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "ferret_llama"}, "'ferret_llama' models are not supported"),
        ({"region_geo_sampler": None}, "no region sampler"),
        ({"mm_projector_type": "resampler"}, "unknown projector 'resampler'"),
        ({"im_region_fea_token": None}, "no 'im_region_fea_token'"),
        ({"hidden_size": 128}, "do not fit their config.json"),
        ({"num_hidden_layers": 3}, "lack 9 tensors, the first is 'model.language_model.layers.2"),
    ],
)
def test_released_configurations_that_cannot_be_used(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    folder = copied(RELEASED, tmp_path / "released")
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(
        json.dumps({name: value for name, value in config.items() if value is not None})
    )
    with pytest.raises(WeightsError, match=message):
        load_model(folder, vision_tower=CLIP)


def test_a_missing_encoder_is_named(tmp_path: Path) -> None:
    folder = copied(RELEASED, tmp_path / "released")
    config = json.loads((folder / "config.json").read_text()) | {"mm_vision_tower": "openai/clip-vit"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="'openai/clip-vit' into the sub-folder 'vision_tower'"):
        load_model(folder)
    with pytest.raises(WeightsError, match="give the folder of the CLIP encoder"):
        load_model(folder, vision_tower=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="no encoder in"):
        load_model(folder, vision_tower=tmp_path / "empty")


# -- our format --------------------------------------------------------------------------------------------------------


def test_our_format_keeps_a_released_model(tmp_path: Path) -> None:
    model = load_model(RELEASED, vision_tower=CLIP)
    processor = load_processor(RELEASED, model.config)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again = load_model(tmp_path)
    for (name, one), (_, other) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert torch.equal(one, other), name
    text = "USER: <image>\nWhat is [1, 2] <region_fea>? ASSISTANT:"
    assert load_processor(tmp_path, again.config).tokenize(text) == processor.tokenize(text)


def test_missing_tensors_are_not_made_up(tmp_path: Path) -> None:
    load_model(RELEASED, vision_tower=CLIP).save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.projector.layers.0.bias"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lack 1 tensors, the first is 'model\.projector\.layers\.0\.bias'"):
        load_model(tmp_path)


def test_a_folder_without_processor_is_named(tmp_path: Path) -> None:
    model = load_model(RELEASED, vision_tower=CLIP)
    model.save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="no usable processor"):
        load_processor(tmp_path, model.config)


# -- damage and malice -------------------------------------------------------------------------------------------------


class Command:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    folder = copied(RELEASED, tmp_path / "released")
    (folder / "model.safetensors").unlink()
    harm = tmp_path / "harm"
    for protocol in (2, 4):
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"lm_head.weight": Command(harm)}, protocol=protocol))
        with pytest.raises(WeightsError, match="damaged or holds more than tensors"):
            load_model(folder, vision_tower=CLIP)
    torch.save({"lm_head.weight": Command(harm)}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="damaged or holds more than tensors"):
        load_model(folder, vision_tower=CLIP)
    assert not harm.exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"PK\x03\x04 not an archive"])
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_damaged_files_are_named(name: str, content: bytes, tmp_path: Path) -> None:
    folder = copied(RELEASED, tmp_path / "released")
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_model(folder, vision_tower=CLIP)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "names no tensors"),
        ({"weight_map": []}, "names no tensors"),
        ({"weight_map": {"a": "../model.safetensors"}}, "points outside its folder"),
        ({"weight_map": {"a": "gone.safetensors"}}, "missing"),
        ({"weight_map": {"a": "model.safetensors"}}, "lacks the tensor 'a'"),
    ],
)
def test_an_index_is_checked(index: dict[str, Any], message: str, tmp_path: Path) -> None:
    folder = copied(RELEASED, tmp_path / "released")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=message):
        WeightFiles(folder).read("a")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no config.json"),
        ("{", "cannot read"),
        ("[]", "not a JSON object"),
        ('{"model_type": "llama"}', "holds a 'llama' model, not a Ferret"),
        ('{"model_type": "ferret"}', "no weights in"),
    ],
)
def test_other_folders_are_named(config: str | None, message: str, tmp_path: Path) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(WeightsError, match=message):
        load_model(tmp_path)


def test_loading_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    model = load_model(RELEASED, vision_tower=CLIP)
    load_processor(RELEASED, model.config)
    assert capfd.readouterr() == ("", "")
    assert checkpoints.transformers_logging.is_progress_bar_enabled()
