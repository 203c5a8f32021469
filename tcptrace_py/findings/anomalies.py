"""What no rule of the connection explains, by name."""

from ..model.live import Connection
from ..model.results import Anomaly
from ..states.replay import Replay


def anomalies(live: Connection, replay: Replay) -> list[Anomaly]:
    """Anomalies in order of their frames."""
    found = [Anomaly(*item) for item in live.anomalies]
    log = replay.evidence.log
    for index, event, state in replay.unexpected:
        found.append(Anomaly("unexpected-event", log[index].frame, f"{event.name} in {state.name}: RFC 9293 has no transition for it"))
    return sorted(found, key=lambda item: item.frame)
