"""What several tests share: generated scans and calls with their judge, a film in known orientations, reference runs."""
