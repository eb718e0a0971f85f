"""What a person can mend."""


class ScaffoldError(Exception):
    """The message is for the person who typed the command: what is wrong, and what to do."""
