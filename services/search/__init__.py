"""Search: answers what looks like a part of a picture.

Reads item.changed into its own copy of items and offers, and media.changed to deny deleted pictures at once; reads feature
objects and the vector index. Writes user.activity where a person searched. All that it holds can be rebuilt.
"""
