"""What the nodes of the graph work with beside the state: models, artifacts, thresholds. Never checkpointed."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.artifacts import ArtifactStore
from agent.instruments import Instruments
from agent.settings import Limits, Thresholds
from agent.threads import ThreadStore

if TYPE_CHECKING:
    from agent.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Context:
    """The runtime context of one run."""

    instruments: Instruments
    artifacts: ArtifactStore
    thresholds: Thresholds = field(default_factory=Thresholds)
    limits: Limits = field(default_factory=Limits)

    def calibration(self) -> "Calibration | None":
        """What was measured with these weights and these very thresholds, if anything was."""
        return self.instruments.calibration() if self.thresholds == Thresholds() else None


@lru_cache(maxsize=1)
def default_context() -> Context:
    """For a graph that is run without a context, as LangGraph's own server does: embedded weights, the usual folder."""
    return Context(Instruments(), ThreadStore().artifacts)
