"""The benchmark: `python -m tests.bench` makes its captures, runs tcpstates and its peers in turn, prints a table.

See docs/benchmark.md.
"""
