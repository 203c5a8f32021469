"""The commands, one file each in `commands`; no logic of their own."""
