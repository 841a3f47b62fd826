"""Raw-data file formats, one module or folder each."""
