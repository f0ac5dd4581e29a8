"""Readers for the field's data formats: whatever the file, out come `Sample`s, and a `Report` of what was not usable.

`READERS` has them by name; a recipe looks them up there.
"""

from training.readers.registry import READERS, Reader
from training.readers.report import Malformed, Report
from training.readers.sample import Sample, Turn

__all__ = ["READERS", "Malformed", "Reader", "Report", "Sample", "Turn"]
