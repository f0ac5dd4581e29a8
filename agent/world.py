"""Knowing what one does not know: which pictures lie outside what the loaded weights have learnt from.

The embedded weights know illustrated scenes. Of a photograph, of noise or of a screen they would name something all the
same, for they know nothing else; so every picture that is to be named anything in is first held against what they
learnt from (`tools.world`), and outside it the answer is "unsure". Reading needs no such check: the text reader knows
photographs and screens as well.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.context import Context
from agent.intents import Intent, Plan
from agent.perception import Observed, pictures_of
from agent.state import Json

if TYPE_CHECKING:
    from PIL import Image


def judge_pictures(
    plan: Plan, pictures: Sequence["Image.Image"], marks: Sequence[Json], observed: Observed, context: Context
) -> list[Json]:
    """An observation of each picture in which the plan wants something named: whether it lies `outside`. None at all
    with weights for which nobody has measured that, nor of a picture on which the detector failed.

    `marks` are the given regions as JSON.
    """
    world = context.instruments.world()
    if world is None:
        return []
    from tools.world import picture_features

    naming = [step for step in plan.steps if step.intent is not Intent.READ]
    judged = []
    for image in sorted({image for step in naming for image in pictures_of(step, len(pictures), marks)}):
        if not observed.looked("detector", image):
            continue
        begun = time.perf_counter()
        found = observed.detections(image, closer=False)  # the first look is what was learnt from
        scores = [[score for _, score in thing.scores] or [thing.score] for thing in found]
        features = picture_features(context.instruments.engine, pictures[image], scores)
        outside = world.probability(features) >= world.threshold
        judged.append(
            {
                "tool": "world",
                "image": image,
                "key": f"world:{image}",
                "summary": f"{'unlike' if outside else 'like'} the scenes that the weights know",
                "seconds": round(time.perf_counter() - begun, 4),
                "error": None,
                "outside": outside,
            }
        )
    return judged
