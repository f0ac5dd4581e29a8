"""The model: parity with the released code on recorded cases, any encoder with any decoder, and its checks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForImageTextToText

from ferret.checkpoints import load_model
from ferret.configuration import FerretConfig
from ferret.modeling import FerretForConditionalGeneration, FerretModel
from ferret.projector import merge_tokens

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "model"
IMAGE, REGION = -200, 48

ENCODERS: dict[str, dict[str, Any]] = {
    "clip": {"model_type": "clip_vision_model", "intermediate_size": 32, "projection_dim": 8},
    "siglip": {"model_type": "siglip_vision_model", "intermediate_size": 32},
    "dinov2": {"model_type": "dinov2", "mlp_ratio": 2},
    "registers": {"model_type": "dinov2_with_registers", "mlp_ratio": 2, "num_register_tokens": 3},
}
DECODERS: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "num_key_value_heads": 2, "tie_word_embeddings": True},
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 2},
    "gpt_neox": {"model_type": "gpt_neox", "tie_word_embeddings": True},
}


def build(encoder: str = "clip", decoder: str = "llama", **changes: Any) -> FerretForConditionalGeneration:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = (
        {"model_type": "ferret_vision", "image_size": 32, "widths": [8, 8, 16], "hidden_size": 16, "attention_heads": 2}
        if encoder == "ours"
        else {"image_size": 32, "patch_size": 8, **sizes, **ENCODERS[encoder]}
    )
    text = {"vocab_size": 50, "intermediate_size": 32, "max_position_embeddings": 64, **sizes, **DECODERS[decoder]}
    values: dict[str, Any] = {
        "vision_config": vision,
        "text_config": text,
        "sampler": {"num_points": 16, "stage_points": [8, 4], "neighbors": 4},
        "region_token_id": REGION,
        "vision_feature_layer": -1 if encoder == "ours" else -2,
    }
    return FerretForConditionalGeneration(FerretConfig(**(values | changes))).eval()


def batch(model: FerretForConditionalGeneration) -> dict[str, torch.Tensor]:
    """Two prompts of one picture each, with two regions and with one."""
    image = [model.config.image_token_id] * model.config.num_image_tokens
    ids = [[1, 2, *image, 5, REGION, 6, REGION, 7], [1, 2, *image, 5, REGION, 6, 9, 7]]
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.ones(2, len(ids[0]), dtype=torch.long),
        "pixel_values": torch.randn(2, 3, 32, 32),
        "region_points": torch.rand(3, 16, 2),
        "region_image_index": torch.tensor([0, 0, 1]),
    }


# -- parity with the released code -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released() -> FerretForConditionalGeneration:
    return load_model(PARITY / "checkpoint", vision_tower=PARITY / "clip")


def expand(rows: torch.Tensor, fill: int = 64, value: int | None = None) -> torch.Tensor:
    """Released ids have one image token an image; ours have one for each of its 64 vectors."""
    wide = [[token for one in row.tolist() for token in ([one] * (fill if one == IMAGE else 1))] for row in rows]
    longest = max(map(len, wide))
    return torch.tensor([row + [0 if value is None else value] * (longest - len(row)) for row in wide])


def embed(model: FerretForConditionalGeneration, case: dict[str, torch.Tensor], images: int) -> torch.Tensor:
    """What goes into the language model, with the recorded points and starts."""
    feature_map, projected = model.get_image_features(case["pixel_values"][:images])
    regions = None
    if "sampled_points_xy" in case:
        points = case["sampled_points_xy"]
        starts = [case["stage0_fps_start"], case["stage1_fps_start"]]
        regions = model.model.region_sampler(feature_map, points, torch.zeros(len(points), dtype=torch.long), starts)
    return model.model.embed(expand(case["input_ids"]), projected, regions)


def test_case_1_two_regions(released: FerretForConditionalGeneration) -> None:
    case = load_file(PARITY / "case1_single_two_regions.safetensors")
    with torch.inference_mode():
        feature_map, _ = released.get_image_features(case["pixel_values"])
        assert (feature_map - case["vision_features"]).abs().max() < 1e-5
        starts = [case["stage0_fps_start"], case["stage1_fps_start"]]
        index = torch.zeros(2, dtype=torch.long)
        regions = released.model.region_sampler(feature_map, case["sampled_points_xy"], index, starts)
        assert (regions - case["region_features"]).abs().max() < 1e-5
        embeds = embed(released, case, 1)
        assert (released(inputs_embeds=embeds).logits - case["logits"]).abs().max() < 1e-4
        generated = released.generate(
            inputs_embeds=embeds,
            max_new_tokens=12,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
    assert generated.sequences[0].tolist() == case["greedy_ids"].tolist()
    assert (torch.cat(generated.logits) - case["greedy_step_logits"]).abs().max() < 1e-4


def test_case_1_regions_swapped_answer_differently(released: FerretForConditionalGeneration) -> None:
    case = load_file(PARITY / "case1_single_two_regions.safetensors")
    swapped = case | {
        name: case[name].flip(0) for name in ("sampled_points_xy", "stage0_fps_start", "stage1_fps_start")
    }
    with torch.inference_mode():
        logits = released(inputs_embeds=embed(released, swapped, 1)).logits
    assert (logits - case["logits"]).abs().max() > 1


def test_case_2_no_region(released: FerretForConditionalGeneration) -> None:
    case = load_file(PARITY / "case2_no_region.safetensors")
    with torch.inference_mode():
        logits = released(input_ids=expand(case["input_ids"]), pixel_values=case["pixel_values"]).logits
    assert (logits - case["logits"]).abs().max() < 1e-4


def test_case_3_training_batch(released: FerretForConditionalGeneration) -> None:
    """Two pictures and a text without one; right padding; the loss over the assistant's words."""
    case = load_file(PARITY / "case3_train_batch.safetensors")
    length = case["logits"].shape[1]
    ids = expand(case["input_ids"])[:, :length]
    counts = case["attention_mask"].sum(-1) + (case["input_ids"] == IMAGE).sum(-1) * 63
    mask = (torch.arange(length) < counts.unsqueeze(-1)).long()
    labels = torch.full((3, length), -100)
    for row in range(3):
        flat = [
            label
            for token, label in zip(case["input_ids"][row].tolist(), case["labels"][row].tolist(), strict=True)
            for label in ([-100] * 64 if token == IMAGE else [label])
        ]
        labels[row] = torch.tensor((flat + [-100] * length)[:length])
    with torch.inference_mode():
        embeds = embed(released, case, 2)[:, :length]
        output = released(inputs_embeds=embeds, attention_mask=mask, labels=labels)
    assert ids.shape == labels.shape
    assert float(output.loss) == pytest.approx(float(case["loss"]), abs=1e-5)
    real = mask.bool()
    assert (output.logits[real] - case["logits"][real]).abs().max() < 1e-4


