"""Every scenario by its name."""

from samples.recorder.scenarios import core, lab, other, wider
from samples.recorder.session import Scenario

SCENARIOS: dict[str, Scenario] = {s.name: s for s in (*core.SCENARIOS, *lab.SCENARIOS, *other.SCENARIOS, *wider.SCENARIOS)}
