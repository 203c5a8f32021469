"""Frames to segments: a fast path for what nearly every frame is, dpkt for all the rest."""

from .decoder import Decoder

__all__ = ["Decoder"]
