"""Keep images and their maps in files, and find them again under the same protocol."""
