"""Tokenizers: the special tokens that every Ferret tokenizer has, and the released one, to the id.

The released weights were trained with the slow Llama tokenizer in its legacy mode (ferret-spec 1.8): every stretch of
text between special tokens gets a prefix blank of its own, and `<region_fea>` swallows the blanks around it. Loaded
in the ordinary way, transformers 5 puts a spurious blank token before every region, and the fast file that upstream's
own tools write differs as well. `load_released_tokenizer` therefore builds the tokenizer from `tokenizer.model`
alone; what it returns can be saved and loaded by `AutoTokenizer`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, processors
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from ferret.errors import WeightsError
from ferret.prompts import BOS_TOKEN, EOS_TOKEN, IMAGE_TOKEN, REGION_TOKEN, UNK_TOKEN

SPECIAL_TOKENS = (BOS_TOKEN, EOS_TOKEN, IMAGE_TOKEN, REGION_TOKEN)
"""Tokens that a tokenizer for weights trained here must have, made by `special_token`."""


def special_token(content: str) -> AddedToken:
    """A token that is never split nor made by ordinary text; the region token swallows the blanks on both sides."""
    around = content == REGION_TOKEN
    return AddedToken(content, lstrip=around, rstrip=around, normalized=False, special=True)


def load_released_tokenizer(folder: str | Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a released Ferret checkpoint over Vicuna, from its folder.

    Reads `tokenizer.model` and the ids of added tokens (`added_tokens.json` or `tokenizer_config.json`).

    Raises:
        WeightsError: a file is missing or damaged, or the region token has no id or not the next free one.
    """
    folder = Path(folder)
    pieces, merges = _read_sentencepiece(folder / "tokenizer.model")
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, fuse_unk=True, byte_fallback=True))
    # Legacy mode: a prefix blank for every stretch of text, then blanks as the visible mark.
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([special_token(token) for token in (UNK_TOKEN, BOS_TOKEN, EOS_TOKEN)])
    added = _read_added_tokens(folder)
    for content, index in sorted(added.items(), key=lambda item: item[1]):
        if content not in vocabulary:
            tokenizer.add_special_tokens([special_token(content)])
        if tokenizer.token_to_id(content) != index:
            raise WeightsError(
                f"{str(folder)!r}: added token {content!r} has id {index}, which is not the next free id"
            )
    if tokenizer.token_to_id(REGION_TOKEN) is None:
        raise WeightsError(f"{str(folder)!r} adds no {REGION_TOKEN!r} token: take the tokenizer files of the delta")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS_TOKEN} $A", special_tokens=[(BOS_TOKEN, vocabulary[BOS_TOKEN])]
    )
    make: Any = PreTrainedTokenizerFast  # its constructor has no annotations
    loaded: PreTrainedTokenizerFast = make(
        tokenizer_object=tokenizer,
        bos_token=BOS_TOKEN,
        eos_token=EOS_TOKEN,
        unk_token=UNK_TOKEN,
        pad_token=UNK_TOKEN,  # the released recipe pads with the unknown token
        padding_side="right",
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    return loaded


def _read_sentencepiece(path: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Pieces by id, and merges in the order in which byte pair encoding applies them."""
    from sentencepiece import SentencePieceProcessor

    if not path.is_file():
        raise WeightsError(f"{str(path)!r} does not exist: take it from the released checkpoint")
    model = SentencePieceProcessor()
    try:
        model.Load(str(path))
    except (RuntimeError, OSError) as error:
        raise WeightsError(
            f"{str(path)!r} is not a SentencePiece model: take it from the released checkpoint"
        ) from error
    pieces = [model.id_to_piece(index) for index in range(model.get_piece_size())]
    ids = {piece: index for index, piece in enumerate(pieces)}
    merges = []
    for piece, index in ids.items():
        splits = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        splits = [(left, right) for left, right in splits if left in ids and right in ids]
        splits.sort(key=lambda pair: (ids[pair[0]], ids[pair[1]]))
        merges += [(-model.get_score(index), left, right) for left, right in splits]
    # By score; of the ways to make one piece, the longer left part first, as transformers converts such models.
    merges.sort(key=lambda merge: (merge[0], -len(merge[1]), -len(merge[2])))
    return pieces, [(left, right) for _, left, right in merges]


def _read_added_tokens(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        path = folder / "tokenizer_config.json"
        if path.is_file():
            entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("added_tokens_decoder", {})
            found |= {str(entry["content"]): int(index) for index, entry in entries.items()}
        path = folder / "added_tokens.json"
        if path.is_file():
            found |= {str(content): int(i) for content, i in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{str(path)!r} is damaged: take it from the released checkpoint again") from error
    return found
