"""A shipped detector and recordings in, everything that `watchword evaluate` says out."""
