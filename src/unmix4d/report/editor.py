def edit(result):
    """x"""
