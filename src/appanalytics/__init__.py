"""AppAnalytics."""
