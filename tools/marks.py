"""Which weights lie in a folder: a short mark that what was measured with them is kept under.

Calibrated probabilities and what recognises outside pictures belong to the weights that they were fitted with. With
others they would be wrong without showing it, so they carry these marks and are left unused where the marks differ.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import ferret
from tools.base import WEIGHTS_FOLDER

FERRET_FOLDER = Path(ferret.__file__).parent / "weights" / "ferret-nano"
"""Where the embedded weights of Ferret lie."""
_MARK_BYTES = 1 << 22  # training moves every tensor, so the first ones tell


def weights_mark(folder: Path) -> str:
    """Twelve hexadecimal digits that change when the weights in `folder` do, quickly read even for large ones.

    The JSON of the same name beside weights counts as well: it says how they are used.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(f"{path.name} {path.stat().st_size} ".encode())
        with path.open("rb") as file:
            digest.update(file.read(_MARK_BYTES))
        if (beside := path.with_suffix(".json")).is_file():
            digest.update(beside.read_bytes())
    return digest.hexdigest()[:12]


def embedded_marks() -> Mapping[str, str]:
    """The marks of all embedded weights: "ferret", and "tools" for the detector and the segmenter."""
    return MappingProxyType({"ferret": weights_mark(FERRET_FOLDER), "tools": weights_mark(WEIGHTS_FOLDER)})
