"""The makers of questions, by intent: each gives a question with its true answer, or None where it has none.

A maker sees only what is certain (certainty.py). What it is asked with also says how the question stands to coordinates
(exchange.py); a maker that has no honest answer in that case gives None as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.experts.exchange import Asker, Exchange, Intent
from training.experts.makers import (
    compare,
    counting,
    describe,
    existing,
    ground,
    listing,
    read,
    refer,
    relate,
    segment,
)

Make = Callable[[Asker], Exchange | None]


@dataclass(frozen=True, slots=True)
class Maker:
    """A task: its intent, what makes its questions, its share in that, and how many of ten questions it may be."""

    task: str
    intent: Intent
    make: Make
    share: float
    most: int


MAKERS: tuple[Maker, ...] = (
    Maker("name_region", "refer", refer.name_region, 1.0, most=2),
    Maker("name_regions", "refer", refer.name_regions, 0.7, most=1),
    Maker("check_name", "refer", refer.check_name, 0.7, most=1),
    Maker("choose_name", "refer", refer.choose_name, 0.5, most=1),
    Maker("find_one", "ground", ground.find_one, 1.0, most=2),
    Maker("find_all", "ground", ground.find_all, 0.7, most=2),
    Maker("find_several", "ground", ground.find_several, 0.6, most=2),
    Maker("find_absent", "ground", ground.find_absent, 0.5, most=1),
    Maker("find_text", "ground", ground.find_text, 0.6, most=2),
    Maker("describe_picture", "describe", describe.describe_picture, 1.0, most=1),
    Maker("describe_region", "describe", describe.describe_region, 1.0, most=2),
    Maker("list_all", "list", listing.list_all, 1.0, most=1),
    Maker("list_places", "list", listing.list_places, 0.8, most=1),
    Maker("list_which", "list", listing.list_which, 1.0, most=2),
    Maker("count_name", "count", counting.count_name, 1.0, most=2),
    Maker("count_absent", "count", counting.count_absent, 0.25, most=1),
    Maker("count_several", "count", counting.count_several, 0.6, most=1),
    Maker("exist_yes", "exist", existing.exist_yes, 1.0, most=2),
    Maker("exist_no", "exist", existing.exist_no, 1.0, most=2),
    Maker("relate_regions", "relate", relate.relate_regions, 1.0, most=2),
    Maker("relate_names", "relate", relate.relate_names, 0.8, most=2),
    Maker("check_relation", "relate", relate.check_relation, 0.8, most=2),
    Maker("read_line", "read", read.read_line, 1.0, most=2),
    Maker("read_thing", "read", read.read_thing, 0.5, most=2),
    Maker("read_all", "read", read.read_all, 0.6, most=1),
    Maker("check_text", "read", read.check_text, 0.4, most=1),
    Maker("segment_name", "segment", segment.segment_name, 1.0, most=2),
    Maker("segment_region", "segment", segment.segment_region, 1.0, most=2),
    Maker("segment_absent", "segment", segment.segment_absent, 0.4, most=1),
    Maker("compare_kind", "compare", compare.compare_kind, 1.0, most=2),
    Maker("compare_size", "compare", compare.compare_size, 1.0, most=2),
    Maker("compare_number", "compare", compare.compare_number, 0.8, most=2),
)
"""Every task that asks for one thing; several in one are made of these (steps.py)."""
