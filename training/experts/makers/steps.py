"""Several steps in one question: two or three exchanges joined, with their regions and boxes counted on."""

from collections.abc import Sequence

from training.experts.exchange import Asker, Exchange, Intent, Marked
from training.experts.wordings import STEPS


def join_steps(asker: Asker, exchanges: Sequence[Exchange]) -> Exchange:
    """Two or three exchanges as one, in one of the forms of `STEPS`."""
    asked, answered = asker.one(STEPS)
    regions: list[Marked] = []
    boxes: list[Marked] = []
    questions, answers = [], []
    for exchange, question, answer in zip(exchanges, asked, answered, strict=False):
        moved = exchange.counted_on(len(regions), len(boxes))
        questions.append(question.format(moved.question))
        answers.append(answer.format(moved.answer))
        regions += moved.regions
        boxes += moved.boxes
    intents: tuple[Intent, ...] = tuple(intent for exchange in exchanges for intent in exchange.intents)
    about = [what for exchange in exchanges for what in exchange.about]
    return Exchange(
        intents, " ".join(questions), " ".join(answers), tuple(regions), tuple(boxes),
        tuple(what for place, what in enumerate(about) if what not in about[:place]),
        tuple(name for exchange in exchanges for name in exchange.absent),
        any(exchange.negative for exchange in exchanges),
    )  # fmt: skip
