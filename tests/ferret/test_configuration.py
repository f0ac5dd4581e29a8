"""The configuration: defaults, checks, and a way through `config.json` and back."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, CLIPVisionConfig, Gemma2Config, LlamaConfig, Qwen2Config

from ferret.configuration import FerretConfig, SamplerShape, as_pair


def small(**changes: Any) -> FerretConfig:
    values: dict[str, Any] = {
        "vision_config": {"model_type": "clip_vision_model", "hidden_size": 24, "image_size": 56, "patch_size": 14},
        "text_config": {"model_type": "qwen2", "hidden_size": 32, "vocab_size": 40},
    }
    return FerretConfig(**(values | changes))


def test_defaults_are_the_released_7b() -> None:
    config = FerretConfig()
    assert isinstance(config.vision_config, CLIPVisionConfig)
    assert isinstance(config.text_config, LlamaConfig)
    assert (config.vision_config.hidden_size, config.text_config.hidden_size) == (1024, 4096)
    assert config.sampler_shape == SamplerShape(512, (128, 32), (24, 24), "max", False)
    assert config.feature_grid == (24, 24)
    assert config.num_image_tokens == 576
    assert (config.image_token_id, config.region_token_id) == (-200, 32000)


def test_it_survives_its_file(tmp_path: Path) -> None:
    config = small(
        sampler={"num_points": 64, "stage_points": [16, 8], "neighbors": 4, "pooler": "mean", "transposed": True},
        projector_type="mlp2x_gelu",
        projector_merge=2,
        region_feature_mode="add",
        vision_feature_layer=-1,
        image_token_id=38,
        region_token_id=39,
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is FerretConfig
    assert isinstance(loaded.text_config, Qwen2Config)
    assert loaded.sampler_shape == SamplerShape(64, (16, 8), (4, 4), "mean", True)
    assert loaded.num_image_tokens == 4
    assert loaded.to_diff_dict() == config.to_diff_dict()


def test_our_own_encoder_is_known(tmp_path: Path) -> None:
    config = small(
        vision_config={"model_type": "ferret_vision", "image_size": 64, "hidden_size": 24}, projector_merge=4
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded.vision_config).__name__ == "FerretVisionConfig"
    assert loaded.feature_grid == (8, 8)
    assert loaded.num_image_tokens == 4


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [({}, 16), ({"projector_merge": 2}, 4), ({"projector_merge": 4}, 1), ({"vision_feature_select": "full"}, 17)],
)
def test_number_of_image_tokens(changes: dict[str, Any], tokens: int) -> None:
    assert small(**changes).num_image_tokens == tokens


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"projector_type": "mlp9"}, "unknown projector_type 'mlp9': choose one of linear"),
        ({"region_feature_mode": "sum"}, "unknown region_feature_mode"),
        ({"vision_feature_select": "cls"}, "unknown vision_feature_select"),
        ({"projector_merge": 0}, "projector_merge 0"),
        ({"projector_places": -1}, "projector_places -1"),
        ({"projector_places": 1000}, "projector_places 1000 needs 8 dimensions each"),
        ({"projector_merge": 2, "vision_feature_select": "full"}, "projector_merge 2"),
        ({"sampler": {"points": 3}}, "unknown sampler settings"),
        ({"sampler": {"pooler": "median"}}, "unknown sampler pooler 'median'"),
        ({"sampler": {"stage_points": [8], "neighbors": [4, 4]}}, "one number a stage"),
        ({"sampler": {"stage_points": [], "neighbors": []}}, "one number a stage"),
        ({"sampler": {"num_points": 8, "stage_points": [16], "neighbors": 4}}, "does not fit 8 points"),
        ({"sampler": {"num_points": 32, "stage_points": [8, 4], "neighbors": [16, 16]}}, "does not fit 8 points"),
        ({"text_config": Gemma2Config()}, "final_logit_softcapping"),
        ({"mm_vision_tower": "openai/clip"}, "released Ferret format"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_tying_follows_the_language_model() -> None:
    assert not small().tie_word_embeddings
    assert small(text_config=Qwen2Config(tie_word_embeddings=True)).tie_word_embeddings


def test_sizes() -> None:
    assert as_pair(14) == (14, 14)
    assert as_pair([14, 16]) == (14, 16)
