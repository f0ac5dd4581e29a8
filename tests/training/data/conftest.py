"""What the tests of the data pipeline share: pictures on disk, tiny checkpoints, samples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ferret.checkpoints import load_model, load_processor
from ferret.image_processing import FerretImageProcessor
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from ferret.prompts import IMAGE_TOKEN, REGION_TOKEN
from ferret.tokenization import load_released_tokenizer, special_token
from training.data.encoding import SampleEncoder
from training.data.pictures import Pictures
from training.nano import nano_config, nano_tokenizer
from training.readers import Sample, Turn

PARITY = Path(__file__).parents[2] / "fixtures" / "parity"
SIZE = (60, 40)

Draw = Callable[..., Path]
MakeSample = Callable[..., Sample]
MakeEncoder = Callable[..., SampleEncoder]


@pytest.fixture
def picture(tmp_path: Path) -> Draw:
    """`picture("a.png", 60, 40)`: a picture of noise, another one for another name."""

    def save(name: str = "a.png", width: int = SIZE[0], height: int = SIZE[1]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(list(name.encode())).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        return path

    return save


@pytest.fixture
def sample(picture: Draw) -> MakeSample:
    """`sample(Turn(...), ..., image="a.png")`: a conversation about a picture that is there."""

    def make(*turns: Turn, image: str = "a.png", size: tuple[int, int] | None = SIZE) -> Sample:
        return Sample("ferret", f"about {image}", picture(image), size, turns)

    return make


@pytest.fixture(scope="session")
def released_model() -> FerretForConditionalGeneration:
    """A tiny Ferret of random weights in the released format, sampler and all."""
    return load_model(PARITY / "model" / "checkpoint", vision_tower=PARITY / "model" / "clip")


@pytest.fixture(scope="session")
def released(released_model: FerretForConditionalGeneration) -> FerretProcessor:
    """Its processor."""
    return load_processor(PARITY / "model" / "checkpoint", released_model.config)


@pytest.fixture(scope="session")
def nano() -> FerretProcessor:
    """The processor of ferret-nano."""
    return _processor(nano_tokenizer(), "ferret_nano", nano_config().num_image_tokens)


@pytest.fixture(scope="session")
def processors(nano: FerretProcessor) -> dict[str, FerretProcessor]:
    """A processor for every template: the released toy tokenizer for those over Vicuna, one of bytes for the others."""
    vicuna = load_released_tokenizer(PARITY / "misc" / "tokenizer")
    llama = _byte_tokenizer("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    gemma = _byte_tokenizer("<bos>", "<start_of_turn>", "<end_of_turn>", "<eos>")
    return {
        "ferret_v1": _processor(vicuna, "ferret_v1"),
        "ferret_vicuna_v1": _processor(vicuna, "ferret_vicuna_v1"),
        "ferret_nano": nano,
        "ferret_llama_3": _processor(llama, "ferret_llama_3"),
        "ferret_gemma_instruct": _processor(gemma, "ferret_gemma_instruct"),
    }


@pytest.fixture
def encoder() -> MakeEncoder:
    """`encoder(processor, length=2048)`."""

    def make(processor: FerretProcessor, length: int = 2048) -> SampleEncoder:
        return SampleEncoder(processor, length, Pictures(processor.image_processor))

    return make


def _processor(tokenizer: Any, template: str, image_tokens: int = 4) -> FerretProcessor:
    images = FerretImageProcessor(size={"height": 28, "width": 28})
    return FerretProcessor(images, tokenizer, template, num_image_tokens=image_tokens, num_region_points=16)


def _byte_tokenizer(begin: str, *special: str) -> Any:
    """Tokens of single bytes, and special ones."""
    alphabet = {piece: number for number, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([special_token(name) for name in (begin, *special, IMAGE_TOKEN, REGION_TOKEN)])
    make: Any = PreTrainedTokenizerFast
    return make(tokenizer_object=tokenizer, bos_token=begin, eos_token=special[-1], clean_up_tokenization_spaces=False)
