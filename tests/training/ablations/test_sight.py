"""What all arms share: encoder and words of the shipped model, whatever the rest of it looks like."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from ferret.errors import TrainingError
from training.ablations.sight import ENCODER, WORDS, give_sight
from training.nano import WEIGHTS, new_nano, number_tokens


@pytest.fixture(scope="module")
def shipped() -> dict[str, torch.Tensor]:
    return load_file(WEIGHTS / "model.safetensors")


def test_encoder_and_words_are_the_shipped_ones_and_all_else_is_new(shipped: dict[str, torch.Tensor]) -> None:
    torch.manual_seed(3)
    before = {name: value.clone() for name, value in new_nano().state_dict().items()}
    torch.manual_seed(3)
    model = new_nano()
    give_sight(model, WEIGHTS)
    numbers = number_tokens()
    words = torch.ones(len(before[WORDS]), dtype=torch.bool)
    words[numbers] = False
    for name, value in model.state_dict().items():
        if name.startswith(ENCODER):
            torch.testing.assert_close(value, shipped[name].to(value.dtype))
        elif name in {WORDS, "lm_head.weight"}:  # tied
            learned, fresh = shipped[WORDS].float()[words], before[name][words]
            torch.testing.assert_close(functional.normalize(value[words]), functional.normalize(learned))
            assert value[words].norm(dim=-1).mean().item() == pytest.approx(fresh.norm(dim=-1).mean().item(), rel=1e-4)
            torch.testing.assert_close(value[numbers], before[name][numbers])
        else:
            torch.testing.assert_close(value, before[name])


@pytest.mark.parametrize("fault", ["missing", "damaged", "no encoder", "another vocabulary"])
def test_other_weights_are_refused(fault: str, shipped: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    if fault == "damaged":
        path.write_bytes(b"not weights")
    elif fault == "no encoder":
        save_file({WORDS: shipped[WORDS]}, path)
    elif fault == "another vocabulary":
        save_file({**shipped, WORDS: shipped[WORDS][:-1].clone()}, path)
    message = "cannot read the encoder" if fault in {"missing", "damaged"} else "another encoder or vocabulary"
    with pytest.raises(TrainingError, match=message):
        give_sight(new_nano(), tmp_path)
