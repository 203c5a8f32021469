"""The shared words: states, blocks of columns, results, modulo-2^32 arithmetic. Imports nothing of ours."""
