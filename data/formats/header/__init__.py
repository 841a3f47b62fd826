"""Reads and writes headers: as ISMRMRD XML, and as one line of text."""
