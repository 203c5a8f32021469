"""Segments to connections: four-tuple lookup, incarnations of a reused tuple, stream numbers."""
