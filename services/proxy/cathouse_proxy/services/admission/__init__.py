"""Decide whether a call may be made: who calls, what it asks for, and whether its cat may be called now."""
