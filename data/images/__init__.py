"""Image files, and where their pixels lie in the patient."""

WARNING = "not for diagnostic use"
