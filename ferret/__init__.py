"""Ferret: a vision-language model that refers to regions of a picture and grounds what it says.

Names are imported when they are first used, so that `import ferret` and everything about regions, images and answers
needs neither torch nor transformers. The model's classes register with the Auto classes of transformers when one of
them is first touched, or at once when transformers is already imported:

    >>> import ferret, transformers
    >>> transformers.AutoModelForImageTextToText.from_pretrained(folder)  # after any name below was touched
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferret.configuration import FerretConfig as FerretConfig
    from ferret.coordinates import BINS as BINS
    from ferret.engine import Engine as Engine
    from ferret.engine import Generation as Generation
    from ferret.engine import Prompt as Prompt
    from ferret.errors import FerretError as FerretError
    from ferret.errors import ImageError as ImageError
    from ferret.errors import RegionError as RegionError
    from ferret.errors import RequestError as RequestError
    from ferret.errors import ToolError as ToolError
    from ferret.errors import WeightsError as WeightsError
    from ferret.images import image_hash as image_hash
    from ferret.images import load_image as load_image
    from ferret.modeling import FerretForConditionalGeneration as FerretForConditionalGeneration
    from ferret.modeling import FerretModel as FerretModel
    from ferret.parsing import ParsedAnswer as ParsedAnswer
    from ferret.parsing import parse_answer as parse_answer
    from ferret.processing import FerretProcessor as FerretProcessor
    from ferret.regions import Box as Box
    from ferret.regions import Mask as Mask
    from ferret.regions import Point as Point
    from ferret.regions import Polygon as Polygon
    from ferret.regions import Region as Region
    from ferret.regions import Scribble as Scribble
    from ferret.regions import parse_region as parse_region
    from ferret.sampler import SpatialAwareSampler as SpatialAwareSampler

# Public name -> the module that defines it.
_HOME = {
    "BINS": "coordinates",
    "Box": "regions",
    "Engine": "engine",
    "FerretConfig": "configuration",
    "FerretError": "errors",
    "FerretForConditionalGeneration": "modeling",
    "FerretModel": "modeling",
    "FerretProcessor": "processing",
    "Generation": "engine",
    "ImageError": "errors",
    "Mask": "regions",
    "ParsedAnswer": "parsing",
    "Point": "regions",
    "Polygon": "regions",
    "Prompt": "engine",
    "Region": "regions",
    "RegionError": "errors",
    "RequestError": "errors",
    "Scribble": "regions",
    "SpatialAwareSampler": "sampler",
    "ToolError": "errors",
    "WeightsError": "errors",
    "image_hash": "images",
    "load_image": "images",
    "parse_answer": "parsing",
    "parse_region": "regions",
}
_REGISTERED = ("configuration", "modeling", "processing")

__all__ = sorted(_HOME)


def register() -> None:
    """Makes the Auto classes of transformers know Ferret's configuration, models and processor."""
    for module in _REGISTERED:
        import_module(f"ferret.{module}")


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'ferret' has no attribute {name!r}")
    if home in _REGISTERED:
        register()
    value = getattr(import_module(f"ferret.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))


if "transformers" in sys.modules:
    register()
