"""How reliable an image is: noise maps, g-factors, uncertainty."""
