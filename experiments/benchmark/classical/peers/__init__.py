"""Who is compared: ours and the field's classical reconstructions, one file each."""
