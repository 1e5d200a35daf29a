"""Labels, interests and colours, with their names in Korean and English."""
