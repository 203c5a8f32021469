"""The reasoning as it was before it was typed and cut by topic, kept word for word.

It is not part of the program. It is slow and plain, and `test_oracle.py` asks it what the program says of random
connections: any difference is either a mistake or a correction. Corrections were made here as well, each under a comment
"corrected". The transition table, the log and the vocabulary are the program's own.
"""
