"""Folders of weights: ours, and the released Ferret v1 format with its deltas (ferret-spec 2).

What a folder holds is told by its `config.json`, never by its name. Tensors are read from safetensors, or from
`pytorch_model.bin` with `weights_only=True`; nothing in a folder is ever run, and nothing is fetched.

    >>> apply_delta("vicuna-7b-v1.3", "ferret-7b-delta", "ferret-7b")
    >>> model = load_model("ferret-7b", vision_tower="clip-vit-large-patch14-336", dtype="bfloat16")
    >>> processor = load_processor("ferret-7b", model.config)
"""

import dataclasses
import json
import pickle
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, LlamaConfig, PreTrainedConfig
from transformers.utils import logging as transformers_logging

from ferret.configuration import FerretConfig
from ferret.errors import WeightsError
from ferret.modeling import FerretForConditionalGeneration

if TYPE_CHECKING:
    from ferret.processing import FerretProcessor

_WEIGHT_FILES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
_TOKENIZER_FILES = (
    "tokenizer.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
)
# Buffers that old transformers versions stored; they follow from the configuration.
_BUFFER = re.compile(r"\.rotary_emb\.inv_freq$")
# Tensors that a delta may have and its base not (ferret-spec 2.3).
_ADDED = re.compile(r"^model\.(mm_projector|region_geo_sampler)\.")
_GROWN = ("model.embed_tokens.weight", "lm_head.weight")

# Released name -> ours, tried in this order.
_NAMES = (
    (r"lm_head\.(.*)", r"lm_head.\1"),
    (r"model\.mm_projector\.(weight|bias)", r"model.projector.layers.0.\1"),
    (r"model\.mm_projector\.(\d+)\.(weight|bias)", r"model.projector.layers.\1.\2"),
    (r"model\.region_geo_sampler\.diff_projector_list\.(\d+)\.(.*)", r"model.region_sampler.stages.\1.difference.\2"),
    (
        r"model\.region_geo_sampler\.agg_projector_list\.(\d+)\.net\.0\.(.*)",
        r"model.region_sampler.stages.\1.aggregate.\2",
    ),
    (r"model\.region_geo_sampler\.agg_projector_list\.(\d+)\.norm\.(.*)", r"model.region_sampler.stages.\1.norm.\2"),
    (r"model\.region_geo_sampler\.flatten_projector\.(.*)", r"model.region_sampler.flatten.\1"),
    (r"model\.region_geo_sampler\.dim_projector\.(.*)", r"model.region_sampler.output.\1"),
    (r"model\.((?:embed_tokens|layers|norm)\..*)", r"model.language_model.\1"),
)


class WeightFiles:
    """The tensors of a folder by name, read one at a time.

    Raises:
        WeightsError: the folder holds no weights, or a file is damaged or is not plain tensors.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        found = next((name for name in _WEIGHT_FILES if (self.folder / name).is_file()), None)
        if found is None:
            raise WeightsError(
                f"no weights in {str(self.folder)!r}: put model.safetensors or pytorch_model.bin there, or their index"
            )
        self._opened: tuple[str, Any] | None = None
        if found.endswith(".index.json"):
            weight_map = read_json(self.folder / found).get("weight_map")
            if not isinstance(weight_map, dict) or not weight_map:
                raise WeightsError(f"the weight index {str(self.folder / found)!r} names no tensors")
            for shard in set(weight_map.values()):
                if Path(shard).name != shard:
                    raise WeightsError(
                        f"the weight index {str(self.folder / found)!r} points outside its folder: {shard!r}"
                    )
            self.files: dict[str, str] = dict(weight_map)
        else:
            self.files = dict.fromkeys(self._open(found).keys(), found)

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def read(self, name: str) -> torch.Tensor:
        """One tensor, in its own dtype, on the CPU."""
        handle = self._open(self.files[name])
        try:
            tensor = handle[name] if isinstance(handle, dict) else handle.get_tensor(name)
        except (KeyError, SafetensorError) as error:
            raise WeightsError(f"{self.files[name]!r} in {str(self.folder)!r} lacks the tensor {name!r}") from error
        if not isinstance(tensor, torch.Tensor):
            raise WeightsError(f"{name!r} in {str(self.folder)!r} is not a tensor")
        return tensor

    def by_file(self) -> Iterator[tuple[str, list[str]]]:
        """File names, each with the names of its tensors."""
        for file in sorted(set(self.files.values())):
            yield file, [name for name, holder in self.files.items() if holder == file]

    def _open(self, file: str) -> Any:
        if self._opened is None or self._opened[0] != file:
            path = self.folder / file
            try:
                if file.endswith(".bin") and not zipfile.is_zipfile(path) and path.is_file():
                    raise pickle.UnpicklingError("a bare pickle, not an archive of tensors")
                handle: Any = (
                    safe_open(path, framework="pt")
                    if file.endswith(".safetensors")
                    else torch.load(path, map_location="cpu", weights_only=True, mmap=True)
                )
            except FileNotFoundError as error:
                raise WeightsError(f"the weight file {str(path)!r} is missing") from error
            except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
                raise WeightsError(
                    f"the weight file {str(path)!r} is damaged or holds more than tensors: get it again, as safetensors"
                ) from error
            if not (isinstance(handle, dict) or hasattr(handle, "get_tensor")):
                raise WeightsError(f"the weight file {str(path)!r} is not a table of tensors")
            self._opened = (file, handle)
        return self._opened[1]


def is_released(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is in the released Ferret format."""
    return "mm_vision_tower" in config


