"""The report of a study: its page, figures, pictures and tables."""
