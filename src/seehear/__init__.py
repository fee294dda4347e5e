"""Pictures to spatial sound, and sound to pictures."""
