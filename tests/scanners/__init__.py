"""What is really in the files of each store: the proof that an erased person is in none of them.

A scanner reads the files of one store as whoever steals the disk would, decodes what is packed, and says which canaries are there.
It is trusted only where it found them before.
"""
