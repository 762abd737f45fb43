"""Speech engines, each behind the contract of `trainer.tts.base`."""
