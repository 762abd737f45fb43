"""Transcribed clips in, the backbone that every detector starts from out."""
