"""Judging the addresses of many rows at once: what decides is scheme, host and port, and few of these are distinct.

`guards.to_uri` and `guards.check_uri` have the rules. An address in plain spelling differs from others of its host in
what these never look at, so it is answered as the host is, which is judged once; others are judged one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import FetchRules
from pipeline.media.http.guards import MAX_URL_LENGTH, Refusal, check_uri, to_uri
from pipeline.model.outcomes import Outcome

_PLAIN = r"^(?P<site>https?://[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?(?::[1-9][0-9]{0,4})?)(?:[/?#][!-~]*)?$"
"""Scheme, host and port as they are compared; what follows is printable ASCII, which always parses."""
_KEPT = 1 << 14  # sites whose verdict is kept


@dataclass(frozen=True, slots=True)
class Sites:
    """Judges addresses by the rules of a recipe.

    >>> sites = Sites(FetchRules(hosts=("*.example.org",)))
    >>> refusals, hosts = sites.judged(pa.array(["http://a.example.org/1", "http://A.example.org:81/2", None, "http://b/3"]))
    >>> hosts.to_pylist(), sorted(refusals)
    (['a.example.org', None, None, None], [1, 2, 3])
    """

    rules: FetchRules
    _known: dict[str, tuple[Refusal | None, str | None]] = field(default_factory=dict, init=False, repr=False)

    def judged(self, addresses: pa.Array) -> tuple[dict[int, Refusal], pa.Array]:
        """Return why addresses may not be asked, by place, and the host (and port as written) of those that may."""
        short = pc.less_equal(pc.binary_length(addresses), MAX_URL_LENGTH)
        plain = pc.extract_regex(pc.if_else(short, addresses, None), _PLAIN)
        sites = pc.if_else(plain.is_valid(), plain.field("site"), None).dictionary_encode()
        verdicts = [self._site(site) for site in sites.dictionary.to_pylist()]
        names = pa.array([host for _, host in verdicts], pa.string())
        hosts = pa.DictionaryArray.from_arrays(sites.indices, names).cast(pa.string())
        refusals: dict[int, Refusal] = {}
        for place, (refusal, _) in enumerate(verdicts):
            if refusal is not None:
                of_site = pc.indices_nonzero(pc.fill_null(pc.equal(sites.indices, place), False))
                refusals |= dict.fromkeys(of_site.to_pylist(), refusal)
        odd = pc.indices_nonzero(sites.indices.is_null())
        if len(odd):
            found = [_judged(address or "", self.rules) for address in addresses.take(odd).to_pylist()]
            refusals |= {row: no for row, (no, _) in zip(odd.to_pylist(), found, strict=True) if no is not None}
            hosts = pc.replace_with_mask(
                hosts, sites.indices.is_null(), pa.array([host for _, host in found], pa.string())
            )
        return refusals, hosts

    def _site(self, site: str) -> tuple[Refusal | None, str | None]:
        found = self._known.get(site)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[site] = _judged(f"{site}/", self.rules)
        return found


def _judged(address: str, rules: FetchRules) -> tuple[Refusal | None, str | None]:
    """Return why an address may not be asked, or the host that may be."""
    try:
        uri = to_uri(address)
    except ValueError as error:
        return Refusal(Outcome.BAD_URL, str(error)), None
    refusal = check_uri(uri, rules)
    return (refusal, None) if refusal is not None else (None, uri.netloc)
