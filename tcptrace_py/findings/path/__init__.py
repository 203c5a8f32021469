"""One traffic at two points of its way: connections paired, clocks aligned, segments matched, differences told."""
