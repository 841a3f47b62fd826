"""Page templates of the report."""
