"""Implements the MRD streaming protocol of scanners and Gadgetron."""
