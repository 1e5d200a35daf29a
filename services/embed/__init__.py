"""Embed service: turns pictures into feature maps, region vectors, labels and colours.

Reads media.changed, renditions and tombstones. Writes feature objects, tombstones, all rows of the vector index,
media.encoded and media.embedded. Answers EncodePicture for a picture that is only searched with, and EncodeText
where the encoder has a text tower. It has no database.
"""
