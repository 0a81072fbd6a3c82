"""What a cover's samples tell by themselves: whether a change would be proof, and where programs left them exact.

`copies` finds the regular places, which carry nothing. They don't decide how easily a container is found.
"""
