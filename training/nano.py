"""ferret-nano: the shape of the embedded model, its tokenizer, and how its weights are written.

A word-level vocabulary (WordPiece whose pieces are whole words, with single characters to fall back on) keeps names and
numbers one token each, so that a small language model has little to spell and much to look at.
"""

from functools import lru_cache
from pathlib import Path
from string import ascii_letters, digits, punctuation
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import WordPiece
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from ferret.configuration import FerretConfig
from ferret.coordinates import BINS
from ferret.image_processing import FerretImageProcessor
from ferret.images import warp_image
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from ferret.projector import place_code
from ferret.prompts import BOS_TOKEN, EOS_TOKEN, IMAGE_TOKEN, PAD_TOKEN, REGION_TOKEN, UNK_TOKEN
from ferret.tokenization import special_token
from ferret.words import plural
from training.art import load_art
from training.instructions import answer_vocabulary
from training.scenes import category_names
from training.signs import WORDS

WEIGHTS = Path(__file__).parents[1] / "ferret" / "weights" / "ferret-nano"
TEMPLATE = "ferret_nano"
IMAGE_SIZE = 224
CELLS = 28  # the vision map is CELLS x CELLS
MERGE = 4  # and its cells become image tokens in blocks of MERGE x MERGE
PLACES = 24  # frequencies of the code of places
WORD_LENGTH = 8  # times the usual: what layers add in their first steps must not drown short words
NUMBER_LENGTH = 0.7 * WORD_LENGTH  # of the embeddings of numbers, about as long as the others
LIKENESS = 1.5  # how much attention minds likeness where it begins with it
COPYING = 0.7  # how much of what it attends to a new layer passes on
PIXEL_MEAN = PIXEL_STD = 0.5


@lru_cache(maxsize=1)
def nano_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, made from the instruction vocabulary; the same on every machine."""
    special = [PAD_TOKEN, UNK_TOKEN, BOS_TOKEN, EOS_TOKEN, IMAGE_TOKEN, REGION_TOKEN]
    numbers = [str(number) for number in range(BINS)]
    signs = {cased for word in WORDS for cased in (word, word.title(), word.lower())}
    words = answer_vocabulary() | {"USER", "ASSISTANT"} | signs
    characters = [*ascii_letters, *digits, *punctuation]
    pieces = [*special, *numbers, *characters, *sorted(words), *(f"##{mark}" for mark in characters)]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token=UNK_TOKEN, max_input_chars_per_word=64))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    tokenizer.add_special_tokens([special_token(token) for token in special])
    begin = (BOS_TOKEN, vocabulary[BOS_TOKEN])
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS_TOKEN} $A", special_tokens=[begin])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS_TOKEN, eos_token=EOS_TOKEN, pad_token=PAD_TOKEN, unk_token=UNK_TOKEN,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


def nano_config() -> FerretConfig:
    """The shape: about 9 million parameters, half of them seeing and half of them speaking."""
    tokenizer = nano_tokenizer()
    vocabulary = tokenizer.get_vocab()
    return FerretConfig(
        vision_config={
            "model_type": "ferret_vision", "image_size": IMAGE_SIZE, "widths": (48, 96, 192), "blocks": (1, 2, 2),
            "attention_layers": 2, "attention_heads": 4, "hidden_size": 128,
        },
        text_config={
            "model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": 256, "intermediate_size": 704,
            "num_hidden_layers": 5, "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 1024,
            "initializer_range": 0.04, "tie_word_embeddings": True,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        sampler={"num_points": 128, "stage_points": [32, 8], "neighbors": [12, 8], "pooler": "max"},
        projector_type="linear",
        projector_merge=MERGE,
        projector_places=PLACES,
        region_feature_mode="add",
        vision_feature_layer=-1,
        image_token_id=vocabulary[IMAGE_TOKEN],
        region_token_id=vocabulary[REGION_TOKEN],
        tie_word_embeddings=True,
    )  # fmt: skip


def new_nano() -> FerretForConditionalGeneration:
    """The model with fresh weights, made ready to copy.

    Numbers start out near their neighbours, in the code in which the projector writes places. In every layer between
    the first and the last, attention begins by passing on what it looks at: values and outputs are the identity, a
    little smaller. Names and regions live in one space here, so that naming a region is copying its vector. In the last
    layer each head takes one coordinate out of the token that it looks at, and hands it over as the number that it is.
    The last two layers begin by looking at what is like themselves (queries are keys). Only where to look is left to be
    learned, which a small model finds in hundreds of steps instead of thousands.
    """
    model = FerretForConditionalGeneration(nano_config())
    embeddings: Any = model.get_input_embeddings()
    with torch.no_grad():
        embeddings.weight.mul_(WORD_LENGTH)
        decoder: Any = model.model.language_model
        decoder.norm.weight.fill_(1 / WORD_LENGTH)
        embeddings.weight[number_tokens()] = number_embeddings(embeddings.weight.shape[1])
        layers: Any = decoder.layers
        width = embeddings.weight.shape[1]
        for layer in layers:  # whatever is not copied starts out silent: as noise it would drown the names
            layer.mlp.down_proj.weight.zero_()
        layers[0].self_attn.o_proj.weight.zero_()
        for layer in layers[1:-1]:
            for projection in (layer.self_attn.v_proj, layer.self_attn.o_proj):
                projection.weight.copy_(COPYING * torch.eye(width))
        for layer in layers[-2:]:
            same = LIKENESS * torch.linalg.qr(torch.randn(width, width)).Q
            for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj):
                projection.weight.copy_(same)
        read, write = place_readers(width)
        layers[-1].self_attn.v_proj.weight.copy_(read)
        layers[-1].self_attn.o_proj.weight.copy_(write)
    return model


def place_readers(width: int) -> tuple[Tensor, Tensor]:
    """Values and outputs [width, width] of four heads that take a token's four coordinates, each where numbers have
    theirs (`number_embeddings`)."""
    code, head = 2 * PLACES, width // 4
    read, write = torch.zeros(width, width), torch.zeros(width, width)
    for coordinate in range(4):
        mine = torch.arange(code) + coordinate * head
        read[mine, width - 4 * code + coordinate * code + torch.arange(code)] = 1.0
        write[torch.arange(code), mine] = COPYING
    return read, write


@lru_cache(maxsize=1)
def number_tokens() -> Tensor:
    """Token ids of "0" to "999", int64 [1000]."""
    ids = nano_tokenizer().convert_tokens_to_ids([str(number) for number in range(BINS)])
    return torch.tensor(ids)


def number_embeddings(width: int) -> Tensor:
    """The code of places of 0..999 in the first dimensions and nothing in the others, float32 [1000, width]."""
    code = place_code((torch.arange(BINS) + 0.5) / BINS, PLACES)
    return nn.functional.pad(code * NUMBER_LENGTH / PLACES**0.5, (0, width - code.shape[-1]))


@lru_cache(maxsize=1)
def name_tokens() -> tuple[Tensor, Tensor]:
    """The words of each category's name: token ids int64 [K, W] and weights float32 [K, W] that average them."""
    tokenizer = nano_tokenizer()
    words = [tokenizer(name, add_special_tokens=False)["input_ids"] for name in category_names(load_art("train"))]
    width = max(len(ids) for ids in words)
    ids = torch.tensor([list(w) + [0] * (width - len(w)) for w in words])
    weights = torch.tensor([[1 / len(w)] * len(w) + [0.0] * (width - len(w)) for w in words])
    return ids, weights


