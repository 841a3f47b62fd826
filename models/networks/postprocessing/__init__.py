"""Networks that improve images: denoisers and enlargers."""
