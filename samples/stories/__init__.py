"""The stories that the samples tell, by theme, each with what an analysis must say of it."""
