"""Frames to segments: a fast path for what nearly every frame is, dpkt for all the rest."""

from .decoder import Decoder
from .quality import NOT_READ, UNKNOWN_LINK

__all__ = ["NOT_READ", "UNKNOWN_LINK", "Decoder"]
