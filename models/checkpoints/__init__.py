"""Finds, reads and writes files of trained weights and the cards that describe them."""
