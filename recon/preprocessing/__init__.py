"""Steps from acquisition to acquisition that run before a reconstruction."""
