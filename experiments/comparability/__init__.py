"""Checks that stored comparisons can be repeated, and that training and test data are apart."""
