"""Image files, and where their pixels lie in the patient."""
