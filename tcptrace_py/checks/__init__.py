"""Facts to verdicts: one file for each rule, an engine that runs them, and the files that ask for them."""
