"""What comes in and goes out: files, sampling masks, the built-in phantom, torch datasets."""
