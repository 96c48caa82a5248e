"""The statements the course puts to the test, and the check that each of them still stands.

`claims.toml` holds the statements, verdicts and findings. A chapter measures numbers, puts each
with its bound and a control into `evidence`, and hands all of it to `claim`. That shows one box for
the claim, and raises when a number no longer supports the verdict. A control is a network or
setting for which the statement should not hold: the same check must fail on it.

Read `claims.toml`, `statements` (what is claimed), `measurement` (what is measured for it),
`results` (both together: the check and the box), then `all_claims` (the page of all claims, read
from the chapters' stored outputs).
"""

from weightinit.claims.all_claims import page, stored_results, table
from weightinit.claims.measurement import Measurement, evidence
from weightinit.claims.results import ClaimBroken, Result, claim
from weightinit.claims.statements import Claim, load

__all__ = [
    "Claim",
    "ClaimBroken",
    "Measurement",
    "Result",
    "claim",
    "evidence",
    "load",
    "page",
    "stored_results",
    "table",
]
