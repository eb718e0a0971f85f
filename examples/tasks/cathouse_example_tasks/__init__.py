"""A cat: a small app that players adopt, and that is called through Cat House's proxy alone."""
