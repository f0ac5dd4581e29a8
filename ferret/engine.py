"""The engine: one picture, encoded once, and any number of questions about it.

What every question shares (the picture and what stands before it in the prompt) is run through the language model once;
its key-value cache is kept by the picture's content and serves all questions about it, in a batch or one after another.
Questions about different pictures run together as well. Decoding is greedy: the same picture, questions and weights
give the same words.

    >>> engine = Engine.load("ferret-nano")
    >>> engine.answer(image, [Prompt("What is this?", (Box(10, 20, 90, 120),)), Prompt("Where is the dog?")])
    >>> engine.answer_each([image, other], [Prompt("Where is the dog?"), Prompt("Where is the cat?")])
"""

import copy
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from ferret.errors import RequestError, WeightsError
from ferret.images import image_hash
from ferret.regions import Region

if TYPE_CHECKING:
    from transformers.cache_utils import Cache

    from ferret.modeling import FerretForConditionalGeneration
    from ferret.processing import FerretProcessor

WEIGHTS = Path(__file__).parent / "weights"
MAX_NEW_TOKENS = 256
# Prompts that share one run through the model; more would only cost memory.
MAX_BATCH = 32
# Weights below this many bytes run in float32 wherever they are: it costs little and rounds least.
_SMALL = 2 * 1024**3
# How tokenizers name a single byte of a character that they have no token for.
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


@dataclass(frozen=True)
class Prompt:
    """A question about one picture. `<region1>` in it names the first region; regions not named are appended.

    The regions are in pixels of that picture; their `image` index is not looked at.
    """

    question: str
    regions: tuple[Region, ...] = ()


Listener = Callable[[Image.Image, Prompt, str], None]
"""Is told the picture, the prompt about it and the next piece of the answer. What it raises ends the answering."""

