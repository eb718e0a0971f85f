"""What a person can mend."""


class DeploymentError(Exception):
    """The message is one line for the person who typed the command, and holds no secret."""
