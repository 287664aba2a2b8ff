"""The command line: arguments → job or analysis → printout. One file for each group of commands."""

from appanalytics.cli.main import main

__all__ = ["main"]
