"""Watchword's device runtime: a bundle and 16 kHz audio in, detections of its phrase out."""
