"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .coders import Coder as Coder
from .fitting import Coded as Coded
from .fitting import decode as decode
from .fitting import fit as fit
from .fitting import restored as restored
from .jpeg_xl import decode_jpeg_xl as decode_jpeg_xl
from .jpeg_xl import encode_jpeg_xl as encode_jpeg_xl
from .predictor import GRAPHS as GRAPHS
from .predictor import ID_BYTES as ID_BYTES
from .predictor import REACH as REACH
from .predictor import Predictor as Predictor
from .predictor import shipped_predictor as shipped_predictor
from .quantisation import Steps as Steps
from .quantisation import quantise as quantise
from .quantisation import restore as restore
