"""Segments to state paths: one transition table, one tracker for each side, and the reasoning in between."""
