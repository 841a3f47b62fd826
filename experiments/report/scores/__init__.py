"""The scores of a comparison: their table, their means, and the files that hold them."""
