"""Written text to phonemes: the inventory, a front end per language, and Kokoro's symbols."""
