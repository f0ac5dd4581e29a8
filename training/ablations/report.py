"""The report of the ablations: `results.json`, `ablations.md` and `ablations.png`, from whatever arms are finished."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from training.ablations.claims import ARMS, CLAIMS, Claim, Statement
from training.ablations.figures import Finished
from training.ablations.verdicts import Difference, Spread, Verdict, judge_difference
from training.protocols.kept import write_whole

RULE = (
    "Arms are compared by the difference of their means over seeds and its 95 % interval (Student's t, the variance "
    "pooled over both arms). A statement **reproduces** if the whole interval lies above zero (or the bar that it "
    "names), **does not reproduce** if the whole interval lies below one point more than that, and is **undecided at "
    "this size** otherwise, always with fewer than two seeds. The interval is over seeds, which vary first weights and "
    "data; all arms answer the same held-out questions."
)


@dataclass(frozen=True)
class Finding:
    """A statement and what was measured for it, over the seeds with which each arm is finished."""

    statement: Statement
    arm: Spread
    other: Spread
    questions: int
    difference: Difference
    verdict: Verdict


def spread_of(finished: Sequence[Finished], arm: str, measure: str) -> Spread | None:
    """A measure of an arm over its seeds; None if no seed has it."""
    values = [one.figures[measure].mean for one in finished if one.arm == arm and measure in one.figures]
    return Spread.of(values) if values else None


def findings(finished: Sequence[Finished], claim: Claim) -> list[Finding]:
    """The statements of a claim both of whose arms have run."""
    found = []
    for statement in claim.statements:
        arm, other = (spread_of(finished, name, statement.measure) for name in (statement.arm, statement.other))
        if arm is None or other is None:
            continue
        difference = Difference.of(arm, other)
        verdict = judge_difference(difference, statement.bar)
        questions = next(
            one.figures[statement.measure].count
            for one in finished
            if one.arm == statement.arm and statement.measure in one.figures
        )
        found.append(Finding(statement, arm, other, questions, difference, verdict))
    return found


def write_report(out: Path, finished: Sequence[Finished]) -> None:
    """Write the three files into a folder; with nothing to compare there is no plot.

    Raises:
        TrainingError: they cannot be written.
    """
    by_claim = {name: found for name, claim in CLAIMS.items() if (found := findings(finished, claim))}
    write_whole(out / "results.json", json.dumps(_results(finished, by_claim), indent=1) + "\n")
    write_whole(out / "ablations.md", markdown(finished, by_claim))
    if by_claim:
        (out / "ablations.png").write_bytes(plot(by_claim))


def _results(finished: Sequence[Finished], by_claim: dict[str, list[Finding]]) -> dict[str, Any]:
    claims = {
        name: [
            {
                **asdict(one.statement), "questions": one.questions, "arm_spread": asdict(one.arm),
                "other_spread": asdict(one.other), "difference": one.difference.mean,
                "half": one.difference.half if math.isfinite(one.difference.half) else None, "verdict": one.verdict,
            }
            for one in found
        ]
        for name, found in by_claim.items()
    }  # fmt: skip
    return {"rule": RULE, "claims": claims, "arms": [asdict(one) for one in finished]}


# --- the table --------------------------------------------------------------------------------------------------------


def markdown(finished: Sequence[Finished], by_claim: dict[str, list[Finding]]) -> str:
    """A sentence a claim, one table of all comparisons, and what the arms were and took."""
    lines = ["# Ablations", "", RULE, ""]
    for name, found in by_claim.items():
        lines += [f"- **{CLAIMS[name].title}.** {_sentence(found)}"]
    if not by_claim:
        lines += ["No two arms of a claim are finished yet."]
    else:
        lines += ["", "In per cent: mean over seeds ± half of its 95 % interval (number of seeds).", ""]
        lines += ["| claim | measure | questions | | | difference | published | verdict |", f"|{'---|' * 8}"]
        lines += [_row(name, one) for name, found in by_claim.items() for one in found]
    if finished:
        lines += ["", "| arm | what it is | steps | seeds | CPU seconds a seed |", f"|{'---|' * 5}"]
        lines += [_arm_row(finished, name) for name in ARMS if any(one.arm == name for one in finished)]
    return "\n".join(lines) + "\n"


def _sentence(found: Sequence[Finding]) -> str:
    said = [
        f"{one.statement.text}: {one.verdict} ({_signed(one.difference)} points, {_seeds(one)})"
        for one in found
        if one.statement.decides
    ]
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else "What decides it has not run yet."


def _row(claim: str, one: Finding) -> str:
    arms = (f"{name} {_per_cent(spread)}" for name, spread in zip(_names(one), (one.arm, one.other), strict=True))
    cells = (claim, one.statement.measure, str(one.questions), *arms, _signed(one.difference), one.statement.published)
    return f"| {' | '.join(cells)} | {one.verdict} |"


def _arm_row(finished: Sequence[Finished], name: str) -> str:
    mine = [one for one in finished if one.arm == name]
    seconds = [one.cpu_seconds for one in mine if one.cpu_seconds is not None]
    mean = f"{math.fsum(seconds) / len(seconds):.0f}" if seconds else ""
    seeds = ", ".join(str(one.seed) for one in mine)
    return f"| {name} | {ARMS[name].summary} | {mine[0].steps} | {seeds} | {mean} |"


def _names(one: Finding) -> tuple[str, str]:
    return one.statement.arm, one.statement.other


def _per_cent(spread: Spread) -> str:
    width = f" ± {100 * spread.half:.1f}" if spread.seeds > 1 else ""
    return f"{100 * spread.mean:.1f}{width} ({spread.seeds})"


def _signed(difference: Difference) -> str:
    width = f" ± {100 * difference.half:.1f}" if math.isfinite(difference.half) else ""
    return f"{100 * difference.mean:+.1f}{width}"


def _seeds(one: Finding) -> str:
    low, high = sorted((one.arm.seeds, one.other.seeds))
    count = str(low) if low == high else f"{low} and {high}"
    return f"{count} seed{'' if high == 1 else 's'}"


# --- the plot ---------------------------------------------------------------------------------------------------------


def plot(by_claim: dict[str, list[Finding]]) -> bytes:
    """A panel a claim as one PNG: for every measure its arms, means with their 95 % intervals over seeds."""
    from matplotlib.figure import Figure

    rows = {name: list(dict.fromkeys(one.statement.measure for one in found)) for name, found in by_claim.items()}
    heights = [0.9 + 0.45 * len(measures) for measures in rows.values()]
    figure = Figure(figsize=(8, sum(heights) + 0.6), layout="constrained", dpi=120)
    panels = figure.subplots(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, (name, measures) in zip(panels, rows.items(), strict=True):
        spreads: dict[str, dict[str, Spread]] = {}  # by arm, then by measure
        for one in by_claim[name]:
            for arm, spread in zip(_names(one), (one.arm, one.other), strict=True):
                spreads.setdefault(arm, {})[one.statement.measure] = spread
        for place, (arm, mine) in enumerate(spreads.items()):
            shift = 0.5 * ((place + 0.5) / len(spreads) - 0.5)
            at = [measures.index(measure) + shift for measure in mine]
            means = [100 * spread.mean for spread in mine.values()]
            halves = [100 * spread.half for spread in mine.values()]
            panel.errorbar(means, at, xerr=halves, fmt="o", markersize=4, capsize=3, label=arm)
        panel.set_yticks(range(len(measures)), measures)
        panel.set_ylim(len(measures) - 0.5, -0.5)
        panel.set_title(name, loc="left", fontsize=10)
        panel.grid(axis="x", alpha=0.3)
        panel.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    panels[-1].set_xlabel("right, per cent; mean over seeds and its 95 % interval")
    image = BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()
