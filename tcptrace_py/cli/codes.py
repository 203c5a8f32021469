"""Exit codes (docs/cli.md): 0 is done; click's own 1 for errors and aborts is never used."""

CHECK_FAILED, USAGE, DAMAGED, INTERNAL, INTERRUPTED = 1, 2, 3, 70, 130
