class StackError(Exception):
    """The stack cannot do what it was asked; the message is for the person who asked."""
