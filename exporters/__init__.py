"""A trained checkpoint in, verified model files and a bundle for devices out."""
