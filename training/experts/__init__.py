"""Instructions over a user's own pictures, written from what the experts see in them (after Ferret-v2's third stage).

Three steps, each resumable: the experts label every picture (labelling.py), what they saw becomes questions with true
answers (writing.py), and these are written in the released Ferret's format (release.py).

    from training.experts.build import build_instructions

    build_instructions(Path("pictures"), Path("instructions"), processes=4, seed=0)
"""
