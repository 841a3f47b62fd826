"""Training of networks, from a config file to weights."""
