"""Stays in TIME_WAIT: entered, restarted, ended; under each owner's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcptrace_py.model.profiles import Profiles
from tests.ladder import CLIENT, CLOSE, HANDSHAKE, SERVER, SERVER_CLOSE, STAMPED, START_NS, play

if TYPE_CHECKING:
    from tcptrace_py.model.results import Stay

AGAIN = "31 S FA seq=1\n31.01 C A\n"  # the last ACK was lost: the FIN comes again


def seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else round((time_ns - START_NS) / 1e9, 6)


def stay_of(text: str, end_s: float, **options: Profiles) -> Stay:
    (stay,) = play(text, end_s=end_s, **options).rows[0].time_wait  # type: ignore[arg-type]
    return stay


# ladder, capture's end, what is said of the stay: whose, from when to when if all goes well, how it ended
STAYS = [
    ("runs out", HANDSHAKE + CLOSE, 100, "client, 1.03 to 61.03, 0 restarts, expired 61.03"),
    ("runs out at the very end", HANDSHAKE + CLOSE, 61.03, "client, 1.03 to 61.03, 0 restarts, expired 61.03"),
    ("outlives the capture", HANDSHAKE + CLOSE, 61.02, "client, 1.03 to 61.03, 0 restarts, capture-end"),
    ("the server's", HANDSHAKE + SERVER_CLOSE, 100, "server, 1.03 to 61.03, 0 restarts, expired 61.03"),
    ("restarted by the FIN sent again", HANDSHAKE + CLOSE + AGAIN, 200, "client, 1.03 to 91.0, 1 restarts, expired 91.0"),
    ("restarted twice", HANDSHAKE + CLOSE + AGAIN + "62 S FA seq=1\n62.01 C A", 200, "client, 1.03 to 122.0, 2 restarts, expired 122.0"),
    (
        "the second repetition comes too late",
        HANDSHAKE + CLOSE + "31 S FA seq=1\n31.01 C A\n92 S FA seq=1",
        200,
        "client, 1.03 to 91.0, 1 restarts, expired 91.0",
    ),
    ("restarted by an old bare ACK", HANDSHAKE + CLOSE + "5 S A seq=1 ack=1", 100, "client, 1.03 to 65.0, 1 restarts, expired 65.0"),
    ("not by what it sends itself", HANDSHAKE + CLOSE + "5 C A", 100, "client, 1.03 to 61.03, 0 restarts, expired 61.03"),
    ("killed by a RST", HANDSHAKE + CLOSE + "5 S R seq=2", 100, "client, 1.03 to 61.03, 0 restarts, killed 5.0"),
    (
        "not by a RST behind which its owner answers",
        HANDSHAKE + CLOSE + "5 S R seq=2\n6 S FA seq=1\n6.01 C A",
        100,
        "client, 1.03 to 66.0, 1 restarts, expired 66.0",
    ),
    (
        "nothing restarts it behind the RST that killed it",
        HANDSHAKE + CLOSE + "5 S R seq=2\n6 S FA seq=1",
        100,
        "client, 1.03 to 61.03, 0 restarts, killed 5.0",
    ),
    (
        "a RST with another number kills nothing",
        HANDSHAKE + CLOSE + "5 S R seq=700",
        100,
        "client, 1.03 to 61.03, 0 restarts, expired 61.03",
    ),
    (
        "reused",
        HANDSHAKE + SERVER_CLOSE + "5 C S isn=500000\n5.01 S SA isn=700000\n5.02 C A",
        100,
        "server, 1.03 to 61.03, 0 restarts, reused 5.0",
    ),
    (
        "a SYN after it ran out reuses nothing",
        HANDSHAKE + SERVER_CLOSE + "65 C S isn=500000",
        100,
        "server, 1.03 to 61.03, 0 restarts, expired 61.03",
    ),
]


@pytest.mark.parametrize(("text", "end_s", "expected"), [case[1:] for case in STAYS], ids=[case[0] for case in STAYS])
def test_stays(text: str, end_s: float, expected: str) -> None:
    stay = stay_of(text, end_s)
    span = f"{seconds(stay.entered_ns)} to {seconds(stay.expires_ns)}"
    ended = "" if stay.censored else f" {seconds(stay.ended_at_ns)}"
    assert f"{stay.side}, {span}, {stay.restarts} restarts, {stay.ended_by}{ended}" == expected
    assert stay.censored == (stay.ended_by == "capture-end") == (stay.ended_at_ns is None)


@pytest.mark.parametrize("system", ["freebsd", "lwip", "gvisor"])
def test_no_rst_ends_it_where_the_system_drops_them(system: str) -> None:
    """What comes behind the RST restarts it as before."""
    text = HANDSHAKE + CLOSE + "5 S R seq=2\n6 S FA seq=1"
    stay = stay_of(text, 300, profiles=Profiles.named(system, time_wait_s=60))
    assert (stay.ended_by, stay.restarts, seconds(stay.ended_at_ns)) == ("expired", 1, 66.0)
    other = stay_of(text, 300, profiles=Profiles.named("linux", {CLIENT: system}, time_wait_s=60))
    assert (other.ended_by, other.restarts) == ("expired", 1)


def test_a_refused_syn_with_an_old_timestamp_restarts_it() -> None:
    """tcp_timewait_state_process(): what PAWS rejects gets an ACK and starts 2MSL anew, a SYN too."""
    stay = stay_of(STAMPED + "5 C S isn=500000 ts=1500,0\n5.01 S A ack=-498998 ts=5080,2020", 100)
    assert (stay.restarts, seconds(stay.expires_ns)) == (1, 65.0)


def test_a_mirrors_copy_restarts_nothing() -> None:
    stay = stay_of(HANDSHAKE + CLOSE + "1.0301 S FA seq=1 id=3\n31 S FA seq=1 id=50\n31.00001 S FA seq=1 id=50", 200)
    assert stay.restarts == 1


@pytest.mark.parametrize(
    ("close", "patterns"),
    [
        ("1 C FA\n1.001 S FA ack=1\n1.02 C A\n1.021 S A", {"client", "server"}),
        (CLOSE, {"client"}),
        (SERVER_CLOSE, {"server"}),
        ("1 C RA", set()),
        ("1 C FA\n1.01 S A\n2 S RA", set()),
        ("1 C FA\n1.01 S A", set()),
    ],
)
def test_who_stays(close: str, patterns: set[str]) -> None:
    """The first closer; both of a simultaneous close; nobody after a reset."""
    assert {stay.side for stay in play(HANDSHAKE + close).row.time_wait} == patterns


def test_the_basis_of_entering() -> None:
    assert stay_of(HANDSHAKE + CLOSE, 10).basis == "observed"
    assert stay_of(HANDSHAKE + "1 C FA\n1.01 S A\n1.02 S FA", 10).basis == "assumed"
    both = play(HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.02 C A\n1.021 S A").row.time_wait
    assert {stay.basis for stay in both} == {"assumed"}


@pytest.mark.parametrize(
    ("profiles", "length_s"),
    [
        (Profiles.named("linux"), 60),
        (Profiles.named("macos"), 30),
        (Profiles.named("windows"), 120),
        (Profiles.named("rfc9293"), 240),
        (Profiles.named("linux", time_wait_s=7.5), 7.5),
        (Profiles.named("linux", {CLIENT: "macos"}), 30),
        (Profiles.named("linux", {SERVER: "macos"}), 60),
        (Profiles.named("macos", time_wait_s=0), 0),
    ],
)
def test_profiles(profiles: Profiles, length_s: float) -> None:
    stay = stay_of(HANDSHAKE + CLOSE, 1000, profiles=profiles)
    assert (stay.expires_ns - stay.entered_ns) / 1e9 == length_s
    assert stay.ended_by == "expired"


def test_the_longest_profile_decides_how_long_stragglers_are_awaited() -> None:
    profiles = Profiles.named("rfc9293")
    stay = stay_of(HANDSHAKE + CLOSE + "200 S FA seq=1\n200.01 C A", 1000, profiles=profiles)
    assert (stay.restarts, seconds(stay.expires_ns)) == (1, 440.0)


def test_a_copy_that_was_answered_again_restarts_it() -> None:
    stay = stay_of(HANDSHAKE + CLOSE + "1.034 S FA seq=1 id=3\n1.0340001 C A id=0\n", 200)
    assert stay.restarts == 1
