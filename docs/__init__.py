"""Pages of documentation, and what generates some of them. Run with ``make docs``."""
