"""The languages that Self-Debug knows. A further one is a file here and a line below."""

from ..problem import Language
from .python import PYTHON
from .sql import SQL
from .translation import TRANSLATION

LANGUAGES: dict[str, Language] = {"python": PYTHON, "translation": TRANSLATION, "sql": SQL}
"""By the value of the setting `language`."""
