"""What is claimed, and the arms by which it is tested.

An arm is one way to train, run once a seed; arms that two claims share are run once. A claim is made of statements,
each a comparison of two arms by one measure, and each gets a verdict of its own (verdicts.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ferret.errors import TrainingError
from training.ablations.asking import Asked
from training.ablations.evidence import Evidence
from training.ablations.instructing import SCENES, DenseTask, InstructTask
from training.ablations.naming import CENTRE_COVERED, OVERLAPPED, NamingTask
from training.loop import Task
from training.scenes import SceneSettings

DENSE_COST = 0.4
"""What a step of dense labels costs in steps of instructions, in CPU time; for arms that are to cost the same."""

REFER: Mapping[str, float] = {"refer_point": 1.0, "refer_box": 1.0, "refer_mask": 1.0}
GROUND: Mapping[str, float] = {"ground_one": 2.25, "ground_absent": 0.75}
HINTED: Mapping[str, float] = {**REFER, "refer_hint": 3.0, "read": 1.0}
SIGNED = replace(SCENES, sign=0.35)  # so that there is something to read


@dataclass(frozen=True)
class Size:
    """How much an arm gets: steps of each stage, pictures a step, and held-out scenes (or questions a kind)."""

    naming: int = 400
    dense: int = 800
    instruct: int = 600
    batch: int = 8
    scenes: int = 400

    def scaled(self, factor: float) -> "Size":
        """With `factor` times the steps.

        Raises:
            TrainingError: that is less than one step.
        """
        naming, dense, instruct = (round(steps * factor) for steps in (self.naming, self.dense, self.instruct))
        if min(naming, dense, instruct) < 1:
            raise TrainingError(f"{factor:g} times the steps of an arm is less than one: give a larger --steps-scale")
        return replace(self, naming=naming, dense=dense, instruct=instruct)


@dataclass(frozen=True)
class NamingArm:
    """Names regions by one kind of evidence."""

    name: Evidence
    summary: str
    needs: str | None = None

    def steps(self, size: Size) -> int:
        return size.naming

    def task(self, size: Size, folder: Path, start: Path | None, weights: Path) -> Task:
        del folder, start
        return NamingTask(self.name, size.scenes, weights)


@dataclass(frozen=True)
class DenseArm:
    """The stage of dense labels, from which others start."""

    name: str
    summary: str
    needs: str | None = None

    def steps(self, size: Size) -> int:
        return size.dense

    def task(self, size: Size, folder: Path, start: Path | None, weights: Path) -> Task:
        del size, start
        return DenseTask(output=folder / LEARNED, weights=weights)


@dataclass(frozen=True)
class InstructArm:
    """Learns from instructions, `longer` times as long as others, and starts from what the arm `needs` has learned.

    Where it needs none, it starts from nothing, and learns longer for as much as that arm would have cost.
    """

    name: str
    summary: str
    tasks: Mapping[str, float]
    asked: tuple[Asked, ...]
    needs: str | None = "dense"
    longer: int = 1
    scenes: SceneSettings = SCENES

    def steps(self, size: Size) -> int:
        spared = 0 if self.needs else round(size.dense * DENSE_COST)
        return size.instruct * self.longer + spared

    def task(self, size: Size, folder: Path, start: Path | None, weights: Path) -> Task:
        del folder
        return InstructTask(
            start=start, tasks=self.tasks, asked=self.asked, scenes=size.scenes, weights=weights, settings=self.scenes
        )


Arm = NamingArm | DenseArm | InstructArm

LEARNED = "learned.safetensors"
"""What an arm leaves for those that start from it."""

_BOTH: tuple[Asked, ...] = ("refer", "ground")
ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (
        NamingArm("sampler", "spatial-aware sampler"),
        NamingArm("mean-pool", "mean of the region's features"),
        NamingArm("coordinates", "coordinates only, no region feature"),
        NamingArm("transposed", "spatial-aware sampler, axes exchanged"),
        DenseArm("dense", "dense labels only, from which those below start"),
        InstructArm("joint", "referring and grounding", {**REFER, **GROUND}, _BOTH),
        InstructArm("joint-longer", "referring and grounding, twice as long", {**REFER, **GROUND}, _BOTH, longer=2),
        InstructArm("referring", "referring only", REFER, _BOTH),
        InstructArm("grounding", "grounding only", GROUND, _BOTH),
        InstructArm("no-dense", "referring and grounding, no dense labels", {**REFER, **GROUND}, _BOTH, needs=None),
        InstructArm("hints", "referring, half of it with hints, and reading by OCR", HINTED, ("hints",), scenes=SIGNED),
        InstructArm("no-hints", "referring without hints", REFER, ("hints",), scenes=SIGNED),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """That `arm` beats `other` by more than `bar` on `measure`.

    Attributes:
        published: what the papers found, in points.
        decides: whether it belongs to what the claim says; otherwise it stands in the table alone.
    """

    text: str
    measure: str
    arm: str
    other: str
    published: str = ""
    bar: float = 0.0
    decides: bool = True


@dataclass(frozen=True)
class Claim:
    """A claim of the papers, or of ours, as statements that can be tested."""

    name: str
    title: str
    statements: tuple[Statement, ...]

    def arms(self) -> tuple[str, ...]:
        """The arms that it needs, in the order in which they have to run."""
        named = {name for statement in self.statements for name in (statement.arm, statement.other)}
        named |= {str(ARMS[name].needs) for name in named if ARMS[name].needs}
        return tuple(name for name in ARMS if name in named)


def _against(other: str, what: str, published: Mapping[str, str]) -> tuple[Statement, ...]:
    """The sampler against another evidence, by every measure of naming."""
    measures = [
        (f"mask, {OVERLAPPED}", "free-form masks of overlapping objects"),
        (f"mask, {CENTRE_COVERED}", "masks of objects whose box's centre lies on another"),
        ("mask", "all masks"),
        ("box", "all boxes"),
        ("point", "all points"),
    ]
    return tuple(
        Statement(
            f"the sampler names better than {what}: {told}", measure, "sampler", other, published.get(measure, ""),
            decides=measure == f"mask, {OVERLAPPED}",
        )
        for measure, told in measures
    )  # fmt: skip


CLAIMS: Mapping[str, Claim] = {
    claim.name: claim
    for claim in (
        Claim(
            "regions",
            "The spatial-aware sampler describes regions better than a mean of features or coordinates alone do",
            (
                *_against("mean-pool", "the mean", {"point": "+0.8", "box": "+2.2", "mask": "+0.9"}),
                *_against("coordinates", "coordinates alone", {}),
            ),
        ),
        Claim(
            "axes",
            "The map has to be read where the region is, not at the transposed place as the released code does",
            _against("transposed", "the transposed reading", {}),
        ),
        Claim(
            "joint",
            "Referring and grounding help each other",
            (
                Statement(
                    "learning to ground helps referring, after as many steps", "refer", "joint", "referring",
                    "+2.5 to +3.8",
                ),
                Statement(
                    "learning to refer helps grounding, after as many steps", "ground", "joint", "grounding", "+0.6"
                ),
                Statement(
                    "learning to ground helps referring, after as many questions that refer", "refer", "joint-longer",
                    "referring", "+2.5 to +3.8",
                ),
                Statement(
                    "learning to refer helps grounding, after as many questions that ground", "ground", "joint-longer",
                    "grounding", "+0.6",
                ),
            ),
        ),
        Claim(
            "dense",
            "A stage of dense labels before the instructions helps, at equal cost",
            (
                Statement("dense labels first help referring", "refer", "joint", "no-dense", "+0.8"),
                Statement("dense labels first help grounding", "ground", "joint", "no-dense", "+0.2"),
            ),
        ),
        Claim(
            "hints",
            "Hints of other tools in the instructions teach to use them, and to doubt them",
            (
                Statement("they help when a hint is given, sometimes wrong", "refer, hint", "hints", "no-hints"),
                Statement("they help when the hint is wrong", "refer, wrong hint", "hints", "no-hints"),
                Statement(
                    "they cost less than two points when none is given", "refer, no hint", "hints", "no-hints",
                    bar=-0.02,
                ),
                Statement(
                    "they teach to read a sign from the lines of OCR", "read, OCR lines", "hints", "no-hints",
                    decides=False,
                ),
            ),
        ),
    )
}  # fmt: skip


def chosen(names: Sequence[str]) -> tuple[Claim, ...]:
    """The claims of these names, each once, in the order of `CLAIMS`; all if there are none.

    Raises:
        TrainingError: there is no such claim.
    """
    unknown = sorted(set(names) - set(CLAIMS))
    if unknown:
        raise TrainingError(f"there is no claim {unknown[0]!r}: choose from {', '.join(CLAIMS)}")
    return tuple(claim for claim in CLAIMS.values() if not names or claim.name in names)
