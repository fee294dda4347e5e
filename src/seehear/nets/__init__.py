"""Torch modules that no library has; each configuration is a frozen dataclass beside its class."""
