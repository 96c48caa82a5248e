"""The statements the course puts to the test, and the check that each of them still stands.

`claims.toml` holds the statements and verdicts; a chapter measures a number and hands it to
`claim`, which shows the statement, the number, the bound and the verdict, and raises when the
number no longer supports the verdict.

Read `claims.toml`, `verdicts` (which reads it), `results` (a measured claim, and how it is shown),
then `all_claims` (the list of all claims).
"""

from weightinit.claims.all_claims import page, stored_results, table
from weightinit.claims.results import ClaimBroken, Result, claim
from weightinit.claims.verdicts import VERDICTS, Claim, load, parse

__all__ = [
    "VERDICTS",
    "Claim",
    "ClaimBroken",
    "Result",
    "claim",
    "load",
    "page",
    "parse",
    "stored_results",
    "table",
]
