"""Campaigns of chance against the whole program, bounded by time and count; `pytest -m fuzz tests/fuzz`.

TCPSTATES_FUZZ_CAPTURES  further directories of captures beside samples/, separated as in PATH
TCPSTATES_FUZZ_SECONDS   most that each campaign may take
TCPSTATES_FUZZ_CASES     most cases of each campaign
TCPSTATES_FUZZ_SEED      another seed, other cases; a failure prints its seed and the smallest capture that fails alike
"""
