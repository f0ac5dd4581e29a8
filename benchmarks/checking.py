"""What the check buys on held-out scenes: python benchmarks/checking.py --questions 60 --scenes small

The same questions are asked twice, of an assistant that checks itself and looks closer, and of one that believes what
was first seen (`Limits(max_checks=0, max_zooms=0)`, `Thresholds(near=0)`): the share of right answers, and of false
ones, which claim something and are wrong.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from agent import VisionAgent
from agent.settings import Limits, Thresholds
from ferret.regions import Region
from training.scene_evaluation import EvaluationSettings, Record, evaluate_scenes
from training.scenes import SceneSettings

SCENES = {
    "hard": SceneSettings(),
    "small": SceneSettings(objects=(5, 12), scale=(0.04, 0.12), side=(900, 1400), min_visible=0.7),
}
"""Those that the weights are measured on, and large pictures with small things."""
KINDS = ("refer_box", "refer_point", "ground_one", "ground_all", "absent", "exist", "count", "list")


def main() -> None:
    """Ask both, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--questions", type=int, default=60, help="of each kind")
    options.add_argument("--art", choices=("train", "test"), default="train")
    options.add_argument("--scenes", choices=SCENES, default="hard")
    chosen = options.parse_args()
    settings = EvaluationSettings("checks", chosen.questions, (chosen.art,), KINDS, SCENES[chosen.scenes])
    checked = VisionAgent()
    trusting = VisionAgent(
        instruments=checked.instruments, limits=Limits(max_checks=0, max_zooms=0), thresholds=Thresholds(near=0.0)
    )
    found = {name: _records(agent, settings) for name, agent in (("with", checked), ("without", trusting))}
    print("| kind | questions | right, with the check | without | false, with the check | without |")
    print("|---|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        of_kind = {name: [r for r in records if kind in {r.kind, "all"}] for name, records in found.items()}
        right = [sum(r.score for r in of_kind[name]) / len(of_kind[name]) for name in ("with", "without")]
        false = [
            sum(r.status == "answered" and r.score < 0.5 for r in of_kind[name]) / len(of_kind[name])
            for name in ("with", "without")
        ]
        figures = " | ".join(f"{figure:.2f}" for figure in (*right, *false))
        print(f"| {kind} | {len(of_kind['with'])} | {figures} |")


def _records(agent: VisionAgent, settings: EvaluationSettings) -> list[Record]:
    def ask(question: str, image: Image.Image, regions: Sequence[Region]) -> Mapping[str, Any]:
        return agent.ask(question, image, regions=list(regions)).model_dump(mode="json")

    with tempfile.TemporaryDirectory() as folder:
        return evaluate_scenes(settings, Path(folder), model=None, assistant=ask)


if __name__ == "__main__":
    main()
