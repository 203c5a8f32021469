"""State paths to facts: one file for each kind of fact."""