# -- any encoder, any decoder ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoder", "decoder", "changes"),
    [
        ("clip", "llama", {"region_feature_mode": "add"}),
        ("siglip", "qwen2", {"projector_merge": 2}),
        ("dinov2", "gpt_neox", {"projector_type": "mlp2x_gelu", "image_token_id": 49}),
        ("registers", "llama", {"vision_feature_layer": -1}),
        ("ours", "llama", {"projector_merge": 2, "region_feature_mode": "add", "image_token_id": 49}),
        ("ours", "gpt_neox", {}),
    ],
)
def test_parts_compose(encoder: str, decoder: str, changes: dict[str, Any], tmp_path: Path) -> None:
    model = build(encoder, decoder, **changes)
    inputs = batch(model)
    assert model.config.num_image_tokens == 16 // model.config.projector_merge**2
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == model.config.tie_word_embeddings

    output = model(**inputs, labels=inputs["input_ids"].clamp(min=0))
    output.loss.backward()
    for part in (model.model.projector, model.model.region_sampler, model.model.language_model):
        for name, parameter in part.named_parameters():
            assert parameter.grad is not None, name

    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    assert type(again) is FerretForConditionalGeneration
    with torch.inference_mode():
        assert torch.equal(again(**inputs).logits, model(**inputs).logits)
        assert (again.lm_head.weight is again.get_input_embeddings().weight) == model.config.tie_word_embeddings

        # generate() with its cache, against running everything anew for each token.
        generated = model.generate(
            **inputs, max_new_tokens=4, min_new_tokens=4, do_sample=False, suppress_tokens=[48, 49]
        )
        ids = inputs["input_ids"]
        for _ in range(4):
            logits = model(**(inputs | {"input_ids": ids, "attention_mask": torch.ones_like(ids)})).logits[:, -1]
            logits[:, [2, 48, 49]] = -torch.inf
            if model.generation_config.eos_token_id is not None:
                logits[:, model.generation_config.eos_token_id] = -torch.inf
            ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], dim=1)
        assert torch.equal(generated[:, -4:], ids[:, -4:]) or 2 in generated[:, -4:]


