"""A worked example for CI: a small service with three faults, the rules that catch them, and the service mended."""
