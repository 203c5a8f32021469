"""How commands show their help: options by what they are for, and a usage line that can be typed."""

from __future__ import annotations

from typing import Any

import click

# Title -> parameters that several commands share, by what they are for. All others are a command's own.
SHARED = {
    "What is analysed": ("hosts", "nets", "ports", "from_time", "to_time", "last"),
    "Which connections": ("outcomes", "patterns", "states", "final_states", "reset_by", "causes", "streams", "broken"),
    "Hosts": ("systems", "time_wait_s", "port_range", "idle_s"),
    "Output": ("format_name", "form", "output", "force", "tables", "reports", "show", "extent", "limit", "picture", "table", "colour"),
    "Cluster": ("cluster", "scratch", "checkpoint", "partitions", "range_mb", "dry_run"),
    "Reading": ("check_checksums", "jobs", "memory_mb", "allow_damaged"),
}
OWN, LAST = "Options", "Reading"


class Command(click.Command):
    """A command of ours. `usage`: its arguments, where they are not simply its parameters."""

    def __init__(self, *args: Any, usage: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.usage = usage

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What stands behind the command's name."""
        return ["[OPTIONS]", self.usage] if self.usage else super().collect_usage_pieces(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each group."""
        for title, options in grouped(self, ctx):
            with formatter.section(title):
                formatter.write_dl([record for option in options if (record := option.get_help_record(ctx)) is not None])


def grouped(command: click.Command, context: click.Context) -> list[tuple[str, list[click.Option]]]:
    """A command's options by what they are for: its own first."""
    options = [option for option in command.get_params(context) if isinstance(option, click.Option)]
    groups: dict[str, list[click.Option]] = {title: [] for title in (OWN, *SHARED)}
    for option in options:
        shared = (title for title, names in SHARED.items() if option.name in names)
        groups[LAST if "--help" in option.opts else next(shared, OWN)].append(option)
    filled = [(title, members) for title, members in groups.items() if members]
    return filled if len(filled) > 2 else [(OWN, options)]
