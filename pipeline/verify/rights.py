"""Rights travel with the image: what shard, catalog and source state is one licence, and one that the recipe allows."""

from __future__ import annotations

from pipeline.model.licences import normalise_licence
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run, report
from pipeline.verify.samples import Told

_SQL = Statements(__name__)


def licences(run: Run, told: Told) -> str:
    """The shard's rights are the catalog's, the catalog's follow from the source's statement, and all are allowed."""
    told.rights.check()
    stated = run.rows(_SQL("stated"))
    wrong = []
    for verbatim, license_id, family, key in stated:
        # A code without a version means 4.0 to some providers, and no known version to the others.
        meant = [normalise_licence(verbatim, version) for version in ("", "4.0")]
        if (license_id, family) not in [(m.reference or None, m.family if m.known else None) for m in meant]:
            wrong.append((key, f"{license_id} ({family})", f"but its source states {verbatim!r}"))
    report("licences are not what the source states", wrong)
    policy = run.recipe.licences
    unknown = "false" if policy.allow_unknown else "license_family IS NULL"
    run.none(
        _SQL("not_allowed", allowed=policy.allow, unknown=unknown),
        "samples under licences that the recipe does not allow",
    )
    return f"{run.count('SELECT count(DISTINCT license_id) FROM samples')} licences, all stated and allowed"
