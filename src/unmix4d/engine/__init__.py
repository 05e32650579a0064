"""The scan as a matrix that is read block by block: passes, threads, compression, weights, noise."""
