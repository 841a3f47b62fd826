"""The measured peers, one file per package."""
