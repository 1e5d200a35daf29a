"""Reading words: what people type, in Korean and English. Pure."""
