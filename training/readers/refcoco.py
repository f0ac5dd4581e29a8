"""RefCOCO, RefCOCO+ and RefCOCOg as MDETR's `finetune_refcoco*_{split}.json` has them: an expression, one box.

Each entry of `images` is one expression (`caption`) about one picture, each of `annotations` its box [x, y, width,
height]; the same picture and object come back with every other expression for them.
"""

from collections.abc import Iterator
from pathlib import Path

from training.readers.mdetr import Expression, Target, location_question
from training.readers.records import checked_rows, entry_of, indexed_rows, load_tables, sides_on_image, spoken
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn

NAME = "refcoco"


def read_refcoco(path: Path, *, images: Path, report: Report) -> Iterator[Sample]:
    """Find what an expression names: the released question (ferret-spec 3), and the expression with its box.

    Commas are taken out of the expression, as the released evaluation does (ferret-spec 4). Samples come in the order
    of the boxes. Malformed too: an expression with several boxes (from the second on), or without any.

    Raises:
        TrainingError: the file cannot be read.
    """
    pictures, boxes = load_tables(path, "images", "annotations")
    expressions = indexed_rows(path, "images", pictures, Expression, report)
    unplaced = dict(expressions)
    for where, target in checked_rows(path, "annotations", boxes, Target, report):
        try:
            expression = entry_of(expressions, target.image_id, "images")
            entry_of(unplaced, target.image_id, "images that are still without a box")
            box = sides_on_image(target.bbox, expression.size)
            phrase = spoken(expression.caption.replace(",", " "))
        except MALFORMED as error:
            unplaced.pop(target.image_id, None)
            report.refuse(path, where, error)
            continue
        del unplaced[target.image_id]
        turn = Turn(location_question(phrase), f"{phrase} <box1>", boxes=(box,))
        report.use()
        yield Sample(NAME, str(expression.id), images / expression.file_name, expression.size, (turn,))
    for number in unplaced:
        report.refuse(path, f"images, id {number}", "no entry of annotations gives its box")
