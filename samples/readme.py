"""The table of samples/README.md, made of the stories."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from samples.stories.expect import AnyOf, Expectation
from samples.stories.story import Story

HEAD = """# Samples

Small captures of one situation each. A deterministic writer on dpkt makes them of the stories in `stories/`, the
same bytes everywhere:

    python -m samples.make [NAME...]    # write them again (without names: all)
    python -m samples.make --list       # a line for each
    python -m samples.make --check      # exit 1 if a file, or this page, is not what would be written
    python -m samples.make --readme     # write this page

The last column is what `tcpstates analyze FILE --format json` must say; a test holds it to that, and each story has
more. `recorded-*` files come from real kernels (`recorder/`).

`ci/` is the worked example of checks in CI, `path/` holds captures of the same traffic at two points
(`python -m samples.path.write`, `python -m samples.path.record`).

To add a sample, tell its story in `stories/` as a function whose docstring is its situation in a sentence, declare
what an analysis must say of it, and run the first and the last of these commands.
"""

HEADINGS = {
    "handshakes": "Handshakes",
    "opens": "Unusual beginnings",
    "strays": "Old, stray and forged segments",
    "closes": "Closes",
    "resets": "Resets",
    "time_wait": "TIME_WAIT",
    "losses": "Losses",
    "probes": "Probes",
    "icmp": "ICMP",
    "quality": "Capture quality",
    "copies": "Frames captured twice",
    "encapsulation": "Links and forms of IP",
    "tunnels": "Tunnels",
    "formats": "File formats",
    "damage": "Damaged and empty files",
    "pileups": "Pile-ups of TIME_WAIT",
}


def readme(told: Iterable[Story]) -> str:
    """The page, with a table for each theme."""
    parts = [HEAD]
    for theme, stories in groupby(told, key=lambda story: story.theme):
        parts.append(f"\n## {HEADINGS[theme]}\n\n| situation | file | what `analyze` says |\n| --- | --- | --- |\n")
        parts += [f"| {story.title} | `{story.file}` | {in_words(story.expected)} |\n" for story in stories]
    return "".join(parts)


def in_words(expected: Expectation) -> str:
    """What is expected of a sample, in a line."""
    phrases = [_connections(expected), _summary(expected.document.get("summary", {}))]
    if expected.problems:
        phrases.append("problems: " + ", ".join(f"`{code}`" for code in expected.problems))
    if expected.exit_codes != (0,):
        phrases.append("exit code " + " or ".join(map(str, expected.exit_codes)))
    return ". ".join(phrase for phrase in phrases if phrase)


def _connections(expected: Expectation) -> str:
    if expected.connections is None:
        return ""
    if not expected.connections:
        return "no connection"
    lines = [_connection(row) for row in expected.connections]
    if len(lines) == 1:
        return lines[0]
    return "; ".join(f"({number}) {line}" for number, line in enumerate(lines, start=1))


def _connection(row: Mapping[str, Any]) -> str:
    phrases = [_handshake(row.get("handshake", {})), _teardown(row.get("teardown", {}))]
    for name in ("client", "server"):
        final = (row.get(f"{name}_side") or {}).get("final_state")
        if final not in (None, "CLOSED", "TIME_WAIT"):
            phrases.append(f"{name} stays in {final}")
        if again := (row.get(f"{name}_side") or {}).get("retransmissions"):
            phrases.append(f"{again} retransmitted by the {name}")
    phrases += [_stay(entry) for entry in row.get("time_wait", ())]
    if anomalies := getattr(row.get("anomalies"), "codes", ()):
        phrases.append("anomalies " + ", ".join(f"`{code}`" for code in anomalies))
    if any((row.get("scope") or {}).values()):
        phrases.append("scope " + " ".join(f"{key} {value}" for key, value in row["scope"].items()))
    return ", ".join(phrase for phrase in phrases if phrase) or "a connection"


def _handshake(row: Mapping[str, Any]) -> str:
    words = [str(row[key]) for key in ("kind", "outcome") if row.get(key)]
    if total := row.get("total_ms"):
        words.append(f"in {total:g} ms")
    for key, name in (("syn_retransmissions", "SYN"), ("synack_retransmissions", "SYN/ACK")):
        if isinstance(count := row.get(key), int) and count:
            words.append(f"({name} {count}x again)")
    return " ".join(words)


def _teardown(row: Mapping[str, Any]) -> str:
    words = [f"**{row['pattern']}**"] if row.get("pattern") else []
    if segments := row.get("segments"):
        words.append(f"({segments} segments)")
    if first := row.get("first_fin"):
        words.append(f"{first} first")
    if ended := row.get("reset"):
        cause = ended.get("cause")
        named = " or ".join(map(str, cause.values)) if isinstance(cause, AnyOf) else cause
        words += [f"`{named}`"] if named else []
        words += [f"by {ended['by']}"] if ended.get("by") else []
    return " ".join(words)


def _stay(row: Mapping[str, Any]) -> str:
    restarts = f", restarted {row['restarts']}x" if row.get("restarts") else ""
    ended = row.get("ended_by")
    return f"TIME_WAIT at the {row['side']}{restarts}" + (f", {ended}" if ended not in (None, "capture-end") else "")


def _summary(row: Mapping[str, Any]) -> str:
    if "connections" not in row or not (stays := row.get("time_wait")):
        return ""
    return f"{row['connections']} connections, {stays['entered']} stays in TIME_WAIT, {stays['peak']} at once, {stays['at_end']} at the end"
