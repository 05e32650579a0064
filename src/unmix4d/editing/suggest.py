def suggest(result):
    """x"""
