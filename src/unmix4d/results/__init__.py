"""What the methods answer with: `Decomposition` and its relatives, one `build` that makes them, and what is read from them."""
