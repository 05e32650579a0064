"""What ``s.unmix`` is: a view of a scan, or of features of it, with every method listed in its class body."""
