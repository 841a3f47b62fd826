"""Post-processing stages, one file each: image and noise map in, image out; composed by name, as in `sense+gain`."""
