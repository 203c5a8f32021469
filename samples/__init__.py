"""Small captures, each of one situation, that tests and the documentation speak of."""
