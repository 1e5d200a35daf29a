"""Search: answers what looks like a part of a picture.

Reads item.changed and media.embedded into its own copy of items, offers and labels of pictures, media.changed to deny deleted
pictures at once, and media.encoded to find new ones at once; reads feature objects and the vector index. Writes user.activity where a person searched. All that it holds can be rebuilt.
"""
