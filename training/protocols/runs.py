"""One run: a benchmark, a model and a folder that keeps what was asked of whom, every answer, and the result.

    run = Run(benchmark, "pope", report, (file,), Path("runs/pope"), weights, command="ferret evaluate pope ...")
    run.conclude(run.ask(), POPE)

`run.json` says what the folder is a run of, so that it is not continued with other weights or other data;
`answers.jsonl` holds every answer; `result.json` is written last, by `RunResult`, which also reads it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferret.errors import TrainingError
from training.protocols import questions
from training.protocols.answers import mended
from training.protocols.asking import MAX_NEW_TOKENS, Model, Progress, Taken, ask_all
from training.protocols.kept import whole_lines, write_whole
from training.protocols.provenance import data_hash, hardware, versions
from training.protocols.questions import AnyQuestion, Benchmark
from training.protocols.result import Result
from training.readers.records import load_json
from training.readers.report import Report, reason_of

RESULT, ANSWERS, IDENTITY = "result.json", "answers.jsonl", "run.json"
MALFORMED = "a malformed record has no truth and is left out"
EMPTY, CUT_OFF = "empty", "cut off at the limit of tokens"
_FIRST = 20


class Loaded(Model, Protocol):
    """A model that says where it runs."""

    @property
    def device(self) -> object:
        """For example "cpu" or "cuda:0"."""


@dataclass(frozen=True)
class Weights:
    """Who answers: a name, a mark of the content, and how to load it (see `provenance.content_mark`)."""

    name: str
    mark: str
    load: Callable[[], Loaded]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedRow(_Kept):
    """A figure that a paper gives."""

    model: str
    value: float
    source: str


class MetricRow(_Kept):
    """One number, in the unit in which papers print it, beside theirs; `count` cases it is taken over."""

    name: str
    value: float
    count: int
    published: list[PublishedRow]
    detail: bool


class UnaskedRow(_Kept):
    """A record that could not be asked: its place in the data, and why."""

    where: str
    reason: str


class FaultRow(_Kept):
    """How many answers lack something in form, and the first of them by their ids."""

    count: int
    first: list[int] | list[str]


class RunResult(_Kept):
    """`result.json`: what a run gave, and everything that the numbers rest on.

    Attributes:
        questions: sound records of the benchmark.
        answered: of these, how many were put to the model.
        malformed: records that could not be read.
        left_out: sound records that are no questions, by reason.
        unasked: every record that was not put to the model, malformed or not.
        unasked_rule: what became of them in the score.
        parsing_faults: what answers lack in form.
        mended: where the reading of answers departs from the released evaluation.
        weights_mark: changes with the content of the weights.
        data: SHA-256 of each data file.
        seconds: that the model took.
        judge: who scored, where it was not the program.
    """

    benchmark: str
    split: str
    metrics: list[MetricRow] = Field(min_length=1)
    questions: int
    answered: int
    malformed: int
    left_out: dict[str, int]
    unasked: list[UnaskedRow]
    unasked_rule: str
    parsing_faults: dict[str, FaultRow]
    mended: list[str]
    weights: str
    weights_mark: str
    data: dict[str, str]
    command: str
    hardware: str
    versions: dict[str, str]
    seconds: float
    judge: str | None = None

    @classmethod
    def read(cls, path: Path) -> "RunResult":
        """The result in a file, or in the folder of a run.

        Raises:
            TrainingError: there is none, or it is not one of ours.
        """
        file = path / RESULT if path.is_dir() else path
        try:
            return cls.model_validate(load_json(file))
        except ValidationError as error:
            raise TrainingError(f"{str(file)!r} is no result of a run: {reason_of(error)}") from None

    def write(self, folder: Path) -> None:
        """Write `result.json` into a folder.

        Raises:
            TrainingError: it cannot be written.
        """
        write_whole(folder / RESULT, self.model_dump_json(indent=2) + "\n")


class _Identity(_Kept):
    """What a folder is a run of."""

    benchmark: str
    split: str
    weights: str
    weights_mark: str
    data: dict[str, str]
    max_new_tokens: int


class _RunFile(_Kept):
    """`run.json`: the identity, and the machines that have answered so far."""

    identity: _Identity
    hardware: list[str] = []


def metric_rows(result: Result) -> list[MetricRow]:
    """The metrics of a result as they are kept."""
    return [
        MetricRow(
            name=metric.name,
            value=metric.value,
            count=metric.count,
            published=[PublishedRow(model=f.model, value=f.value, source=f.source) for f in metric.published],
            detail=metric.detail,
        )
        for metric in result.metrics
    ]


@dataclass(frozen=True)
class Run(Generic[AnyQuestion]):
    """A benchmark put to one model, in a folder that it can be continued in.

    Attributes:
        benchmark: what is asked.
        name: what the command line calls it.
        report: what reading the data found.
        data: the files, or the folder, that the benchmark was read from.
        folder: where the run is kept; made if missing.
        weights: who answers.
        command: the line that started this.
        batch: how many questions are run together.
    """

    benchmark: Benchmark[AnyQuestion]
    name: str
    report: Report
    data: tuple[Path, ...]
    folder: Path
    weights: Weights
    command: str
    batch: int = 16

    def ask(self, progress: Progress | None = None) -> Taken:
        """Put to the model what the folder holds no answer to.

        Raises:
            TrainingError: the folder holds another run, or as `ask_all`.
            ToolError: as `ask_all`.
        """
        kept = self._claimed()

        def load() -> Loaded:
            model = self.weights.load()
            machine = hardware(str(model.device))
            if machine not in kept.hardware:
                self._write(_RunFile(identity=self._identity, hardware=[*kept.hardware, machine]))
            return model

        return ask_all(self.benchmark.questions, self.folder / ANSWERS, load, batch=self.batch, progress=progress)

    def conclude(self, taken: Taken, protocol: questions.Protocol[AnyQuestion], judge: str | None = None) -> RunResult:
        """Score the answers by a protocol and write `result.json`; `judge` names who scored, if not the program.

        Raises:
            TrainingError: nothing was answered, or too little for this benchmark's scores.
            ToolError: a judge gives no scores.
        """
        if not taken.answers:
            reason = next(iter(taken.unasked.values()))
            raise TrainingError(f"none of the {len(taken.unasked)} questions could be asked, the first since {reason}")
        benchmark, texts = self._scored(taken, counted=protocol.unasked_counts)
        result = protocol.score(benchmark, texts)
        identity = self._identity
        concluded = RunResult(
            benchmark=result.benchmark,
            split=result.split,
            metrics=metric_rows(result),
            questions=len(self.benchmark.questions),
            answered=len(taken.answers),
            malformed=self.report.malformed,
            left_out=dict(self.report.left_out),
            unasked=self._unasked(taken),
            unasked_rule=f"{protocol.unasked}; {MALFORMED}",
            parsing_faults=self._faults(taken, protocol),
            mended=mended(self.name),
            weights=identity.weights,
            weights_mark=identity.weights_mark,
            data=identity.data,
            command=self.command,
            hardware=" + ".join(self._claimed().hardware),
            versions=versions(),
            seconds=round(sum(answer.seconds for answer in taken.answers.values()), 2),
            judge=judge,
        )
        concluded.write(self.folder)
        return concluded

    @cached_property
    def _identity(self) -> _Identity:
        return _Identity(
            benchmark=self.benchmark.name,
            split=self.benchmark.split,
            weights=self.weights.name,
            weights_mark=self.weights.mark,
            data={path.name: data_hash(path) for path in self.data},
            max_new_tokens=MAX_NEW_TOKENS,
        )

    def _claimed(self) -> _RunFile:
        """What `run.json` holds, which is written if there is none."""
        path = self.folder / IDENTITY
        if not path.exists():
            if whole_lines(self.folder / ANSWERS):
                raise TrainingError(f"{str(self.folder)!r} holds answers of unknown origin: give another --out")
            fresh = _RunFile(identity=self._identity)
            self._write(fresh)
            return fresh
        try:
            kept = _RunFile.model_validate(load_json(path))
        except ValidationError as error:
            raise TrainingError(
                f"{str(path)!r} is not the start of a run ({reason_of(error)}): give another --out"
            ) from None
        theirs, ours = kept.identity.model_dump(), self._identity.model_dump()
        other = [f"{key} {_shown(theirs[key])} and not {_shown(ours[key])}" for key in ours if ours[key] != theirs[key]]
        if other:
            raise TrainingError(
                f"{str(self.folder)!r} holds another run, with {'; '.join(other)}: give another --out, or remove it"
            )
        return kept

    def _write(self, kept: _RunFile) -> None:
        write_whole(self.folder / IDENTITY, kept.model_dump_json(indent=2) + "\n")

    def _scored(self, taken: Taken, *, counted: bool) -> tuple[Benchmark[AnyQuestion], list[str]]:
        """The questions that the score is over, and an answer to each: an empty one if unasked ones are counted."""
        numbers = list(range(len(self.benchmark.questions)) if counted else taken.answers)
        asked = tuple(self.benchmark.questions[number] for number in numbers)
        texts = [taken.answers[number].answer if number in taken.answers else "" for number in numbers]
        return Benchmark(self.benchmark.name, self.benchmark.split, asked), texts

    def _unasked(self, taken: Taken) -> list[UnaskedRow]:
        malformed = [
            UnaskedRow(where=f"{one.file.name}, {one.where}", reason=one.reason) for one in self.report.examples
        ]
        refused = [UnaskedRow(where=f"question {number}", reason=why) for number, why in taken.unasked.items()]
        return malformed + refused

    def _faults(self, taken: Taken, protocol: questions.Protocol[AnyQuestion]) -> dict[str, FaultRow]:
        found: dict[str, list[int]] = {}
        for number, answer in taken.answers.items():
            empty = not answer.answer.strip()
            form = None if empty else protocol.fault(self.benchmark.questions[number], answer.answer)
            for fault in (EMPTY if empty else None, None if answer.complete else CUT_OFF, form):
                if fault:
                    found.setdefault(fault, []).append(number)
        return {fault: FaultRow(count=len(ids), first=ids[:_FIRST]) for fault, ids in sorted(found.items())}


def _shown(value: object) -> str:
    """A value of `run.json` in a message; hashes are long."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {str(content)[:12]}" for name, content in value.items())
    return json.dumps(value)
