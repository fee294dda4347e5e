"""One file per model that fulfils a protocol."""
