"""Metrics: validate, compute on arrays, give back a Score with its n, failures and confidence interval."""
