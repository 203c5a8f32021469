"""Tests of bytes -> frames."""
