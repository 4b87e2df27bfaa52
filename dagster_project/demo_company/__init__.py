"""A deterministic company that exists only as its source systems; README.md lists its truths.

Public interface: :func:`build` writes the systems, :func:`advance` moves them days forward.
"""

from .advance import Advanced, advance
from .build import BuiltCompany, build
from .sizes import SIZES, Size

__all__ = ["SIZES", "Advanced", "BuiltCompany", "Size", "advance", "build"]
