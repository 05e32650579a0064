"""Files: results, checkpoints, and what a file from elsewhere may not do."""
