"""What the nodes of the graph work with beside the state: models, artifacts, thresholds, planner. Never kept."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.artifacts import ArtifactStore
from agent.instruments import Instruments
from agent.looks import Looks
from agent.planner import OfflinePlanner, Planner, chosen_planner
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
    planner: Planner = field(default_factory=OfflinePlanner)
    looks: Looks = field(default_factory=Looks)

    def calibration(self) -> "Calibration | None":
        """What was measured with these weights and these very thresholds, if anything was."""
        return self.instruments.calibration() if self.thresholds == Thresholds() else None


@lru_cache(maxsize=1)
def default_context() -> Context:
    """For a graph that is run without a context, as LangGraph's own server does: embedded weights, the usual folder,
    the planner that the environment names.
    """
    return Context(Instruments(), ThreadStore().artifacts, planner=chosen_planner())
