"""One file per published system: its equations, wired by protocols."""
