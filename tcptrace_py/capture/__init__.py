"""Bytes to frames: pcap and pcapng, plain or compressed, from files, directories or standard input, merged by time."""

from .columns import BLOCK_FRAMES
from .reader import CaptureReader, open_captures

__all__ = ["BLOCK_FRAMES", "CaptureReader", "open_captures"]