def test_patches_are_the_last_tokens_of_the_map() -> None:
    """Class and register tokens come first and are left out, or kept for the language model alone."""
    model = build("registers", vision_feature_select="full")
    pixels = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        tokens = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-2]
        feature_map, projected = model.get_image_features(pixels)
    assert tokens.shape[1] == 16 + 1 + 3
    assert torch.equal(feature_map, tokens[:, 4:])
    assert projected.shape[1] == 20


def test_merging_takes_square_blocks() -> None:
    tokens = torch.arange(16).view(1, 16, 1)
    assert merge_tokens(tokens, (4, 4), 2).tolist() == [[[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]]
    assert merge_tokens(tokens, (2, 8), 2)[0, 1].tolist() == [2, 3, 10, 11]
    with pytest.raises(ValueError, match="does not divide the 4 x 4"):
        merge_tokens(tokens, (4, 4), 3)


# -- where images and regions go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_region_vectors_replace_or_join_the_token(mode: str) -> None:
    model = build(region_feature_mode=mode).model
    ids = torch.tensor([[1, REGION, 3], [REGION, 4, REGION]])
    vectors = torch.randn(3, 16)
    with torch.inference_mode():
        plain = model.get_input_embeddings()(ids)
        mixed = model.embed(ids, None, vectors)
    expected = plain.clone()
    for place, (row, column) in enumerate([(0, 1), (1, 0), (1, 2)]):
        expected[row, column] = vectors[place] + (plain[row, column] if mode == "add" else 0)
    assert torch.equal(mixed, expected)


def test_regions_belong_to_their_image() -> None:
    model = build()
    inputs = batch(model)
    with torch.inference_mode():
        logits = model(**inputs).logits
        other = model(**(inputs | {"region_image_index": torch.tensor([0, 0, 0])})).logits
        first = {name: value[:1] for name, value in inputs.items() if not name.startswith("region")}
        alone = model(**first, region_points=inputs["region_points"][:2]).logits
    assert torch.equal(logits[0], other[0])
    assert not torch.allclose(logits[1], other[1])
    assert torch.allclose(alone[0], logits[0], atol=1e-5)


def test_packed_samples_do_not_see_each_other() -> None:
    """A 4-D mask and positions go to the language model as they are: two questions share one picture in one row."""
    model = build()
    image = [IMAGE] * 16
    shared, first, second = [1, *image], [5, REGION, 7], [9, 8, REGION, 6]
    pixels, points = torch.randn(1, 3, 32, 32), torch.rand(2, 16, 2)
    length = len(shared + first + second)
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    mask[len(shared + first) :, len(shared) : len(shared + first)] = False
    positions = [*range(len(shared + first)), *range(len(shared), len(shared + second))]
    with torch.inference_mode():
        packed = model(
            input_ids=torch.tensor([shared + first + second]),
            pixel_values=pixels,
            attention_mask=mask.view(1, 1, length, length),
            position_ids=torch.tensor([positions]),
            region_points=points,
        ).logits[0]
        one = model(input_ids=torch.tensor([shared + first]), pixel_values=pixels, region_points=points[:1]).logits[0]
        two = model(input_ids=torch.tensor([shared + second]), pixel_values=pixels, region_points=points[1:]).logits[0]
    assert torch.allclose(packed[: len(shared + first)], one, atol=1e-5)
    assert torch.allclose(packed[len(shared + first) :], two[len(shared) :], atol=1e-5)


def test_maps_need_not_be_square() -> None:
    model = build("clip").model
    maps, points = torch.randn(1, 15, 16), torch.rand(2, 16, 2)
    index = torch.zeros(2, dtype=torch.long)
    with torch.inference_mode():
        wide = model.get_region_features(maps, points, index, (3, 5))
        tall = model.get_region_features(maps.unflatten(1, (3, 5)).transpose(1, 2).flatten(1, 2), points, index, (5, 3))
        assert wide.shape == (2, 16)
        assert not torch.allclose(wide, tall)
        with pytest.raises(ValueError, match="do not fill"):
            model.get_region_features(maps, points, index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"region_points": torch.rand(2, 16, 2), "region_image_index": torch.tensor([0, 1])},
            "3 region tokens .* 2 reg",
        ),
        ({"pixel_values": torch.randn(1, 3, 32, 32), "region_points": None}, "32 image tokens .* 16 image"),
        ({"pixel_values": None}, "region_points need the pixel_values"),
        ({"input_ids": None}, "exactly one of"),
        (
            {"inputs_embeds": torch.zeros(2, 4, 16), "input_ids": None, "region_points": None},
            "pixel_values need input_ids",
        ),
    ],
)
def test_counts_must_match(change: dict[str, Any], message: str) -> None:
    model = build()
    with pytest.raises(ValueError, match=message):
        model(**(batch(model) | change))


