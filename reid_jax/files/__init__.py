"""Files that strangers made, or that damage reached: read whole, or refused in one line.

What a header claims is compared with the size of its file before anything is allocated.
"""