@lru_cache(maxsize=1)
def plural_tokens() -> tuple[tuple[int, int], ...]:
    """Pairs of tokens: the word that differs between the plural of a category's name and the name itself."""
    tokenizer = nano_tokenizer()
    pairs = set()
    for name in category_names(load_art("train")):
        many, one = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (plural(name), name))
        pairs |= {(a, b) for a, b in zip(many, one, strict=False) if a != b}
    return tuple(sorted(pairs))


@lru_cache(maxsize=1)
def name_words() -> frozenset[int]:
    """The tokens of the words that the categories' names and their plurals are made of."""
    ids, weights = name_tokens()
    return frozenset(ids[weights > 0].tolist()) | {many for many, _ in plural_tokens()}


def to_model_size(image: np.ndarray) -> np.ndarray:
    """A picture `uint8 [H, W, 3]` warped to `uint8 [IMAGE_SIZE, IMAGE_SIZE, 3]` exactly as the processor does it."""
    return np.asarray(warp_image(Image.fromarray(image), IMAGE_SIZE, IMAGE_SIZE))


def to_pixels(images: list[np.ndarray]) -> Tensor:
    """Pictures `uint8 [IMAGE_SIZE, IMAGE_SIZE, 3]` as the model takes them, float32 [N, 3, S, S]."""
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return (stacked.float() / 255 - PIXEL_MEAN) / PIXEL_STD


def save_nano(model: FerretForConditionalGeneration, folder: Path) -> None:
    """Write model, tokenizer and processor so that `FerretProcessor.from_pretrained(folder)` and the engine load them.

    Weights are stored in float16, half the size and far more exact than the training's bfloat16 arithmetic.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy: Any = FerretForConditionalGeneration(model.config)
    copy.load_state_dict(model.state_dict())
    copy.half().save_pretrained(folder)
    images = FerretImageProcessor(size=IMAGE_SIZE, image_mean=[PIXEL_MEAN] * 3, image_std=[PIXEL_STD] * 3)
    processor = FerretProcessor(
        images, nano_tokenizer(), template=TEMPLATE, num_image_tokens=model.config.num_image_tokens,
        num_region_points=model.config.sampler_shape.num_points,
    )  # fmt: skip
    processor.save_pretrained(folder)
