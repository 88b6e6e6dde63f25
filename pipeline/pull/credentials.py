"""Who asks: a user name and a password, taken from the environment and kept out of sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.pull.pull_errors import PullError

USER, PASSWORD = "GBIF_USER", "GBIF_PWD"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A GBIF user name (not the mail address) and password; neither shows in a repr."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Credentials:
        """Take them from GBIF_USER and GBIF_PWD; raises PullError when one is missing.

        >>> Credentials.of({"GBIF_USER": "me", "GBIF_PWD": "secret"})
        Credentials()
        """
        missing = [name for name in (USER, PASSWORD) if not environment.get(name)]
        if missing:
            raise PullError(
                f"GBIF asks who requests a download: {' and '.join(missing)} not set",
                expected=f"the GBIF user name in {USER} and the password in {PASSWORD}",
                remedy="register at gbif.org and export both; or name a finished download with --key, which needs none",
            )
        return cls(environment[USER], environment[PASSWORD])
