"""One file per command, each with `command`; `main.COMMANDS` lists them in the order of the help."""
