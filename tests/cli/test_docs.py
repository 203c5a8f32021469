"""docs/cli.md says what the commands say; every command and option is documented."""

from pathlib import Path

import click
import pytest

from tcptrace_py.cli import docs, main, reading
from tcptrace_py.model.profiles import PROFILES

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
CONTEXT = click.Context(main.tcpstates, info_name="tcpstates")
COMMANDS = [main.tcpstates, *(main.tcpstates.get_command(CONTEXT, name) for name in main.COMMANDS)]


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == docs.page(), "run: python -m tcptrace_py.cli.docs > docs/cli.md"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(command: click.Command) -> None:
    text = PAGE.read_text("utf-8")
    assert f"`{command.name}" in text or f"## tcpstates {command.name}" in text
    assert command.help
    for option in command.get_params(click.Context(command)):
        if isinstance(option, click.Option):
            assert option.help or option.name == "help", option.opts
            assert all(f"`{name}`" in text for name in option.opts)


def test_names_of_systems_are_those_of_the_model() -> None:
    assert tuple(PROFILES) == reading.OS_NAMES
