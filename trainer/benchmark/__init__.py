"""Phrases in, how well their detectors hear voices that training never had out."""
