"""The corpus: real and synthetic speech, built from registry packages alone."""
