"""Errors that an operator can fix."""


class DeploymentError(Exception):
    """An error that is shown to the operator in one line. It contains no secret."""
