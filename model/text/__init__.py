"""Written text to phonemes: the versioned inventory, one front end per language, Kokoro's symbols."""
