"""Tests of the built site, which use the scripts of tools/ as well."""

import tests.tools  # noqa: F401  (puts them on the path)
