"""A deterministic writer of captures: stories of two hosts, told as ladders, become files.

The same story gives the same bytes everywhere: no clock, no randomness, no address of this machine.
"""
