"""``python -m appanalytics``: the command line."""

from appanalytics.cli import main

main()
