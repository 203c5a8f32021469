"""The benchmark's document as Markdown."""

from collections.abc import Iterable
from typing import Any

MEGA = 1_000_000


def markdown(document: dict[str, Any]) -> str:
    """Tables for a README, with all that is needed to read them."""
    parts = [_head(document)]
    parts += [_comparison(capture) for capture in document["captures"]]
    if document["growth"]:
        parts.append(_growth(document["growth"]))
    if document["start_up"]:
        parts.append(_start_up(document["start_up"]))
    return "\n\n".join(parts) + "\n"


def _head(document: dict[str, Any]) -> str:
    host = document["machine"]
    tools = "\n".join(f"- {tool['name']}: {tool['about']}" for tool in document["tools"])
    return (
        f"Machine: {host['cpu']}, {host['cores']} cores, {host['memory_bytes'] / 2**30:.0f} GiB, {host['system']}, "
        f"{host['python']}; load before the runs {host['load_before']}.\n"
        "Whole processes, start-up included, output to a pipe, the capture in the page cache; "
        f"rounds, in each of which every tool runs once, in turn: {document['settings']['rounds']}.\n"
        "Seconds are medians (least-most); a ratio is the median of the ratios within each round.\n"
        "Memory: peak of all processes of the command together, proportional set size every 20 ms, in a run of its "
        "own; in brackets the part that is pages of files.\n\n" + tools
    )


def _comparison(capture: dict[str, Any]) -> str:
    results = capture["results"]
    ours = list(results[0]["times_as_long_as"])
    rows = [
        [
            _name(one),
            _seconds(one["wall_s"]),
            f"{one['cpu_s']:.2f}",
            f"{_millions_a_second(capture, one):.3f}",
            _memory(one["memory"]),
            *(_ratio(one, name) for name in ours),
        ]
        for one in results
    ]
    head = ["", "wall s", "CPU s", "M packets/s", "peak memory MB", *(f"times as long as {name}" for name in ours)]
    title = (
        f"### {capture['name']}: {capture['packets']:,} packets, {capture['connections']:,} connections, "
        f"{capture['size_bytes'] / MEGA:,.0f} MB ({capture['about']})"
    )
    return "\n\n".join([title, table(head, rows), *_slices(capture)])


def _millions_a_second(capture: dict[str, Any], one: dict[str, Any]) -> float:
    return float(capture["packets"] / one["wall_s"]["median"] / MEGA)


def _slices(capture: dict[str, Any]) -> list[str]:
    """What has to be said of tools that read a part only, or ran in fewer rounds."""
    parts = [one for one in capture["results"] if one["extrapolated"]]
    if not parts:
        return []
    names = ", ".join(one["tool"] for one in parts)
    note = (
        f"\\* {names}: extrapolated from the first {parts[0]['packets_read']:,} packets, "
        f"rounds: {len(parts[0]['runs'])}; start-up counted once, memory as it was for those packets."
    )
    return [note]


def _growth(rows: list[dict[str, Any]]) -> str:
    cells = [
        [
            row["name"],
            f"{row['packets']:,}",
            f"{row['connections']:,}",
            _seconds(row["wall_s"]),
            f"{row['cpu_s']:.2f}",
            f"{row['us_per_packet']:.3f}",
            _memory(row["memory"]),
        ]
        for row in rows
    ]
    head = ["", "packets", "connections", "wall s", "CPU s", "µs/packet", "peak memory MB"]
    return "### How the cost grows\n\n" + table(head, cells)


def _start_up(rows: list[dict[str, Any]]) -> str:
    cells = [[f"`{row['command']}`", _seconds(row["wall_s"]), _seconds(row["cpu_s"])] for row in rows]
    return "### Start-up\n\n" + table(["", "wall s", "CPU s"], cells)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def _name(one: dict[str, Any]) -> str:
    return f"{one['tool']} \\*" if one["extrapolated"] else str(one["tool"])


def _seconds(wall_s: dict[str, float]) -> str:
    return f"{wall_s['median']:.2f} ({wall_s['min']:.2f}-{wall_s['max']:.2f})"


def _ratio(one: dict[str, Any], name: str) -> str:
    value = one["times_as_long_as"][name]
    return "" if value is None or one["tool"] == name else f"{value:.2f} x"


def _memory(memory: dict[str, Any]) -> str:
    """Peak of all processes, the part that is pages of files in brackets; else the largest process's, said so."""
    if memory["peak_bytes"] is None:
        return f"{memory['max_rss_bytes'] / MEGA:.0f} (largest process)"
    return f"{memory['peak_bytes'] / MEGA:.0f} ({memory['file_bytes'] / MEGA:.0f})"
