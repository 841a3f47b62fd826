"""Classical reconstruction methods, one file each."""
