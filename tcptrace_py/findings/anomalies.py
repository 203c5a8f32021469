"""What no rule of the connection explains, by name."""

from ..model.live import Connection
from ..model.results import Anomaly
from ..model.verdict import Verdict


def anomalies(live: Connection, verdict: Verdict) -> list[Anomaly]:
    """Anomalies in order of their frames."""
    log = live.log
    found = [Anomaly(*item) for item in live.anomalies]
    found += [Anomaly("unexpected-event", log[index].frame, f"{what}: RFC 9293 has no transition for it")
              for index, what in verdict.unexpected]
    return sorted(found, key=lambda item: item.frame)
