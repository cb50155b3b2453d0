"""The one exception that is meant for the person at the keyboard."""

__all__ = ["UserError"]


class UserError(ValueError):
    """Bad input; the message is one sentence that says what is wrong and what to do."""
