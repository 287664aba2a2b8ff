"""What is stored: schema and migrations, loading, rollups, checks."""