def test_logits_to_keep_and_dtype() -> None:
    model = build().to(torch.bfloat16)
    inputs = batch(model)
    with torch.inference_mode():
        full = model(**inputs).logits
        assert full.dtype == torch.bfloat16
        assert torch.equal(model(**inputs, logits_to_keep=2).logits, full[:, -2:])
        assert torch.equal(model(**inputs, logits_to_keep=torch.tensor([3, 5])).logits, full[:, [3, 5]])


def test_the_bare_model_loads_by_itself(tmp_path: Path) -> None:
    model = build()
    model.save_pretrained(tmp_path)
    bare = AutoModel.from_pretrained(tmp_path).eval()
    assert type(bare) is FerretModel
    inputs = batch(model)
    with torch.inference_mode():
        expected, output = model.model(**inputs), bare(**inputs)
    assert torch.equal(output.last_hidden_state, expected.last_hidden_state)
    assert output.image_hidden_states.shape == (2, 16, 16)
    assert output.region_hidden_states.shape == (3, 16)


def test_new_parts_start_at_a_useful_scale() -> None:
    """Initialised by fan-in: the sampler's vectors are neither vanishing nor huge at any width."""
    model = build()
    with torch.inference_mode():
        feature_map, projected = model.get_image_features(torch.randn(2, 3, 32, 32))
        unit = feature_map / feature_map.std()
        vectors = model.get_region_features(unit, torch.rand(4, 16, 2), torch.tensor([0, 0, 1, 1]))
    assert 0.01 < float(vectors.std()) < 10
    assert float(projected.std()) > 0


def test_gradient_checkpointing_changes_nothing() -> None:
    model = build()
    inputs = batch(model)
    labels = inputs["input_ids"].clamp(min=0)

    def gradient() -> torch.Tensor:
        model.zero_grad()
        model(**inputs, labels=labels, use_cache=False).loss.backward()
        weight: torch.Tensor = model.model.region_sampler.output.weight.grad
        return weight.clone()

    plain = gradient()
    model.train()
    model.activation_checkpointing_enable()
    assert torch.allclose(gradient(), plain, atol=1e-6)
