class StackError(Exception):
    """A command of the stack failed. The message is printed without a traceback."""
