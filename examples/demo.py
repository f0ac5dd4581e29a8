"""Eight questions about one picture, answered with the embedded weights and no network: `make demo`.

The overlay of the first answer is written to overlay.png, or to the file named on the command line.
"""

import sys
from pathlib import Path

from agent import VisionAgent

PICTURE = Path(__file__).parent / "pictures" / "scene.png"

# Regions are pixels of the picture: a box around the dog's head, a point on the balloon, a stroke across the rabbit.
# They are written as on the command line; `ferret.regions` has classes for those who compute them.
QUESTIONS = [
    ("What is in this picture?", []),
    ("What is this?", ["box:158,282,274,376"]),
    ("What is this?", ["point:451,100"]),
    ("What is this?", ["scribble:70,400,95,420,120,400"]),
    ("Where are the apples?", []),
    ("Is there a lion?", []),
    ("What does the sign say?", []),
    ("Outline the house.", []),
]


def main(overlay: str = "overlay.png") -> None:
    """Ask, print the answers, and write the overlay picture."""
    agent = VisionAgent()
    print(f"The picture: {PICTURE}\n")
    answers = []
    for question, regions in QUESTIONS:
        answer = agent.ask(question, PICTURE, regions=regions)
        answers.append(answer)
        print(f"> {question}", *regions)
        print(f"  {answer.text}  [{answer.status}, {answer.confidence:.2f}, {answer.seconds:.2f} s]")
        for span in answer.spans:
            for index in span.regions:
                region = answer.regions[index]
                box = ", ".join(f"{value:.0f}" for value in region.box)
                mask = ", with its mask" if region.mask else ""
                print(f"    {span.text:<14} at {box}, seen by {region.source}, score {region.score:.2f}{mask}")
        print()
    answers[0].save(overlay)
    print(f"The first answer, drawn: {Path(overlay).resolve()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
