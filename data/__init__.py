"""Reads and writes raw data and images, draws sampling masks, and feeds training."""
