"""Phrase in, checkpoint and figures out: texts, speech, features, training, evaluation."""