def load_model(
    folder: str | Path, *, vision_tower: str | Path | None = None, dtype: str | torch.dtype = "auto"
) -> FerretForConditionalGeneration:
    """Loads a model from a folder in our format or in the released Ferret v1 format, ready for inference.

    Args:
        folder: holds `config.json` and weights.
        vision_tower: for the released format, the folder of the CLIP encoder, which that format leaves out; by default
            the sub-folder `vision_tower`, or the local folder that its configuration names.
        dtype: of the weights; "auto" keeps them as saved.

    Raises:
        WeightsError: the folder is missing, of another kind or incomplete.
    """
    folder = Path(folder)
    config = read_json(_config_file(folder))
    model: Any
    with _quiet():
        if is_released(config):
            model, info = _load_released(folder, config, vision_tower, dtype)
        elif config.get("model_type") == FerretConfig.model_type:
            model, info = _load_own(folder, dtype)
        else:
            raise WeightsError(
                f"{str(folder)!r} holds a {config.get('model_type')!r} model, not a Ferret: give the folder of one"
            )
    lacking = sorted(info["missing_keys"])
    if lacking:
        raise WeightsError(
            f"the weights in {str(folder)!r} lack {len(lacking)} tensors, the first is {lacking[0]!r}: get them again"
        )
    loaded: FerretForConditionalGeneration = model.eval()
    return loaded


def load_processor(folder: str | Path, config: FerretConfig) -> "FerretProcessor":
    """The processor that belongs to a folder: its own, or for the released format one built from its tokenizer.

    Raises:
        WeightsError: the folder lacks files, or they are damaged.
    """
    from ferret.processing import FerretProcessor

    folder = Path(folder)
    if not is_released(read_json(_config_file(folder))):
        try:
            with _quiet():
                processor: FerretProcessor = FerretProcessor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"{str(folder)!r} has no usable processor, get its tokenizer and processor files again: "
                f"{_one_line(error)}"
            ) from error
        return processor
    from ferret.image_processing import FerretImageProcessor
    from ferret.tokenization import load_released_tokenizer

    vision: Any = config.vision_config
    return FerretProcessor(
        image_processor=FerretImageProcessor(size={"height": vision.image_size, "width": vision.image_size}),
        tokenizer=load_released_tokenizer(folder),
        template="ferret_v1",
        num_image_tokens=config.num_image_tokens,
        num_region_points=config.sampler_shape.num_points,
    )


