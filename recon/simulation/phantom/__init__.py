"""The built-in phantom: a random head, sliced, with the tissues and contrasts of clinical brain protocols."""
