"""Causes: every module is one, named as its code; `Code` (model/finding.py) lists them, in the order in which they are looked for.

A module offers `find(evidence)`, which yields its findings. Its docstring is its documentation: a first line that says what
happened, then `Shows:` (what of it a capture shows), `Look-alikes:` (what else could look so, and what tells it apart) and `Do:`.
"""
