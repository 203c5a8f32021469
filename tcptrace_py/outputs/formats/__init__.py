"""One file per output format; `registry.Format` says what each must offer."""

import os


def names() -> list[str]:
    """Names of all formats, without importing them."""
    files = {name.partition(".")[0] for name in os.listdir(__path__[0])}  # noqa: PTH208 - pathlib is slow to import
    return sorted(name for name in files if not name.startswith("_"))
