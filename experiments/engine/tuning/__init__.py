"""Finds the regularisation weight at which a method scores best."""
