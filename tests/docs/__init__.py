"""The pages for readers are held to the program: what they print is run, what they list is counted."""
