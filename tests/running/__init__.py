"""How a whole run of the tests goes: what runs where and when, and what is said meanwhile."""
