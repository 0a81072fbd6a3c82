"""The shuffle, the detail layer and 8 bits for batches of tensors, to train through.

The same as `stegnet.scramble`, `stegnet.detail` and `stegnet.channel` do for one picture that is to be hidden.
"""
