"""The statements the course puts to the test, and the check that each of them still stands.

`claims.toml` holds the statements, verdicts and findings; a chapter measures a number and hands it
to `claim`, which shows the statement, the number, the bound and the verdict, and raises when the
number no longer supports the verdict.

Read `claims.toml`, `results` (a claim, and what is measured for it), then `all_claims` (the page
of all claims, read from the chapters' stored outputs).
"""

from weightinit.claims.all_claims import page, stored_results, table
from weightinit.claims.results import Claim, ClaimBroken, Result, claim, load

__all__ = ["Claim", "ClaimBroken", "Result", "claim", "load", "page", "stored_results", "table"]
