"""Find the settings with which a method scores best where the truth is known."""
