"""Every scenario by its name."""

from tests.recorder.scenarios import core, lab, other, wider
from tests.recorder.session import Scenario

SCENARIOS: dict[str, Scenario] = {s.name: s for s in (*core.SCENARIOS, *lab.SCENARIOS, *other.SCENARIOS, *wider.SCENARIOS)}
