"""Training: the one loop with exact resume, and recipes as frozen values."""
