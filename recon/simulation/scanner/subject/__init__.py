"""The object in a simulated scanner: its anatomy, contrast, phase and placement."""
