"""What comes out of a run: adapters that can be loaded and merged, folders that are whole or not there."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ferret.checkpoints import load_model
from ferret.errors import TrainingError
from ferret.processing import FerretProcessor
from training.tuning.model import TunedFerret, blank_batch, load_tunable
from training.tuning.saving import load_adapters, merge, save_checkpoint
from training.tuning.task import tune

sys.path.insert(0, str(Path(__file__).parent))
from tiny_ferret import tiny_settings, write_checkpoint, write_data


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint `start` and a run `run` that put adapters beside it."""
    folder = tmp_path_factory.mktemp("tuned")
    write_checkpoint(folder / "start")
    write_data(folder / "data")
    settings = tiny_settings(
        folder / "start", folder / "data", parts=["projector", "language"], adapter="lora", learning_rate=2e-2
    )
    tune(settings, folder / "run", folder / "stores")
    return folder


def hidden(model: object, start: Path) -> torch.Tensor:
    """What a model makes of the blank batch."""
    tunable = load_tunable(tiny_settings(start, Path("nowhere")), torch.device("cpu"))
    batch = blank_batch(tunable)
    with torch.inference_mode():
        found: torch.Tensor = model(**batch.model_inputs()).logits  # type: ignore[operator]
    return found


def test_merged_weights_answer_as_the_adapters_did(tuned: Path) -> None:
    start = load_model(tuned / "start")
    before = hidden(start, tuned / "start")
    with_adapters = load_adapters(start, tuned / "run" / "adapters")
    beside = hidden(with_adapters.get_base_model().eval(), tuned / "start")
    merged = hidden(load_model(tuned / "run" / "model"), tuned / "start")
    torch.testing.assert_close(merged, beside, atol=1e-5, rtol=1e-4)
    assert (merged - before).abs().max() > 1e-3


def test_adapters_are_merged_into_a_folder_of_their_own(tuned: Path, tmp_path: Path) -> None:
    merge(tuned / "start", tuned / "run" / "adapters", tmp_path / "merged")
    one = load_file(tmp_path / "merged" / "model.safetensors")
    other = load_file(tuned / "run" / "model" / "model.safetensors")
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert FerretProcessor.from_pretrained(tmp_path / "merged").template == "ferret_nano"
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


def test_adapters_are_plain_tensors(tuned: Path) -> None:
    names = sorted(path.name for path in (tuned / "run" / "adapters").iterdir())
    assert names == ["README.md", "adapter_config.json", "adapter_model.safetensors", "parts.safetensors"]
    assert set(load_file(tuned / "run" / "adapters" / "parts.safetensors")) == {
        "model.projector.layers.0.weight", "model.projector.layers.0.bias"
    }  # fmt: skip


def test_adapters_that_do_not_fit_are_refused(tuned: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"holds no adapters of a tuned run: it has no adapter_config.json"):
        merge(tuned / "start", tmp_path, tmp_path / "merged")
    with pytest.raises(TrainingError, match="do not fit the model"):
        merge("ferret-nano", tuned / "run" / "adapters", tmp_path / "merged")
    broken = Path(shutil.copytree(tuned / "run" / "adapters", tmp_path / "broken"))
    save_file({"model.nothing": torch.zeros(1)}, broken / "parts.safetensors")
    with pytest.raises(TrainingError, match="do not fit the model"):
        merge(tuned / "start", broken, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_failed_save_leaves_what_was_there(tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tunable = load_tunable(tiny_settings(tuned / "start", Path("nowhere")), torch.device("cpu"))
    assert isinstance(tunable.module, TunedFerret)
    save_checkpoint(tunable.module.ferret, tunable.processor, torch.float32, tmp_path / "model")
    before = (tmp_path / "model" / "model.safetensors").read_bytes()

    def full_disk(_: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(tunable.processor, "save_pretrained", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(tunable.module.ferret, tunable.processor, torch.float16, tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
