"""Write the samples: `python -m samples.make [NAME...]`; `--list`, `--check` and `--readme` do what they say."""

import argparse
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from samples.readme import readme
from samples.stories.story import STORIES, Story
from tests.writer.files import compressed, decompressed

FOLDER = Path(__file__).parent
THEMES = (
    "handshakes",
    "opens",
    "strays",
    "closes",
    "resets",
    "time_wait",
    "losses",
    "probes",
    "icmp",
    "quality",
    "copies",
    "encapsulation",
    "tunnels",
    "formats",
    "damage",
    "pileups",
)


def stories(names: Iterable[str] = ()) -> list[Story]:
    """The stories whose file is named, with or without suffix; all of them if none is. Unknown names: KeyError."""
    for theme in THEMES:
        importlib.import_module(f"samples.stories.{theme}")
    by_name = {told.file.partition(".")[0]: told for told in STORIES.values()}
    if not (wanted := list(names)):
        return list(STORIES.values())
    return [STORIES[name] if name in STORIES else by_name[name] for name in wanted]


def is_current(told: Story, content: bytes) -> bool:
    """Whether the file holds this content. Compressors differ by version, so what they were given is compared."""
    file = FOLDER / told.file
    return file.exists() and decompressed(file.read_bytes(), told.suffix) == content


def write(told: Story) -> None:
    """Write a story's file, unless it is current."""
    content = told.content()
    if not is_current(told, content):
        (FOLDER / told.file).write_bytes(compressed(content, told.suffix))


def check(chosen: list[Story]) -> int:
    """1 if a file, or the table of all files, is not what would be written."""
    stale = [told.file for told in chosen if not is_current(told, told.content())]
    if (FOLDER / "README.md").read_text() != readme(stories()):
        stale.append("README.md")
    for name in stale:
        print(f"{name}: not what would be written", file=sys.stderr)
    return 1 if stale else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m samples.make", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="file, with or without suffix (default: all)")
    parser.add_argument("--list", action="store_true", help="list the samples with a line for each")
    parser.add_argument("--check", action="store_true", help="exit 1 if a file is not what would be written")
    parser.add_argument("--readme", action="store_true", help="write samples/README.md")
    options = parser.parse_args(arguments)
    try:
        chosen = stories(options.names)
    except KeyError as unknown:
        parser.error(f"no sample is called {unknown}")
    if options.list:
        print("\n".join(f"{told.file:44} {told.title}" for told in chosen))
    elif options.check:
        return check(chosen)
    elif options.readme:
        (FOLDER / "README.md").write_text(readme(stories()))
    else:
        for told in chosen:
            write(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
