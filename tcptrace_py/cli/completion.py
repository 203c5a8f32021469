"""Installs shell completion where a shell looks for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import get_completion_class

from tcptrace_py.model.errors import UsageError
from tcptrace_py.writing import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

NAME, VARIABLE = "tcpstates", "_TCPSTATES_COMPLETE"
ZSH = "fpath=({folder} $fpath); autoload -Uz compinit; compinit  # completion of tcpstates"


def install(command: click.Command, shell: str) -> Iterator[str]:
    """Write the completion script to its file in the home directory. Yields what was done, a line each.

    zsh looks into folders that its own file of settings names: one line is added at the end of that, where it is not there yet.
    Raises UsageError where a file cannot be written.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"there is no completion for {shell}")
    path = file_of(shell)
    _write(path, kind(command, {}, NAME, VARIABLE).source())
    yield f"written: {path}"
    if shell == "zsh":
        settings = Path(os.environ.get("ZDOTDIR") or Path.home()) / ".zshrc"
        line, text = ZSH.format(folder=path.parent), settings.read_text("utf-8") if settings.exists() else ""
        if line not in text.splitlines():
            _write(settings, f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n")
            yield f"added to {settings}: {line}"
    yield f"Start a new {shell} to use it."


def file_of(shell: str) -> Path:
    """The file that a shell reads when it is to complete `tcpstates`."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / NAME,
        "zsh": data / "zsh" / "site-functions" / f"_{NAME}",
        "fish": config / "fish" / "completions" / f"{NAME}.fish",
    }[shell]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    with Output(str(path)).open() as out:
        out.write(text.encode())
