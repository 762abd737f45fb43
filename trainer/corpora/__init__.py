"""Recordings that people already have come in, clips that keep speaker and licence go out."""
