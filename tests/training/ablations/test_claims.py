"""The claims hang together: every arm exists, runs in time, and is measured by what its statements compare."""

import re

import pytest

from ferret.errors import TrainingError
from training.ablations.claims import ARMS, CLAIMS, Claim, InstructArm, NamingArm, Size, chosen
from training.ablations.evidence import EVIDENCE
from training.ablations.naming import CENTRE_COVERED, KINDS, OVERLAPPED

NAMING_MEASURES = {*KINDS, *(f"{kind}, {what}" for kind in KINDS for what in (OVERLAPPED, CENTRE_COVERED))}
ASKED_MEASURES = {
    "refer": {"refer"},
    "ground": {"ground"},
    "hints": {"refer, hint", "refer, wrong hint", "refer, no hint", "read, OCR lines"},
}


def measures_of(name: str) -> set[str]:
    arm = ARMS[name]
    if isinstance(arm, InstructArm):
        return set().union(*(ASKED_MEASURES[asked] for asked in arm.asked))
    return NAMING_MEASURES if isinstance(arm, NamingArm) else set()


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_both_arms_of_a_statement_have_its_measure(claim: Claim) -> None:
    assert any(statement.decides for statement in claim.statements)
    for statement in claim.statements:
        assert statement.arm != statement.other
        assert statement.measure in measures_of(statement.arm) & measures_of(statement.other)
        assert re.fullmatch(r"(\+\d\.\d( to \+\d\.\d)?)?", statement.published)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_arms_run_after_what_they_start_from(claim: Claim) -> None:
    arms = claim.arms()
    for place, name in enumerate(arms):
        needs = ARMS[name].needs
        assert needs is None or needs in arms[:place]


def test_every_arm_belongs_to_a_claim() -> None:
    assert {name for claim in CLAIMS.values() for name in claim.arms()} == set(ARMS)
    assert all(name == arm.name == re.sub(r"[^a-z-]", "", name) for name, arm in ARMS.items())
    assert {name for name, arm in ARMS.items() if isinstance(arm, NamingArm)} == set(EVIDENCE)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], list(CLAIMS)),
        (["axes"], ["axes"]),
        (["hints", "regions", "hints"], ["regions", "hints"]),
    ],
)
def test_claims_are_chosen_by_name(names: list[str], expected: list[str]) -> None:
    assert [claim.name for claim in chosen(names)] == expected


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(TrainingError, match="no claim 'axis': choose from regions, axes, joint, dense, hints"):
        chosen(["axes", "axis"])


@pytest.mark.parametrize(("factor", "steps"), [(1.0, (400, 500, 400)), (0.5, (200, 250, 200)), (2, (800, 1000, 800))])
def test_sizes_scale_in_steps_alone(factor: float, steps: tuple[int, int, int]) -> None:
    size = Size(400, 500, 400).scaled(factor)
    assert (size.naming, size.dense, size.instruct) == steps
    assert (size.batch, size.scenes) == (Size().batch, Size().scenes)


@pytest.mark.parametrize("factor", [0.0, 0.001, -1.0])
def test_arms_without_steps_are_refused(factor: float) -> None:
    with pytest.raises(TrainingError, match="less than one"):
        Size().scaled(factor)
