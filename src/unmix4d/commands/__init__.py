"""What ``python -m unmix4d`` can do, one file a command."""
