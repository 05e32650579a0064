"""Clusters of positions (fuzzy) and of components (rotation-aware)."""
