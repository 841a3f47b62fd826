"""Calibrates the uncertainty of learned methods on scans whose truth is known."""
