"""What exists: models, versions, their lifecycle, their bytes and where those came from."""
