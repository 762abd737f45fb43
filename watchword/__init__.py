"""The composition root: the only place that knows every part, and the command line on top of it."""
