"""The readers by name: which format each reads, and what it makes of it.

A mixture of data is a list of these names with files and folders of pictures:

    for sample in READERS["refcoco"].read(path, images=folder, report=report, seed=0): ...
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from training.readers import captions, conversations, ferret_json, flickr, instances, refcoco, visual_genome, vqa
from training.readers.report import Report
from training.readers.sample import Sample


class Read(Protocol):
    """Reads a file: the samples in its order, one after the other, and in `report` what became of every record.

    The same file and seed give the same samples; what is drawn for a record does not depend on those before it. Nothing
    happens before the first sample is asked for.
    """

    def __call__(self, path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]: ...


class _PlainRead(Protocol):
    def __call__(self, path: Path, *, images: Path, report: Report) -> Iterator[Sample]: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """A format and a task over it, in a line, and what reads it."""

    name: str
    summary: str
    read: Read


def _drawing_nothing(read: _PlainRead) -> Read:
    def read_samples(path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]:
        del seed
        return read(path, images=images, report=report)

    return read_samples


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        reader.name: reader
        for reader in (
            Reader(
                ferret_json.NAME,
                "released Ferret and GRIT JSON: conversations with boxes and masks",
                ferret_json.read_ferret,
            ),
            Reader(
                instances.REFER,
                "COCO and LVIS instances: name up to ten marked objects",
                instances.read_instance_names,
            ),
            Reader(
                instances.DETECT,
                "COCO and LVIS instances: name and box all objects in raster order",
                _drawing_nothing(instances.read_instance_boxes),
            ),
            Reader(
                refcoco.NAME,
                "RefCOCO, RefCOCO+ and RefCOCOg (MDETR's JSON): box what an expression names",
                _drawing_nothing(refcoco.read_refcoco),
            ),
            Reader(
                flickr.PHRASES,
                "Flickr30k Entities (MDETR's merged JSON): box every phrase of a sentence",
                _drawing_nothing(flickr.read_flickr_phrases),
            ),
            Reader(
                flickr.CAPTIONS,
                "Flickr30k Entities (MDETR's merged JSON): a sentence with boxes behind its phrases",
                _drawing_nothing(flickr.read_flickr_captions),
            ),
            Reader(
                visual_genome.REGIONS,
                "Visual Genome region descriptions: describe a box",
                visual_genome.read_vg_regions,
            ),
            Reader(
                visual_genome.RELATIONS,
                "Visual Genome relationships: relate two boxes",
                visual_genome.read_vg_relations,
            ),
            Reader(
                conversations.NAME,
                "LLaVA conversations about a picture",
                _drawing_nothing(conversations.read_conversations),
            ),
            Reader(
                vqa.NAME,
                "VQA v2: a question and its commonest answer",
                _drawing_nothing(vqa.read_vqa),
            ),
            Reader(
                captions.NAME,
                "COCO captions: a sentence about the picture",
                captions.read_captions,
            ),
        )
    }
)
"""Every reader by its name, which is also the `source` of its samples."""
