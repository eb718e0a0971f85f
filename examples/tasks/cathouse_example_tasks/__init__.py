"""A cat: a small app that players adopt. Only Cat House's proxy calls it."""
