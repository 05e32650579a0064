"""What the methods answer with: `Decomposition`, its relatives, the one `build` of them, and what is read of them."""
