"""Package the server as an OpenRecon image, and understand what the scanner's console sends to it."""
