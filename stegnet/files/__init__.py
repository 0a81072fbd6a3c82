"""Work from file to file, for the command line, the page, the API and the cluster.

`revealing` finds hidden data, whatever the method, and writes or describes it. `folder` lists folders and hides in
their files, `album` hides one file in all pictures of a folder, and `archive` packs a folder into a file. Hiding in a
single cover is the job of a method: `stegnet.methods`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