_LISTENER: ContextVar[Listener | None] = ContextVar("ferret_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While the block runs, `listener` hears every answer that is given in this thread, as it is being generated.

    The answers of a batch grow side by side; the pieces of one joined are its `text`. Without a listener nothing is
    decoded before an answer is complete.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


@dataclass(frozen=True)
class Generation:
    """What the model answered.

    Attributes:
        text: the answer as generated, coordinates included (see `ferret.parsing.parse_answer`).
        token_ids: its tokens, without the one that ends it.
        logprobs: natural log-probability of each, given everything before it.
        confidence: their geometric mean as a probability, 0 for an empty answer.
        complete: whether the model ended the answer itself; False if the limit on tokens did.
    """

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    confidence: float
    complete: bool = True


@dataclass(frozen=True)
class _Prefix:
    """A picture as the model holds it: its map [1, T, C], and the cache of the prompt up to its last image token."""

    ids: tuple[int, ...]
    feature_map: torch.Tensor
    grid: tuple[int, int]
    cache: "Cache"


@dataclass
class _State:
    """A batch under way: the last position's logits [B, V], and what the next step needs."""

    logits: torch.Tensor
    cache: "Cache"
    mask: torch.Tensor  # int64 [B, length so far], 0 where a shorter prompt was padded
    position: torch.Tensor  # int64 [B, 1], of the next token


class Engine:
    """A loaded model with its processor, asked about pictures. Safe to use from several threads.

    Args:
        model: in evaluation mode, on its device.
        processor: the processor that belongs to it.
        name: what to call it in reports.
        pictures: how many encoded pictures are kept, the most recently used ones.
    """

    def __init__(
        self, model: "FerretForConditionalGeneration", processor: "FerretProcessor", name: str = "", pictures: int = 8
    ) -> None:
        self.model = model
        self.processor = processor
        self.name = name
        self.pictures = pictures
        self._prefixes: OrderedDict[str, _Prefix] = OrderedDict()
        self._lock = threading.Lock()
        tokenizer: Any = processor.tokenizer
        stop = tokenizer.convert_tokens_to_ids(processor.conversation.stop)
        self._stop_ids = frozenset({stop, tokenizer.eos_token_id} - {None, tokenizer.unk_token_id})

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path = "ferret-nano",
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> "Engine":
        """Loads embedded weights by name, or a folder in our format or in the released one.

        Args:
            name_or_folder: for example "ferret-nano", or a path.
            device: a GPU when there is one, else the CPU.
            dtype: of the weights; by default float32 for small ones, else as saved (bfloat16 on a CPU).

        Raises:
            WeightsError: there are no such weights, or they cannot be used.
        """
        folder = find_weights(name_or_folder)
        from ferret.checkpoints import load_model, load_processor  # here, for it needs transformers

        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.device(device)
        if dtype is None:
            files = [file for pattern in ("*.safetensors", "*.bin") for file in folder.glob(pattern)]
            small = sum(file.stat().st_size for file in files) < _SMALL
            dtype = "float32" if small else "bfloat16" if device.type == "cpu" else "auto"
        model: Any = load_model(folder, dtype=dtype)
        processor = load_processor(folder, model.config)
        return cls(model.to(device), processor, name=folder.name)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self.model.device
        return device

    def answer(
        self, image: Image.Image, prompts: Sequence[Prompt], max_new_tokens: int = MAX_NEW_TOKENS
    ) -> list[Generation]:
        """Answers every prompt about one picture, in order.

        Args:
            image: the picture, upright RGB, see `ferret.images.load_image`.
            prompts: any number; they are run together.
            max_new_tokens: the longest an answer may get.

        Raises:
            RegionError: a region is malformed or lies outside the picture.
            RequestError: a question is empty, or too long for the model.
        """
        return self.answer_each([image] * len(prompts), prompts, max_new_tokens)

    def answer_each(
        self, images: Sequence[Image.Image], prompts: Sequence[Prompt], max_new_tokens: int = MAX_NEW_TOKENS
    ) -> list[Generation]:
        """Answers the k-th prompt about the k-th picture, in order; a picture that comes again is encoded once.

        Args:
            images: as many as prompts, as in `answer`.
            prompts: any number; they are run together.
            max_new_tokens: the longest an answer may get.

        Raises:
            RegionError, RequestError: as `answer`, or there are not as many pictures as prompts.
        """
        if len(images) != len(prompts):
            raise RequestError(f"{len(images)} picture(s) for {len(prompts)} prompt(s): give one for each")
        answers: list[Generation] = []
        with torch.inference_mode():
            for first in range(0, len(prompts), MAX_BATCH):
                batch = slice(first, first + MAX_BATCH)
                answers += self._answer_batch(images[batch], prompts[batch], max_new_tokens)
        return answers

    def stream(self, image: Image.Image, prompt: Prompt, max_new_tokens: int = MAX_NEW_TOKENS) -> Iterator[str]:
        """Answers one prompt piece by piece; the pieces joined are the `text` that `answer` gives. Errors as there."""
        ids: list[int] = []
        sent = ""
        with torch.inference_mode():
            state = self._begin([image], [prompt])
        for _ in range(self._budget(state, max_new_tokens)):
            token = int(state.logits.argmax(-1))
            if token in self._stop_ids:
                break
            ids.append(token)
            text = self._decode(ids)
            if len(text) > len(sent) and not self._unfinished(token, text):
                yield text[len(sent) :]
                sent = text
            with torch.inference_mode():
                self._step(state, torch.tensor([[token]], device=self.device))
        text = self._decode(ids)
        if len(text) > len(sent):
            yield text[len(sent) :]

    def score(self, image: Image.Image, prompt: Prompt, continuations: Sequence[str]) -> list[float]:
        """How likely the model is to go on with each text after the prompt: natural log-probabilities.

        A continuation is the beginning of an answer; append the template's stop token to have it end there.

        Raises:
            RegionError, RequestError: as `answer`.
        """
        text, regions = self._write(image, prompt)
        before = self.processor.conversation.answer[0]
        plain = self._suffix_ids(text)
        suffixes = [self._suffix_ids(text + before + words) for words in continuations]
        scores: list[float] = []
        with torch.inference_mode():
            for first in range(0, len(suffixes), MAX_BATCH):
                batch = suffixes[first : first + MAX_BATCH]
                # Where the tokenizer joins the end of the prompt to what follows, counting starts at the difference.
                starts = [_common(plain, suffix) for suffix in batch]
                longest = max(len(suffix) - start for suffix, start in zip(batch, starts, strict=True))
                logits = self._prefill([image] * len(batch), batch, [regions] * len(batch), longest + 1).logits
                logprobs = logits[:, :-1].float().log_softmax(-1)
                for row, suffix, start in zip(logprobs, batch, starts, strict=True):
                    ids = torch.tensor(suffix[start:], dtype=torch.long, device=row.device)
                    chosen = row[row.shape[0] - len(ids) :].gather(-1, ids.unsqueeze(-1))
                    scores.append(float(chosen.sum()))
        return scores

    def feature_map(self, image: Image.Image) -> tuple[torch.Tensor, tuple[int, int]]:
        """How the encoder sees a picture: its map, floating point [T, C], row by row, and the map's (rows, columns).

        It is the map that the picture's answers are given from: encoding is paid for once.
        """
        with torch.inference_mode():
            prefix = self._prefix(image)
        return prefix.feature_map[0], prefix.grid

    def _answer_batch(
        self, images: Sequence[Image.Image], prompts: Sequence[Prompt], max_new_tokens: int
    ) -> list[Generation]:
        state = self._begin(images, prompts)
        rows = list(range(len(prompts)))  # which prompt each row of the batch answers
        ids: list[list[int]] = [[] for _ in prompts]
        logprobs: list[list[float]] = [[] for _ in prompts]
        complete = [False] * len(prompts)
        listener = _LISTENER.get()
        sent = [0] * len(prompts)

        def tell(row: int, *, ended: bool) -> None:
            text = self._decode(ids[row])
            if listener is not None and len(text) > sent[row] and (ended or not self._unfinished(ids[row][-1], text)):
                listener(images[row], prompts[row], text[sent[row] :])
                sent[row] = len(text)

        for _ in range(self._budget(state, max_new_tokens)):
            best = state.logits.float().log_softmax(-1).max(-1)
            tokens, values = best.indices.tolist(), best.values.tolist()
            going: list[int] = []
            for place, (row, token, value) in enumerate(zip(rows, tokens, values, strict=True)):
                if token in self._stop_ids:
                    complete[row] = True
                else:
                    ids[row].append(token)
                    logprobs[row].append(value)
                    going.append(place)
                    if listener is not None:
                        tell(row, ended=False)
            if not going:
                break
            if len(going) < len(rows):
                self._select(state, going)
                rows = [rows[place] for place in going]
            chosen = [[tokens[place]] for place in going]
            self._step(state, torch.tensor(chosen, device=self.device))
        if listener is not None:
            for row in range(len(prompts)):
                tell(row, ended=True)
        return [
            Generation(
                text=self._decode(tokens),
                token_ids=tuple(tokens),
                logprobs=tuple(values),
                confidence=math.exp(sum(values) / len(values)) if values else 0.0,
                complete=ended,
            )
            for tokens, values, ended in zip(ids, logprobs, complete, strict=True)
        ]

    def _write(self, image: Image.Image, prompt: Prompt) -> tuple[str, tuple[Region, ...]]:
        """The prompt as text, and its regions in the order of their tokens."""
        if not prompt.question.strip():
            raise RequestError("the question is empty: ask something about the picture")
        regions = [replace(region, image=0).checked(*image.size) for region in prompt.regions]
        text, ordered = self.processor.refer(prompt.question, regions, [image.size])
        return self.processor.conversation.prompt(text), ordered

    def _suffix_ids(self, text: str) -> list[int]:
        """Token ids of what follows the picture."""
        ids = self.processor.tokenize(text)
        return ids[_after_image(ids, self.processor.image_token_id) :]

    def _begin(self, images: Sequence[Image.Image], prompts: Sequence[Prompt]) -> _State:
        written = [self._write(image, prompt) for image, prompt in zip(images, prompts, strict=True)]
        suffixes = [self._suffix_ids(text) for text, _ in written]
        state = self._prefill(images, suffixes, [regions for _, regions in written])
        state.logits = state.logits[:, -1]
        return state

    def _prefill(
        self,
        images: Sequence[Image.Image],
        suffixes: Sequence[Sequence[int]],
        regions: Sequence[Sequence[Region]],
        keep: int = 1,
    ) -> _State:
        """Runs what follows the B pictures, [B, L] padded on the left; `logits` are [B, keep, V]."""
        prefixes, which = self._prefixes_of(images)
        longest, shared = max(map(len, suffixes)), len(prefixes[0].ids)  # all pictures take as many tokens
        if shared + longest >= self._positions:
            raise RequestError(
                f"the question takes {shared + longest} tokens of the model's {self._positions}: make it shorter"
            )
        ids = torch.tensor([[0] * (longest - len(suffix)) + list(suffix) for suffix in suffixes], device=self.device)
        real = torch.tensor(
            [[0] * (longest - len(suffix)) + [1] * len(suffix) for suffix in suffixes], device=self.device
        )
        # Padding between the shared prefix and a shorter suffix is masked and takes no position.
        positions = (real.cumsum(-1) - 1).clamp_(min=0) + shared
        mask = torch.cat([real.new_ones(len(suffixes), shared), real], dim=1)
        embeds = self.model.model.embed(ids, None, self._regions(prefixes, which, images, regions))
        cache = _joined([prefix.cache for prefix in prefixes])
        if len(suffixes) > 1:
            cache.batch_select_indices(torch.tensor(which, device=self.device))
        outputs = self.model(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        return _State(outputs.logits, cache, mask, positions[:, -1:] + 1)

    def _step(self, state: _State, tokens: torch.Tensor) -> None:
        """Appends one token [B, 1] to every row."""
        state.mask = torch.cat([state.mask, state.mask.new_ones(len(tokens), 1)], dim=1)
        outputs = self.model(
            input_ids=tokens,
            attention_mask=state.mask,
            position_ids=state.position,
            past_key_values=state.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        state.logits = outputs.logits[:, -1]
        state.position = state.position + 1

    def _select(self, state: _State, rows: list[int]) -> None:
        """Goes on with some rows of the batch only."""
        index = torch.tensor(rows, device=self.device)
        state.cache.batch_select_indices(index)
        state.mask, state.position = state.mask[index], state.position[index]

    def _regions(
        self,
        prefixes: Sequence[_Prefix],
        which: Sequence[int],
        images: Sequence[Image.Image],
        regions: Sequence[Sequence[Region]],
    ) -> torch.Tensor | None:
        """The vectors of all regions of the batch, [R, D]; each distinct region of a picture is described once."""
        flat = [(row, region) for row, given in enumerate(regions) for region in given]
        if not flat:
            return None
        distinct: list[tuple[int, Region]] = []
        order: list[int] = []
        for row, region in flat:
            known = (i for i, (other, same) in enumerate(distinct) if same is region and which[other] == which[row])
            place = next(known, len(distinct))
            if place == len(distinct):
                distinct.append((row, region))
            order.append(place)
        points = torch.stack([self.processor.region_points(region, *images[row].size) for row, region in distinct])
        described: torch.Tensor = self.model.get_region_features(
            torch.cat([prefix.feature_map for prefix in prefixes]),
            points.to(self.device),
            torch.tensor([which[row] for row, _ in distinct], device=self.device),
            prefixes[0].grid,
        )
        return described[order]

    def _prefixes_of(self, images: Sequence[Image.Image]) -> tuple[list[_Prefix], list[int]]:
        """The prefixes of the distinct pictures of a batch, and which of them each row has."""
        prefixes: list[_Prefix] = []
        places: dict[int, int] = {}  # by identity: one object is one picture, and is hashed once
        for image in images:
            if id(image) in places:
                continue
            prefix = self._prefix(image)
            place = next((i for i, known in enumerate(prefixes) if known is prefix), len(prefixes))
            if place == len(prefixes):
                prefixes.append(prefix)
            places[id(image)] = place
        return prefixes, [places[id(image)] for image in images]

    def _prefix(self, image: Image.Image) -> _Prefix:
        key = image_hash(image)
        with self._lock:
            found = self._prefixes.get(key)
            if found is not None:
                self._prefixes.move_to_end(key)
                return found
        prefix = self._encode(image)
        with self._lock:
            self._prefixes[key] = prefix
            while len(self._prefixes) > self.pictures:
                self._prefixes.popitem(last=False)
        return prefix

    def _encode(self, image: Image.Image) -> _Prefix:
        ids = self.processor.tokenize(self.processor.conversation.prompt(""))
        ids = ids[: _after_image(ids, self.processor.image_token_id)]
        pixels = self.processor.image_processor([image], return_tensors="pt")["pixel_values"].to(self.device)
        feature_map, image_tokens = self.model.get_image_features(pixels)
        embeds = self.model.model.embed(torch.tensor([ids], device=self.device), image_tokens)
        outputs = self.model.model(inputs_embeds=embeds, use_cache=True)
        assert outputs.past_key_values is not None
        grid = self.model.model.feature_grid(pixels, feature_map.shape[1])
        return _Prefix(tuple(ids), feature_map, grid, outputs.past_key_values)

    @property
    def _positions(self) -> int:
        text: Any = self.model.config.text_config
        return int(getattr(text, "max_position_embeddings", None) or 1 << 30)

    def _budget(self, state: _State, max_new_tokens: int) -> int:
        """How many tokens may still be generated."""
        return min(max_new_tokens, self._positions - state.mask.shape[1])

    def _unfinished(self, token: int, text: str) -> bool:
        """Whether the end of a text may still change: a character that lacks some of its bytes."""
        tokenizer: Any = self.processor.tokenizer
        return text.endswith("\ufffd") or _BYTE.fullmatch(tokenizer.convert_ids_to_tokens(token)) is not None

    def _decode(self, ids: list[int]) -> str:
        tokenizer: Any = self.processor.tokenizer
        return str(tokenizer.decode(ids, skip_special_tokens=True)).strip()


def embedded_weights() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(file.parent.name for file in WEIGHTS.glob("*/config.json"))


def find_weights(name_or_folder: str | Path) -> Path:
    """The folder of embedded weights by name, or the folder given.

    Raises:
        WeightsError: it is neither.
    """
    name = str(name_or_folder)
    if name in embedded_weights():
        return WEIGHTS / name
    known = ", ".join(embedded_weights()) or "none"
    folder, found = Path(name_or_folder), False
    with suppress(OSError, RuntimeError, ValueError):  # a name too long for a path, "~nobody/model"
        folder = folder.expanduser()
        if name and (folder / "config.json").is_file():
            return folder
        found = bool(name) and folder.is_dir()
    if found:
        raise WeightsError(f"the folder {name!r} holds no model (no config.json): give the folder that has it")
    raise WeightsError(
        f"unknown model {name!r}: the embedded ones are {known}; for others give the folder that holds config.json"
    )


def _joined(caches: "Sequence[Cache]") -> "Cache":
    """Caches of one row each, all of one length, as one of as many rows; they stay as they are."""
    joined = copy.deepcopy(caches[0])
    if len(caches) > 1:
        layers: list[list[Any]] = [list(cache.layers) for cache in (joined, *caches)]
        for layer, *rows in zip(*layers, strict=True):
            layer.keys = torch.cat([row.keys for row in rows])
            layer.values = torch.cat([row.values for row in rows])
    return joined


def _after_image(ids: Sequence[int], image_token_id: int) -> int:
    """Position behind the last image token."""
    return max(place for place, token in enumerate(ids) if token == image_token_id) + 1


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the longest common beginning."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))
