"""The ISMRMRD format: readouts with headers, sorted into k-space, and back."""
