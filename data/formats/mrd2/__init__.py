"""Read and write MRD 2, the second version of ISMRMRD's format, with the package `mrd-python`."""
