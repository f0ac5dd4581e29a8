"""Every threshold and place that the assistant depends on, in one typed spot, so that they can be tuned on measured
scenes.

All probabilities are in 0..1. `Thresholds` holds the defaults that the embedded weights were measured with; other
weights may want others: `VisionAgent(thresholds=replace(Thresholds(), present=0.5))`.
"""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from ferret.errors import RequestError


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How sure is sure enough."""

    # Detections weaker than this are noise and never enter an answer.
    floor: float = 0.04
    # Between `doubtful_low` and `doubtful_high` Ferret is asked what it sees there; above, the detector is believed.
    doubtful_low: float = 0.04
    doubtful_high: float = 0.60
    # The log odds of a doubtful thing's name: so much to begin with, so much of the detector's, so much of Ferret's.
    together: float = 1.10
    eye_weight: float = 0.41
    voice_weight: float = 0.51
    # What the detector has seen is looked at again from close by when its longer side is less than this share of the
    # picture's, and its probability less than that; `Limits.max_zooms` bounds how often.
    small: float = 0.14
    settled: float = 0.80
    # A region smaller than this share of the picture is shown to Ferret from close by.
    near: float = 0.35
    # The combined probability from which a checked thing counts as there when it was asked for by name: a false
    # detection seldom happens to be the very thing that was asked for.
    present: float = 0.05
    # But beside a thing that is certainly there, one of less than this share of its probability is a mistake.
    faint: float = 0.15
    # The same when nothing was asked for by name: a list shows every false detection.
    listed: float = 0.50
    # A detection and a region speak of the same place from this overlap on (IoU, or the share of a point's reach).
    same_place: float = 0.50
    # Two boxes of one label that overlap more than this are one thing seen twice.
    duplicate: float = 0.70
    # A detection may answer for a region that it overlaps this much; below it the region is Ferret's alone.
    matching: float = 0.30
    # How strongly each voice counts when the two name a region (exponents of their probabilities).
    ferret_weight: float = 0.7
    detector_weight: float = 1.0
    # What a voice that did not mention a name leaves for it.
    unheard: float = 0.01
    # A name less probable than this is offered as a guess: status "unsure".
    sure: float = 0.22
    # A thing that Ferret alone has seen: its confidence is scaled by this, for nobody could confirm it.
    unconfirmed: float = 0.2
    # The share of things in a picture that are looked for by name and not seen: what "not found" is still worth.
    missed: float = 0.15
    # Asked for one thing, weaker ones are left out when the best is this many times as probable.
    clear_winner: float = 1.6
    # How far Ferret's word moves other log odds, at most: when it sees the same there, and when it does not.
    confirmed: float = 2.5
    denied: float = 0.8
    # Text read with less certainty is noise.
    reading: float = 0.50
    # The share of a line of text that must lie in a region to be read as its text.
    inside: float = 0.50
    # How much larger (ratio of areas) one thing must be to be called bigger.
    bigger: float = 1.15


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one question may cost."""

    # Of an answer with boxes or prose, and of one that is only a name.
    max_new_tokens: int = 192
    name_tokens: int = 16
    # How many questions the check may put to Ferret in one turn; with none, what was first seen is believed.
    max_checks: int = 48
    # At how many parts of each picture the detector may look from close by, and of how many doubtful things there
    # Ferret is asked; with none, the detector's first look is believed.
    max_zooms: int = 8
    max_regions: int = 64
    max_images: int = 16
    # How long one look of each instrument may take, in seconds, without waiting for it and without loading its model.
    # Far beyond what the embedded weights need; the segmenter may be a released one on a CPU.
    detector_seconds: float = 30.0
    ocr_seconds: float = 60.0
    sam_seconds: float = 120.0


PLANNER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """Which chat model makes the plans; none by default, and then nothing leaves the machine."""

    # A name for langchain's `init_chat_model`; with `url` the name that the server there knows the model by.
    model: str | None = None
    # Where an OpenAI-compatible server of one's own listens, such as http://localhost:8080/v1, and the key it wants.
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    # How long a plan may take, repair included, before the offline rules make it.
    seconds: float = PLANNER_SECONDS


def planner_settings() -> PlannerSettings:
    """$FERRET_PLANNER (model), $FERRET_PLANNER_URL, $FERRET_PLANNER_KEY and $FERRET_PLANNER_SECONDS.

    Raises `RequestError` when the seconds are no positive number.
    """
    given = os.environ.get("FERRET_PLANNER_SECONDS") or PLANNER_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise RequestError(f"FERRET_PLANNER_SECONDS is {given!r}; give a number of seconds above 0, such as 20")
    model, url, key = (os.environ.get(f"FERRET_PLANNER{end}") or None for end in ("", "_URL", "_KEY"))
    return PlannerSettings(model, url, key, seconds)


def state_folder() -> Path:
    """Where threads and their artifacts live: $FERRET_HOME, else $XDG_STATE_HOME/ferret, else ~/.local/state/ferret."""
    home = os.environ.get("FERRET_HOME")
    if home:
        return Path(home).expanduser()
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "ferret"


def database_url() -> str | None:
    """Where threads are kept other than in a file of the state folder: $FERRET_DATABASE, the URL of a database."""
    return os.environ.get("FERRET_DATABASE") or None
