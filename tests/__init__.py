"""The tests, for which Python keeps what it compiled even where it is told not to.

Each process of a run, and each server that a test starts, would compile anew all that it imports,
which takes longer than the import.
"""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
