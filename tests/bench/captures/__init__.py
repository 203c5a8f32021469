"""Large captures for timing, made by arithmetic: the same bytes every time, a few seconds for millions of packets."""
