"""Running the arms of claims, each in a folder of its own; whatever was stopped goes on where it stood.

    OUT/ablations.json          of what size the arms are, and of which weights encoder and words
    OUT/arms/sampler-seed0/     the run folder of an arm and seed (training.run_folder), figures.json and result.json
    OUT/results.json, ablations.md, ablations.png       written anew after every arm, from those that are finished

An arm is finished once its `result.json` is there; its checkpoint is removed then, what others start from is kept.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from ferret.errors import TrainingError
from training.ablations.claims import ARMS, LEARNED, Arm, Claim, DenseArm, NamingArm, Size
from training.ablations.figures import Finished, read_figures, read_finished, write_finished
from training.ablations.report import write_report
from training.checkpointing import WHOLE
from training.loop import LoopSettings, train
from training.nano import WEIGHTS
from training.protocols.kept import write_whole
from training.protocols.provenance import content_mark

ABOUT = "ablations.json"
ARMS_FOLDER = "arms"


def run_ablations(
    claims: Sequence[Claim], seeds: Sequence[int], out: Path, size: Size, weights: Path = WEIGHTS
) -> list[Finished]:
    """Run every arm of `claims` with every seed that `out` has not got yet, and write the report.

    Args:
        claims: what is tested.
        seeds: of the arms, at least one; a seed decides the first weights and all data.
        out: folder; made if missing, gone on with if it holds arms of this size.
        size: how much an arm gets.
        weights: folder of the model whose encoder and words all arms use.

    Returns:
        All finished arms of the folder, those of other claims and seeds too.

    Raises:
        TrainingError: there is no claim or no seed, the folder holds arms of another size or of other weights, or the
            weights do not fit.
    """
    if not claims or not seeds:
        raise TrainingError("there is nothing to run: give at least one claim and one seed")
    if min(seeds) < 0:
        raise TrainingError(f"seeds are counted from 0, there is no seed {min(seeds)}")
    _check_out(out, size, weights)
    names = [name for name in ARMS if any(name in claim.arms() for claim in claims)]
    finished = read_finished(out / ARMS_FOLDER)
    write_report(out, finished)
    for seed in dict.fromkeys(seeds):  # one seed of all arms first: a first table of everything comes soonest
        for name in names:
            if any((one.arm, one.seed) == (name, seed) for one in finished):
                continue
            _run(ARMS[name], seed, out, size, weights)
            finished = read_finished(out / ARMS_FOLDER)
            write_report(out, finished)
    return finished


def settings_of(arm: Arm, size: Size, seed: int) -> LoopSettings:
    """How an arm is trained: as the recipe of its stage, at rates for short runs."""
    steps = arm.steps(size)
    warmup = min(50, max(1, steps // 8))
    if isinstance(arm, NamingArm | DenseArm):
        return LoopSettings(
            steps, batch=size.batch, learning_rate=1e-3, warmup=warmup, clip=5.0, weight_decay=0.02, average=0.99,
            processes=1, seed=seed,
        )  # fmt: skip
    return LoopSettings(
        steps, batch=size.batch, learning_rate=1e-3, warmup=warmup, weight_decay=0.02, decay=0.98, average=0.99,
        processes=1, seed=seed,
    )  # fmt: skip


def folder_of(out: Path, arm: str, seed: int) -> Path:
    """Where an arm runs."""
    return out / ARMS_FOLDER / f"{arm}-seed{seed}"


def _run(arm: Arm, seed: int, out: Path, size: Size, weights: Path) -> None:
    folder = folder_of(out, arm.name, seed)
    start = folder_of(out, arm.needs, seed) / LEARNED if arm.needs else None
    whole = not any(_leftovers(folder))
    began = time.process_time()
    train(arm.task(size, folder, start, weights), settings_of(arm, size, seed), folder, {"arm": arm.name})
    spent = round(time.process_time() - began, 1) if whole else None
    write_finished(folder, Finished(arm.name, seed, arm.steps(size), spent, read_figures(folder)))
    (folder / WHOLE).unlink(missing_ok=True)


def _leftovers(folder: Path) -> Iterator[Path]:
    """What a run that was stopped in a folder has left there."""
    return folder.iterdir() if folder.is_dir() else iter(())


def _check_out(out: Path, size: Size, weights: Path) -> None:
    """Note what the arms of a folder have in common; refuse a folder whose arms are others."""
    path = out / ABOUT
    ours = {"size": asdict(size), "weights": content_mark(weights)}
    if path.exists():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            theirs = None
        if theirs != ours:
            raise TrainingError(
                f"{str(out)!r} holds arms of another size or of other weights: give another folder with --out, or the "
                "same --steps-scale as then"
            )
    write_whole(path, json.dumps(ours, indent=1) + "\n")
