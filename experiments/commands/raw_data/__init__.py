"""The commands that simulate, fetch, inspect and convert raw data."""
