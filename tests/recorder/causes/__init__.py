"""Recordings of what findings are about: real Linux TCP in which one thing goes wrong, with numbers that are known."""
