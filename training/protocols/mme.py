"""MME: fourteen kinds of yes-or-no questions, two about every picture, one answered by each.

    benchmark = read_mme(Path("MME_Benchmark"), images=Path("MME_Benchmark"), report=Report())
    score_mme(benchmark, answers)["perception"]

Fu et al. 2023 (arXiv:2306.13394). "acc" is the share of right answers, "acc+" that of pictures with both answers right,
each in percent; a kind scores their sum, and perception (ten kinds), cognition (four) and the total add kinds up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ferret.errors import TrainingError
from training.protocols.answers import NEITHER, YesNo, leading_yes_or_no
from training.protocols.published import published
from training.protocols.questions import Benchmark, Protocol, Question, gathered
from training.protocols.result import Metric, Result, percent
from training.readers.records import read_text
from training.readers.report import Report

PERCEPTION = (
    "existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
)  # fmt: skip
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")

_PICTURES = (".jpg", ".png", ".jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class MmeQuestion(Question):
    """A question, of which kind it is, and its right answer."""

    kind: str
    label: YesNo


def read_mme(folder: Path, *, images: Path, report: Report) -> Benchmark[MmeQuestion]:
    """The questions of the benchmark's folder, which has one folder for each of the fourteen kinds.

    A picture's questions are a text file of its name, `question<tab>Yes` a line: beside the picture, or in
    `questions_answers_YN` beside the folder `images` that holds it. `images` is the benchmark's folder too, unless its
    pictures are kept apart, in folders of the same names. A file is malformed that does not hold two questions, one to
    be answered by each word.

    Raises:
        TrainingError: a kind is missing or empty.
    """
    questions: list[MmeQuestion] = []
    for kind in (*PERCEPTION, *COGNITION):
        texts, pictures = folder / kind, images / kind
        if (texts / "questions_answers_YN").is_dir():
            texts = texts / "questions_answers_YN"
        if (pictures / "images").is_dir():
            pictures = pictures / "images"
        files = sorted(texts.glob("*.txt"))
        if not files:
            raise TrainingError(f"{str(folder / kind)!r} holds no questions: give the folder with all 14 kinds of MME")
        for file in files:
            try:
                questions += _two_questions(file, pictures, kind)
            except TrainingError as error:
                report.refuse(file, kind, error)
            else:
                report.use()
    return gathered("mme", "all", questions, report)


def score_mme(benchmark: Benchmark[MmeQuestion], answers: Sequence[str]) -> Result:
    """The scores of perception, cognition and both, then acc, acc+ and score of every kind, and the share of "neither".

    Raises:
        TrainingError: there is not one answer for each question.
    """
    right: dict[str, dict[Path, list[bool]]] = {}  # kind -> picture -> whether each answer is right
    for question, answer in benchmark.answered(answers):
        asked = right.setdefault(question.kind, {}).setdefault(question.image, [])
        asked.append(leading_yes_or_no(answer) == question.label)
    details: list[Metric] = []
    scores: dict[str, float] = {}
    for kind, pictures in right.items():
        single = [hit for hits in pictures.values() for hit in hits]
        accuracy, both = percent(single), percent([all(hits) for hits in pictures.values()])
        scores[kind] = accuracy + both
        details += [
            Metric(f"{kind} acc", accuracy, len(single), detail=True),
            Metric(f"{kind} acc+", both, len(pictures), detail=True),
            Metric(f"{kind} score", scores[kind], len(single), detail=True),
        ]
    sums = []
    for name, kinds in (("perception", PERCEPTION), ("cognition", COGNITION), ("total", PERCEPTION + COGNITION)):
        asked_of = sum(question.kind in kinds for question in benchmark.questions)
        value = sum(scores.get(kind, 0.0) for kind in kinds)
        sums.append(Metric(name, value, asked_of, published(benchmark.name, benchmark.split, name)))
    neither = percent([leading_yes_or_no(answer) is None for answer in answers])
    details.append(Metric("neither", neither, len(answers), detail=True))
    return Result(benchmark.name, benchmark.split, (*sums, *details))


def _two_questions(file: Path, pictures: Path, kind: str) -> list[MmeQuestion]:
    named = [pictures / f"{file.stem}{end}" for end in _PICTURES]
    picture = next((path for path in named if path.is_file()), named[0])
    found = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        text, _, label = line.rpartition("\t")
        if not text.strip() or label.strip().lower() not in ("yes", "no"):
            raise TrainingError(f"line {number} is not a question, a tab, and Yes or No")
        found.append(
            MmeQuestion(
                image=picture, text=text.strip(), kind=kind, label="yes" if label.strip().lower() == "yes" else "no"
            )
        )
    if sorted(question.label for question in found) != ["no", "yes"]:
        raise TrainingError(f"holds {len(found)} question(s) where MME has two, one a yes and one a no")
    return found


MME = Protocol(
    score_mme,
    unasked="counts as an answer that says neither: it is wrong, and its picture gets no acc+",
    unasked_counts=True,
    fault=lambda _question, answer: None if leading_yes_or_no(answer) else NEITHER,
)
