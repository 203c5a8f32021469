"""`tcpstates`: finds the command, runs it, and turns every way to end into an exit code.

0 done; 1 a check failed; 2 usage error, or no input could be read at all; 3 some input was damaged and the rest was
analysed; 70 internal error; 130 interrupted. click's own 1 for errors and aborts is never used.
"""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from errno import EBADF, EDQUOT, EFBIG, EIO, ENOSPC
from importlib import import_module
from typing import NoReturn, TextIO

import click

from tcptrace_py.model.errors import TcpstatesError
from tcptrace_py.model.faults import DEBUG_VARIABLE

from . import codes
from .terminate import AbandonedError, Termination, all_is_said

COMMANDS = ("analyze", "time-wait", "explain", "check", "rules", "query", "diff", "extract", "help")
NAMES = ("tcpstates", "tcptrace-py")
WHOLE = 1000  # characters: no sentence is longer
SHELLS = ("bash", "zsh", "fish")
COLLECTED_EACH = 50_000  # objects more, when Python looks for cyclic garbage
UNWRITABLE = (EBADF, EDQUOT, EFBIG, EIO, ENOSPC)  # answers of an output that takes no more


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, by the names of their files."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All commands, the main one first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"tcptrace_py.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every command with the whole first sentence of its help."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(WHOLE)) for name, command in commands if command is not None])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; where there is none of this name, say what may have been meant."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(_unknown(args[0]))
        return super().resolve_command(ctx, args)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    if os.path.exists(name):  # noqa: PTH110 - pathlib is not loaded yet
        return f"No such command {name!r}. To analyse this file: tcpstates analyze {name}"
    near = get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    return f"No such command {name!r}. " + (f"Did you mean {near[0]!r}?" if near else f"There is: {', '.join(COMMANDS)}.")


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from tcptrace_py import __version__, _compiled

        click.echo(f"tcpstates {__version__} ({'compiled' if _compiled() else 'interpreted'}, Python {sys.version.partition(' ')[0]})")
        ctx.exit()


def _print_manual(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from .man import page

        click.echo(page(tcpstates), nl=False)
        ctx.exit()


def _install_completion(ctx: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    if shell and not ctx.resilient_parsing:
        from .completion import install

        for line in install(tcpstates, shell):
            click.echo(line)
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 a check failed, 2 usage error or no readable input, 3 damaged input was "
    "analysed as far as possible, 70 internal error, 130 interrupted.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and whether the engine is compiled.",
)
@click.option(
    "--man",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_manual,
    help="Print the manual page (tcpstates --man | man -l -).",
)
@click.option(
    "--install-completion",
    metavar="SHELL",
    type=click.Choice(SHELLS),
    expose_value=False,
    is_eager=True,
    callback=_install_completion,
    help=f"Install completion for a shell of yours: {', '.join(SHELLS)}.",
)
@click.option("--debug", is_flag=True, help=f"Show the traceback of an internal error (also by {DEBUG_VARIABLE}=1).")
def tcpstates(debug: bool) -> None:
    """Say what every TCP connection in a packet capture did.

    How long its handshake took, who closed it and how, which states both sides passed, and who is left with TIME_WAIT.

    \b
    Begin with:
      tcpstates analyze capture.pcap
    """  # noqa: D301 - click reads the backspace as "print this as it stands"
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        return _main(args)
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:  # who calls this may go on for long
            signal.signal(signal.SIGINT, handler)


def _main(args: Sequence[str] | None = None) -> int:
    try:
        code = tcpstates.main(args=None if args is None else list(args), prog_name=_program(), standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return 0
    except SystemExit as end:
        closed = type(sys.stdout).__name__ == "PacifyFlushWrapper"  # click's answer to a closed pipe, with a code of 1
        return 0 if closed or not isinstance(end.code, int) else end.code
    except (KeyboardInterrupt, AbandonedError, click.Abort):
        all_is_said()
        _say("interrupted")
        return codes.INTERRUPTED
    except click.ClickException as error:
        error.message = _without_secrets(error.message)  # type: ignore[misc] # what was typed may be anything
        error.show()
        return codes.USAGE
    except TcpstatesError as error:
        from tcptrace_py.outputs import foreign
        from tcptrace_py.outputs.units import printable

        for line in _without_secrets(str(error)).split("\n"):  # a file of rules may hold several mistakes
            _say(foreign.line(printable(line)))
        return codes.USAGE
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            return _internal(error)
        _drop_output()
        _say(f"cannot write: {error.strerror}")
        return codes.USAGE
    except Exception as error:  # noqa: BLE001 - whatever it is, it gets a message and a code of its own
        return _internal(error)
    return code if isinstance(code, int) else 0


def run() -> NoReturn:
    """Entry point of the commands `tcpstates` and `tcptrace-py`."""
    gc.set_threshold(COLLECTED_EACH, 10, 10)  # importing a command makes tens of thousands of objects, and no garbage
    termination = Termination()
    with suppress(ValueError):  # not the main thread
        termination.watch()
    try:
        code = _main()
    finally:
        all_is_said()
        termination.finish()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _drop_output()
    gc.freeze()  # the interpreter, which ends now, looks for garbage three times: there is nothing to be found
    sys.exit(code)


def _program() -> str:
    """Name that completion scripts and help go by: what was typed, if it is one of ours."""
    typed = os.path.basename(sys.argv[0]).removesuffix(".exe")  # noqa: PTH119
    return typed if typed in NAMES else NAMES[0]


def _say(message: str) -> None:
    """Tell it on standard error; where that takes nothing, the exit code has to do."""
    try:
        click.echo(f"tcpstates: {message}", err=True)
    except OSError:
        _drop(sys.stderr)


def _without_secrets(text: str) -> str:
    """A message, whatever URL a user typed."""
    from tcptrace_py.model.urls import without_secrets

    return without_secrets(text)


def _drop_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter's last flush does not complain."""
    _drop(sys.stdout)


def _drop(stream: TextIO | None) -> None:
    with suppress(AttributeError, OSError, ValueError):  # it is closed, or there never was one
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


def _internal(error: Exception) -> int:
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        from traceback import print_exception

        print_exception(error)
    _say(
        f"internal error: {type(error).__name__}: {_without_secrets(str(error))}\n"
        "This is a bug in tcpstates, not in your capture. Please report it with the command line, the output of\n"
        "`tcpstates --version`, and the traceback that the same command prints as `tcpstates --debug ...`."
    )
    return codes.INTERNAL
