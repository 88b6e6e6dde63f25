"""Which of the chosen samples may leave the run, by licence, asked again at the moment of leaving.

A run may keep images that its owner may train on but not pass on, such as CC BY-ND 4.0. An export is made to be passed
on, and holds resized copies; so it takes an image only when the licence lets such copies be shared, or the recipe
names its family in `export.allow`.
"""

from __future__ import annotations

from manifests import ExportRules, LicencePolicy
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def refusal(policy: LicencePolicy, rules: ExportRules) -> str:
    """Return the SQL expression, over the columns of `samples`, of why a sample may not leave; null when it may.

    >>> print(refusal(LicencePolicy(allow=("CC0",)), ExportRules()).splitlines()[0])
    CASE WHEN license_family IS NULL THEN 'licence_unknown'
    """
    unknown = "NULL" if rules.allow_unknown else "'licence_unknown'"
    return _SQL("refusal", unknown=unknown, leaving=rules.allow, allowed=policy.allow)
