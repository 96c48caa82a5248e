"""Load the comparison of notebooks for every run of pytest in this project."""

pytest_plugins = ["tests.notebook_numbers"]
