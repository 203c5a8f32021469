"""The recorded samples and the kernel's truth beside them belong together."""

from __future__ import annotations

import json
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.recorder.scenarios.small import SAMPLES, Sample
from tests.recorder.wire import ACK, FIN, RST, SYN, Endpoint, segments

FOLDER = Path(__file__).parents[2] / "samples"
LARGEST_BYTES = 60_000
PILES_BYTES = 130_000


def one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def truth_of(name: str) -> list[dict[str, Any]]:
    path = one(FOLDER / "truth", f"{name}.truth.jsonl*")
    text = lzma.decompress(path.read_bytes()).decode() if path.suffix == ".xz" else path.read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_a_host_sent_is_what_its_truth_counts(sample: Sample) -> None:
    name = sample.scenario.name
    capture = one(FOLDER, f"{name}.pcap*")
    assert capture.stat().st_size < (PILES_BYTES if "pile-up" in name else LARGEST_BYTES)
    if sample.point == "router":
        pytest.skip("a router's capture is no host's own")
    records = truth_of(name)
    assert records
    sent: Counter[tuple[Endpoint, Endpoint, str]] = Counter()
    for s in segments(capture):
        kinds = (("SYNACK" if s.flags & ACK else "SYN", s.flags & SYN), ("FIN", s.flags & FIN), ("RST", s.flags & RST))
        sent.update((s.source, s.target, kind) for kind, has in kinds if has)
    told: Counter[tuple[Endpoint, Endpoint, str]] = Counter()
    for record in records:
        a, b = (record["a"][0], record["a"][1]), (record["b"][0], record["b"][1])
        ends = {"a": (a, b), "b": (b, a)}
        for x, host in zip("ab", record["hosts"], strict=True):
            if host == sample.point and record["wire"][x]:
                told.update({(*ends[x], kind): count for kind, count in record["wire"][x].items()})
    own = {key[0] for key in told}
    assert {k: v for k, v in sent.items() if k[0] in own} == dict(told)
