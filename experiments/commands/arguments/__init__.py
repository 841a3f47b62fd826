"""The arguments and options of commands, and how their text becomes values."""
