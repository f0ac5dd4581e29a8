"""The experts over a set of pictures, offline: in several processes, continuing where it stopped, never stopped by one.

    report = label_pictures(find_pictures(Path("pictures")), Path("labels.sqlite"), ExpertSettings(), processes=4)

Every process has experts of its own and writes what they saw straight into the store. A picture that cannot be read,
one on which an expert fails and one that ends its process are noted there with the reason, and the run goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from PIL import Image

from ferret.errors import FerretError, ImageError, TrainingError
from ferret.images import image_hash, load_image
from training.experts import processes as pool
from training.experts.labels import AnyLabels, Expert, Failure, FileRecord, LabelStore, ObjectLabel, Outcome
from training.experts.panel import ExpertSettings, Panel
from training.experts.pictures import Pictures

_DIED = "the process that labelled it ended: out of memory, or a fault in native code"
_NOT_THERE = (-1, 0)

Progress = Callable[[int, int], None]
"""Told how many pictures are done, and of how many."""


@dataclass(slots=True)
class LabellingReport:
    """What became of the pictures.

    Attributes:
        experts: who looked at them: detector, text reader, segmenter.
        total: how many there are.
        known: how many had been dealt with before.
        unreadable: names of those that are no pictures, or that ended a process, each with the reason.
        failures: names of those on which an expert failed, each with the expert and its reason.
    """

    experts: tuple[Expert, ...]
    total: int
    known: int = 0
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one picture: why it cannot be read, or which experts failed and why."""

    unreadable: str = ""
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    """What all pictures of a run share."""

    root: Path
    store: Path
    settings: ExpertSettings
    experts: tuple[Expert, ...]


def label_pictures(
    pictures: Pictures,
    store: Path,
    settings: ExpertSettings,
    *,
    processes: int = 1,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> LabellingReport:
    """Have every picture labelled that is not yet.

    Args:
        pictures: which.
        store: the file that holds the labels, made if missing.
        settings: the experts' weights.
        processes: how many work at once. The labels do not depend on it.
        retry_failed: look again at what could not be read or labelled before.
        progress: called after each picture.

    Raises:
        TrainingError: fewer than one process, or the store cannot be used.
        WeightsError: the experts' weights are missing or of another kind.
        ToolError: an expert lacks something or cannot be loaded, or processes die whatever they work on.
    """
    if processes < 1:
        raise TrainingError(f"{processes} processes label nothing: give 1 or more")
    panel = Panel(settings)
    job = _Job(pictures.root, store, settings, panel.experts())
    panel.unload()
    report = LabellingReport(job.experts, len(pictures.names))
    with LabelStore(store) as labels:
        numbers = [labels.register(expert) for expert in job.experts]
        if retry_failed:
            labels.forget_failures(numbers)
        waiting = []
        for name in pictures.names:
            fate = _known_fate(labels, pictures.root / name, numbers, job.experts)
            if fate is None:
                waiting.append(name)
            else:
                report.known += 1
                _note(report, name, fate)
        done = report.known
        if progress is not None:
            progress(done, report.total)
        try:
            for name, fate in pool.each_in_processes(partial(_label, job), waiting, processes):
                if fate is None:
                    path = pictures.root / name
                    labels.put_file(path, FileRecord(*_stamp(path), None, _DIED))
                    fate = _Fate(unreadable=_DIED)
                _note(report, name, fate)
                done += 1
                if progress is not None:
                    progress(done, report.total)
        finally:
            _labeller.cache_clear()  # the models of this very process, if it did the work itself
    report.unreadable.sort()
    report.failures.sort()
    return report


def labelled_picture(store: LabelStore, path: Path) -> str | None:
    """The hash of the picture in a file that was labelled and has not changed since, else None."""
    known = store.file(path)
    return known.picture if known is not None and (known.length, known.changed) == _stamp(path) else None


def _note(report: LabellingReport, name: str, fate: _Fate) -> None:
    if fate.unreadable:
        report.unreadable.append((name, fate.unreadable))
    report.failures += [(name, tool, reason) for tool, reason in fate.failures]


def _known_fate(store: LabelStore, path: Path, numbers: Sequence[int], experts: Sequence[Expert]) -> _Fate | None:
    """What became of a file that was dealt with and has not changed since; None if there is something to do."""
    known = store.file(path)
    if known is None or (known.length, known.changed) != _stamp(path):
        return None
    if known.picture is None:
        return _Fate(unreadable=known.reason)
    done = store.done(known.picture, numbers)
    if len(done) < len(numbers):
        return None
    tools = zip(numbers, (expert.tool for expert in experts), strict=True)
    return _Fate(failures=tuple((tool, done[number]) for number, tool in tools if done[number]))


# ---------------------------------------------------------------------------------------------------------------------
# One picture


def _label(job: _Job, name: str) -> _Fate:
    return _labeller(job).label(name)


@lru_cache(maxsize=1)
def _labeller(job: _Job) -> "_Labeller":
    return _Labeller(job)


class _Labeller:
    """The experts and the store of one process."""

    def __init__(self, job: _Job) -> None:
        self.job = job
        self.panel = Panel(job.settings, _device())
        self.panel.load()  # a model that cannot be loaded is no fault of a picture: it stops the run

    def label(self, name: str) -> _Fate:
        path = self.job.root / name
        with LabelStore(self.job.store) as store:
            numbers = [store.register(expert) for expert in self.job.experts]
            stamp = _stamp(path)
            try:
                image = load_image(path)
            except ImageError as error:
                store.put_file(path, FileRecord(*stamp, None, _line(error)))
                return _Fate(unreadable=_line(error))
            picture = image_hash(image)
            store.put(picture, image.size, dict(self._outcomes(store, picture, image, numbers)))
            store.put_file(path, FileRecord(*stamp, picture))
            fate = _known_fate(store, path, numbers, self.job.experts)
        return fate if fate is not None else _Fate()  # None: the file changed while it was looked at

    def _outcomes(
        self, store: LabelStore, picture: str, image: Image.Image, numbers: Sequence[int]
    ) -> Iterator[tuple[int, Outcome]]:
        """What those experts make of the picture that have not dealt with it."""
        detector, reader, segmenter = numbers
        done = store.done(picture, numbers)
        objects = store.outcome(picture, detector)
        if objects is None:
            objects = _attempt(lambda: self.panel.detect(image))
            yield detector, objects
        if reader not in done:
            yield reader, _attempt(lambda: self.panel.read(image))
        if segmenter not in done:
            if isinstance(objects, Failure):
                yield segmenter, Failure("there are no boxes to outline: the detector failed")
            else:
                boxes = [label for label in objects if isinstance(label, ObjectLabel)]
                yield segmenter, _attempt(lambda: self.panel.outline(image, boxes))


def _attempt(look: Callable[[], AnyLabels]) -> Outcome:
    """An expert's labels, or why it has none; whatever it raises is about this picture, its model being loaded."""
    try:
        return look()
    except Exception as error:
        return Failure(_line(error))


def _device() -> str | None:
    """In a worker on a machine with several GPUs its own one of them."""
    import torch

    return f"cuda:{pool.turn % torch.cuda.device_count()}" if torch.cuda.is_available() else None


def _stamp(path: Path) -> tuple[int, int]:
    """Length and time of change of a file, by which it is known again."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return _NOT_THERE
    return found.st_size, found.st_mtime_ns


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, FerretError) and text else f"{type(error).__name__}: {text}"
