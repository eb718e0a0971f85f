"""Proxy: checks, limits, signs and records every call to a cat. There is no other way to a cat."""
