"""What all tests share."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Gold files are written anew with one command: `pytest --update-gold`; read the diff before committing it."""
    parser.addoption("--update-gold", action="store_true", help="write the gold files from what is printed now")
