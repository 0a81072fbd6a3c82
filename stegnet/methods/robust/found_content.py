"""What was read from a robust container, as `Method.find` returns it."""

from hashlib import sha256
from typing import Any

import numpy as np

from stegnet.core.disk import atomic_write
from stegnet.core.errors import RevealError
from stegnet.core.names import FILE, PICTURE, counted, printable
from stegnet.hiding.method import Context, FoundSecret
from stegnet.methods.robust.robust_content import RobustContent, RobustFile, RobustPicture
from stegnet.methods.robust.robust_options import ROBUST
from stegnet.record import Container
from stegnet.results import OutputTarget, Report, as_named, text_report, write_revealed


class FoundContent(FoundSecret):
    """A picture or file that survived lossy codecs, read without error whatever happened to its container."""

    method = ROBUST
    tells_damage = False

    def __init__(self, container: Container, context: Context, content: RobustContent) -> None:
        super().__init__(container, context)
        self.content = content
        self.kind = PICTURE
        if isinstance(content, RobustFile):
            self.kind = FILE
            self.name = content.name
            self.size = len(content.data)

    def text(self, strict: bool = False) -> Report | None:
        """Return a report with the text if a text is hidden; None for a picture or another file."""
        if isinstance(self.content, RobustPicture):
            return None
        return text_report(self.content.name, self.content.data)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        """Write the picture or file that was read without error; `strict` has no effect here."""
        if isinstance(self.content, RobustPicture):
            return write_revealed(out, self._decoded(self.content))
        name = self.content.name
        data = self.content.data
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            part.write_bytes(data)
            named = as_named(part, name, out, self.context.progress)
        line = f"hidden: {printable(name)}, {counted(len(data), 'byte')}"
        return Report(
            notes=(line, *named.notes), warnings=named.warnings, name=name, size=len(data), unchanged=named.unchanged
        )

    def _decoded(self, picture: RobustPicture) -> np.ndarray:
        try:
            return picture.decoded()
        except ValueError as error:
            raise RevealError(f"the hidden picture is damaged ({error})", subject=self.container.path) from error

    def details(self) -> dict[str, Any]:
        if isinstance(self.content, RobustPicture):
            return {"hidden_width": self.content.width, "hidden_height": self.content.height}
        digest = sha256(self.content.data).hexdigest()
        return {"hidden_name": self.name, "hidden_bytes": self.size, "hidden_sha256": digest}
