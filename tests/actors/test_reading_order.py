"""The package of the actors tells in which order to read it."""

from __future__ import annotations

import re
from pathlib import Path

import actors

FOLDER = Path(actors.__file__).parent


def test_every_module_has_its_place_in_the_reading_order() -> None:
    """Each is named, and what is named is there."""
    assert actors.__doc__ is not None
    named = set(re.findall(r"`(\w+)`", actors.__doc__)) - {"turn"}
    modules = {file.stem for file in FOLDER.iterdir() if file.suffix == ".py" or file.is_dir()}
    assert named == {module for module in modules if not module.startswith("__")}
