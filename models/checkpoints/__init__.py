"""Trained weights in files, and the cards that describe them."""
