"""The command line: parse, call, print."""

from understudy.cli.app import main

__all__ = ["main"]