def convert_config(released: Mapping[str, Any], vision_config: PreTrainedConfig) -> FerretConfig:
    """Our configuration for a released one (ferret-spec 2.2) and its encoder's.

    Raises:
        WeightsError: the model has parts that Ferret v1 has not.
    """
    if released.get("model_type") != "ferret":
        raise WeightsError(f"{released.get('model_type')!r} models are not supported: only Ferret v1 ('ferret') is")
    if "region_geo_sampler" not in released:  # its presence, not its value, creates the sampler
        raise WeightsError("the released model has no region sampler ('region_geo_sampler' is not in its config.json)")
    projector: Any = released.get("mm_projector_type") or "linear"
    if projector not in ("linear", "mlp2x_gelu"):
        raise WeightsError(f"unknown projector {projector!r} in the released configuration")
    known = {field.name for field in dataclasses.fields(LlamaConfig)} | {"rope_theta", "rope_scaling"}
    ignored = {"architectures", "model_type", "transformers_version", "dtype", "use_cache"}
    text = {name: value for name, value in released.items() if name in known - ignored and value is not None}
    region_token = released.get("im_region_fea_token")
    if not isinstance(region_token, int):
        raise WeightsError("the released config.json has no 'im_region_fea_token': take the config of the merged model")
    return FerretConfig(
        vision_config=vision_config,
        text_config=LlamaConfig(**text),
        sampler={
            "num_points": 512,
            "stage_points": [128, 32],
            "neighbors": 24,
            "pooler": released.get("sampler_pooler_mode") or "mean",
            "transposed": True,
        },
        projector_type=projector,
        vision_feature_layer=released.get("mm_vision_select_layer", -2),
        vision_feature_select="patch" if released.get("mm_vision_select_feature", "patch") == "patch" else "full",
        image_token_id=-200,
        region_token_id=region_token,
        tie_word_embeddings=bool(released.get("tie_word_embeddings", False)),
    )


def convert_name(released: str) -> str | None:
    """Our name of a released tensor; None for what we do not need (old buffers, and the encoder, read by itself).

    Raises:
        WeightsError: the name belongs to nothing in Ferret v1.
    """
    if _BUFFER.search(released) or released.startswith("model.vision_tower."):
        return None
    for pattern, ours in _NAMES:
        if re.fullmatch(pattern, released):
            return re.sub(pattern, ours, released)
    raise WeightsError(f"unknown tensor {released!r} in a released checkpoint")


