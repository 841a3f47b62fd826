"""`recon study`: how short a protocol may get, measured in regions of interest and tested over subjects."""
