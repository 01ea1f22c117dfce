"""The command line: what is spent, on whom, on what, and what is left.

Law: nothing here computes money; it shows what ledger and prices say. A command is one file, registered as one line of
`frugal.cli.commands.COMMANDS`, and is imported when it is called.
"""

try:
    from frugal.cli.commands import app
except KeyboardInterrupt:  # in the half second that the imports take
    raise SystemExit(130) from None

__all__ = ["app"]
