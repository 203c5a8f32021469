"""tshark finds TCP in the same frames: what is built here is what the standards say, not only what is read here."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.capture.writing import enhanced, interface, section
from tests.decode import test_links, test_tunnels

if TYPE_CHECKING:
    from pathlib import Path

    from tests.decode.blocks import Raw

BUILT = {
    **{name: frame for name, (frame, _) in test_links.FRAMES.items()},
    **{name: frame for name, (frame, _) in test_tunnels.BUILT.items()},
}
OTHERWISE = {  # what tshark 4.0.17 does not find, and why
    **dict.fromkeys(
        ("pseudowire", "pseudowire, control word", "pseudowire, address like IPv4"),
        "it takes the addresses for a control word, or for IPv4, and the other way round",
    ),
    **dict.fromkeys(("pppd", "mpls alone", "cisco hdlc, direction", "frame relay, direction"), "it does not know the link type"),
    **dict.fromkeys(
        ("l2tpv3", "l2tpv3, nothing before the frame", "l2tpv3, cookie", "l2tpv3, cookie of eight, sublayer", "l2tpv3, a tagged frame"),
        "it has what a session holds from its control connection, or from its preferences",
    ),
    "l2tpv3 in udp": "as L2TPv3 over IP",
    "vxlan 8472": "the port that was used before the RFC",
    **dict.fromkeys(("gtp-u, extensions", "gtp-u, sequence"), "the length in the header is 0"),
    **dict.fromkeys(
        ("capwap, 802.11", "capwap, 802.11, radio's address and more"),
        "it takes every frame control to be swapped, unless its preferences say otherwise",
    ),
    "erspan 3, ip": "it takes all that ERSPAN holds to be Ethernet",
}


def found_by_tshark(frames: list[Raw], path: Path, *options: str) -> list[bool]:
    """Whether tshark finds TCP in each frame: all of them in one pcapng, with an interface for each link type."""
    links = sorted({frame.link for frame in frames})
    blocks = [section(), *(interface(link=link) for link in links)]
    blocks += [enhanced(at, frame.data, links.index(frame.link)) for at, frame in enumerate(frames)]
    path.write_bytes(b"".join(blocks))
    run = subprocess.run(
        ["tshark", "-n", "-r", str(path), *options, "-T", "fields", "-e", "frame.number", "-e", "tcp.dstport"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [bool(line.partition("\t")[2]) for line in run.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark")
def test_tshark_finds_the_same(tmp_path: Path) -> None:
    names, frames = list(BUILT), list(BUILT.values())
    found = found_by_tshark(frames, tmp_path / "built.pcapng")
    assert {name for name, tcp in zip(names, found, strict=True) if not tcp} == set(OTHERWISE)
