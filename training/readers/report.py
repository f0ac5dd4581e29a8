"""What became of the records of a data file: used, left out on purpose, or malformed; nothing vanishes unseen.

The released code dropped what it could not read without a word. Here whoever reads a file is told:

    report = Report()
    samples = list(READERS["refcoco"].read(path, images=folder, report=report, seed=0))
    report.malformed, report.examples, report.left_out
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from ferret.errors import RequestError

MALFORMED = (ValidationError, RequestError)
"""What reading one record may raise without the file being at fault as a whole."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """One record that could not be used: its file, its place in there, and why.

    `where` is `line 3` (counted from 1) in a file of lines, else the path to the entry, `[17]` or `annotations[17]`
    (counted from 0, as JSON arrays are).
    """

    file: Path
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, {self.where}: {self.reason}"


@dataclass(slots=True)
class Report:
    """Counts of records over one or more files, and the first `keep` of the malformed ones.

    A record is the smallest entry that a format numbers: a conversation, a question, an annotation. It is counted once
    it has been dealt with, so the counts are whole when a reader has come to its end.

    Attributes:
        keep: how many malformed records are kept with their reasons; all of them are counted.
        used: records that are part of a sample.
        malformed: records that break their format.
        left_out: records that are sound but not meant for training (a crowd, a text without picture), by reason.
        examples: the malformed records that were kept, in order.
    """

    keep: int = 100
    used: int = 0
    malformed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: list[Malformed] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Records dealt with so far."""
        return self.used + self.malformed + self.left_out.total()

    def use(self, records: int = 1) -> None:
        """Count records that a sample holds."""
        self.used += records

    def leave_out(self, reason: str, records: int = 1) -> None:
        """Count sound records that are not meant for training."""
        if records:  # a reason with a count of 0 would be noise
            self.left_out[reason] += records

    def refuse(self, file: Path, where: str, fault: Exception | str) -> None:
        """Count a malformed record, and keep it while there is room."""
        self.malformed += 1
        if len(self.examples) < self.keep:
            self.examples.append(Malformed(file, where, reason_of(fault)))


def reason_of(fault: Exception | str) -> str:
    """One line; of what pydantic found wrong the first, with its place in the record."""
    if not isinstance(fault, ValidationError):
        return str(fault)
    errors = fault.errors(include_url=False, include_context=False, include_input=False)
    place = ".".join(str(part) for part in errors[0]["loc"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {errors[0]['msg']}{more}" if place else f"{errors[0]['msg']}{more}"
