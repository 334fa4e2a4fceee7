"""What goes wrong in the local run, said in one line with the fix."""


class LocalError(Exception):
    """Something that the person at the keyboard can put right; the message is one line and says how."""
