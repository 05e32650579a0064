"""What ``s.unmix`` is: a view of a scan, or of features of it; every method is listed in the body of its class."""
