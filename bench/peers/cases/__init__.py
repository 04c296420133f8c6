"""The kernels that peers are timed on. To add one: its class in a module here, and if that is new, the module below."""
from . import convolutions, draws, gan, normalization, ops, optimizers
from .case import ROWS, Gap, case_of

__all__ = ["ROWS", "Gap", "case_of"]
