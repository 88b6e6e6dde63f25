"""Which of the chosen samples may leave the run, by licence, asked again at the moment of leaving.

A run may keep images that its owner may train on but not pass on, such as CC BY-ND 4.0. An export is made to be passed
on, and holds resized copies; so it takes an image only when the licence lets such copies be shared, or the recipe
names its family in `export.allow`.
"""

from __future__ import annotations

from manifests import ExportRules, LicencePolicy
from pipeline.storage.database import in_list


def refusal(policy: LicencePolicy, rules: ExportRules) -> str:
    """Return the SQL expression, over the columns of `samples`, of why a sample may not leave; null when it may.

    >>> print(refusal(LicencePolicy(allow=("CC0",)), ExportRules()).splitlines()[0])
    CASE WHEN license_family IS NULL THEN 'licence_unknown'
    """
    unknown = "NULL" if rules.allow_unknown else "'licence_unknown'"
    return (
        f"CASE WHEN license_family IS NULL THEN {unknown}\n"
        f"     WHEN license_family IN {in_list(rules.allow)} THEN NULL\n"
        f"     WHEN license_family NOT IN {in_list(policy.allow)} THEN 'licence_not_allowed'\n"
        "     WHEN may_share IS NOT TRUE THEN 'may_not_be_shared' END"
    )
