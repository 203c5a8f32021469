"""Bytes to frames: pcap and pcapng, plain or compressed, from files, directories or standard input, merged by time and put in order."""

from .columns import BLOCK_FRAMES
from .ordering import MOST_FRAMES
from .reader import CaptureReader, open_captures

__all__ = ["BLOCK_FRAMES", "MOST_FRAMES", "CaptureReader", "open_captures"]
