"""Placeholder."""
from samples.recorder.session import Scenario
SCENARIOS: list[Scenario] = []
