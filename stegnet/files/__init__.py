"""From file to file: what the command line, the page, the API and the cluster call.

`files` hides and reveals, `info` describes; `folder` does so for folders, which `listing` lists.
"""

from stegnet.files.files import hide_file, reveal_file

__all__ = ["hide_file", "reveal_file"]