def apply_delta(base: str | Path, delta: str | Path, target: str | Path) -> Path:
    """Adds a released delta to the language model that it belongs to (ferret-spec 2.3), bit for bit as upstream does.

    The sums are taken in float16. Tensors that the base lacks are copied if they belong to the projector or the
    sampler; rows that the delta's embeddings have more are copied too; anything else is an error. One file of the delta
    is in memory at a time. Rotary buffers are left out: they follow from the configuration.

    Args:
        base: folder of the base model (Vicuna v1.3).
        delta: folder of the delta.
        target: folder to write, in the released format; it must not exist yet or be empty.

    Returns:
        `target`.

    Raises:
        WeightsError: the folders do not belong together, or the target is in the way.
    """
    base, delta, target = Path(base), Path(delta), Path(target)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WeightsError(f"{str(target)!r} exists: name a new folder for the merged weights")
    old, new = WeightFiles(base), WeightFiles(delta)
    _config_file(delta)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Written beside the target and moved at the end, so that the target is whole or not there.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        written = Path(temporary) / "merged"
        written.mkdir()
        shards = list(new.by_file())
        weight_map: dict[str, str] = {}
        total = 0
        for number, (_, names) in enumerate(shards, start=1):
            file = "model.safetensors" if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
            merged = {name: _merge(name, old, new) for name in names if not _BUFFER.search(name)}
            save_file(merged, written / file, metadata={"format": "pt"})
            weight_map.update(dict.fromkeys(merged, file))
            total += sum(tensor.nbytes for tensor in merged.values())
        if len(shards) > 1:
            index = {"metadata": {"total_size": total}, "weight_map": weight_map}
            (written / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        for name in ("config.json", *_TOKENIZER_FILES):
            if (delta / name).is_file():
                shutil.copyfile(delta / name, written / name)
        if target.exists():
            target.rmdir()
        written.rename(target)
    return target


def _merge(name: str, old: WeightFiles, new: WeightFiles) -> torch.Tensor:
    change = new.read(name).to(torch.float16)
    if name not in old:
        if not _ADDED.match(name):
            raise WeightsError(f"the delta changes {name!r}, which the base model lacks: is it the right base?")
        return change.clone()
    start = old.read(name).to(torch.float16)
    if start.shape == change.shape:
        return start + change
    grown = name in _GROWN and start.shape[1:] == change.shape[1:] and start.shape[0] < change.shape[0]
    if not grown:
        raise WeightsError(
            f"{name!r} is {list(start.shape)!r} in the base, {list(change.shape)!r} in the delta: is it the right base?"
        )
    merged = change.clone()
    merged[: start.shape[0]] += start
    return merged


def _load_released(
    folder: Path, released: Mapping[str, Any], vision_tower: str | Path | None, dtype: str | torch.dtype
) -> tuple[Any, dict[str, Any]]:
    tower_folder = _vision_tower(folder, released, vision_tower)
    try:
        vision_config = AutoConfig.from_pretrained(tower_folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsError(f"no encoder in {str(tower_folder)!r}: {_one_line(error)}") from error
    # A whole CLIP folder serves as well as the vision half of one.
    vision_config = getattr(vision_config, "vision_config", vision_config)
    config = convert_config(released, vision_config)
    files = WeightFiles(folder)
    tensors: dict[str, torch.Tensor] = {}
    for _, names in files.by_file():
        for name in names:
            ours = convert_name(name)
            if ours is not None:
                tensor = files.read(name)
                # The released pointwise convolution is a linear map with a trailing axis of one.
                tensors[ours] = tensor.squeeze(-1) if ours.endswith("aggregate.weight") else tensor
    if dtype == "auto":
        dtype = next(tensor.dtype for tensor in tensors.values() if tensor.is_floating_point())
    wanted = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    tower, info = AutoModel.from_pretrained(
        tower_folder, config=vision_config, dtype=wanted, local_files_only=True, output_loading_info=True
    )
    if info["missing_keys"]:
        raise WeightsError(f"the encoder in {str(tower_folder)!r} lacks {sorted(info['missing_keys'])[0]!r}")
    tensors |= {f"model.vision_tower.{name}": tensor for name, tensor in tower.state_dict().items()}
    return _load(folder, None, config=config, state_dict=tensors, dtype=wanted)


def _load_own(folder: Path, dtype: str | torch.dtype) -> tuple[Any, dict[str, Any]]:
    WeightFiles(folder)  # says what is wrong with the files, if anything is
    return _load(folder, folder, dtype=dtype, local_files_only=True)


def _load(folder: Path, source: Path | None, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
    load: Any = FerretForConditionalGeneration.from_pretrained
    try:
        model, info = load(source, output_loading_info=True, **kwargs)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise WeightsError(
            f"the weights in {str(folder)!r} do not fit their config.json, get both again: {_one_line(error)}"
        ) from error
    return model, info


def _vision_tower(folder: Path, released: Mapping[str, Any], given: str | Path | None) -> Path:
    if given is not None:
        if not Path(given).is_dir():
            raise WeightsError(f"no folder {str(given)!r}: give the folder of the CLIP encoder as vision_tower")
        return Path(given)
    named = str(released["mm_vision_tower"])
    for candidate in (folder / "vision_tower", folder / named):  # an absolute name replaces the folder
        if (candidate / "config.json").is_file():
            return candidate
    raise WeightsError(
        f"the released weights in {str(folder)!r} come without their encoder: put {named!r} into the sub-folder "
        "'vision_tower', or give its folder as vision_tower"
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        WeightsError: the file is missing or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read {str(path)!r}, get it again: {_one_line(error)}") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{str(path)!r} is not a JSON object: get it again")
    return values


def _config_file(folder: Path) -> Path:
    path = folder / "config.json"
    if not path.is_file():
        raise WeightsError(f"no weights in {str(folder)!r}: it has no config.json")
    return path


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and reports of transformers: what is wrong is raised, not logged."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
