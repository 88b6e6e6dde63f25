"""What changes each outcome: the keys of the recipe, or the command, and a sentence that says how.

A number in the funnel says that rows were lost; the sentence here says what a person may do about it, or that nothing
can be done. It is a template: `{value}` is the commonest value of the evidence (a licence, a host, a name), `{source}`
the source, and every other word the present value of the key that ends so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.model.outcomes import Outcome

# SQL expressions over a ledger row `l`: what of the evidence is the same for rows that are lost for one cause.
RULE = "coalesce(l.evidence ->> '$.code', l.evidence ->> '$.rule')"
VALUE = "l.evidence ->> '$.value'"
CAUSE = f"coalesce(l.evidence ->> '$.reason', {VALUE})"
HOST = (
    "nullif(regexp_extract(coalesce(l.evidence ->> '$.address', l.evidence ->> '$.value'), "
    "'^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]+)', 1), '')"
)
KEY = "l.evidence ->> '$.key'"
DETAIL = "l.evidence ->> '$.detail'"
ADDRESS = "l.evidence ->> '$.address'"
TAXON = "l.evidence ->> '$.taxon'"
LICENCE = "coalesce(l.evidence ->> '$.value', 'none is stated')"
BENCHMARK = "coalesce(l.evidence ->> '$.benchmark', l.other_id)"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a person may do about one outcome."""

    advice: str
    keys: tuple[str, ...] = ()
    """Keys of the recipe that change it, the likeliest first; none: no recipe changes it, and `advice` says so."""
    facet: str = RULE
    """SQL expression of the value that names the cause; see above."""


_ASK_AGAIN = "add --retry {outcome} to the same command to ask again"
_OPT_OUT = (
    "fetch.opt_outs lists {opt_outs}: leave the signal out if it does not concern your use, or take the media from a "
    "store of your own (fetch.mirrors)"
)
_HOSTS_OWN = "nothing can be done here: the host's own copies are so; take the media from elsewhere (fetch.mirrors)"
_NOTHING = "nothing can be done, and nothing should: "
_OPTED_OUT = Remedy(_OPT_OUT, ("fetch.opt_outs", "fetch.mirrors"), HOST)
_RELEASE = ("sources.path",)

REMEDIES: Mapping[Outcome, Remedy] = MappingProxyType(
    {
        Outcome.MALFORMED_ROW: Remedy(
            "mend the release or fetch it again; limits.reject_percent ({reject_percent}) is the share a run bears",
            ("sources.path", "limits.reject_percent"),
        ),
        Outcome.ORPHAN_MEDIA: Remedy("the release lacks their records: fetch it again whole", _RELEASE),
        Outcome.NO_MEDIA: Remedy(
            "ask the provider for records with pictures only, in a format that lists them (GBIF: biomill pull gbif ... "
            "mediaType=StillImage)",
            _RELEASE,
        ),
        Outcome.NO_URL: Remedy(
            "the release lists no addresses: name the folder or archive of the pictures as `media` of source {source}",
            ("sources.media", "sources.path"),
        ),
        Outcome.ID_MISSING: Remedy(
            "only the provider can give the rows an identifier: ask for a release that has them", _RELEASE
        ),
        Outcome.NO_BOX: Remedy(_NOTHING + "the source labels boxes, and a picture without one has no label"),
        Outcome.BAD_BOX: Remedy("mend the boxes in the release: no key of the recipe changes them", _RELEASE),
        Outcome.REJECTED_LABEL: Remedy(_NOTHING + "the source took its label back"),
        Outcome.NON_ORGANISM: Remedy(_NOTHING + "the label names no organism"),
        Outcome.MERGED_BOX: Remedy(_NOTHING + "another box of the picture stands for it"),
        Outcome.NOT_PUBLIC: Remedy(_NOTHING + "the source does not show the media"),
        Outcome.BLANK: Remedy(_NOTHING + "the pictures show no animal"),
        Outcome.HUMAN: Remedy(_NOTHING + "the pictures show people"),
        Outcome.VEHICLE: Remedy(_NOTHING + "the pictures show vehicles"),
        Outcome.DUPLICATE_RECORD: Remedy(
            "nothing is lost: another row says the same and goes on; name every release once in [[sources]]", _RELEASE
        ),
        Outcome.NOT_IMAGE: Remedy(
            "ask the provider for still images only (GBIF: biomill pull gbif ... mediaType=StillImage)", _RELEASE, VALUE
        ),
        Outcome.NOT_PRESENT: Remedy(
            "ask the provider for presences only (GBIF: biomill pull gbif ... occurrenceStatus=PRESENT)",
            _RELEASE,
            VALUE,
        ),
        Outcome.LEAK_ID: Remedy(
            "benchmark {value} lists them: take it out of [[benchmarks]], or the rows out of its ids, if they may be "
            "trained on",
            ("benchmarks.ids", "benchmarks.path"),
            BENCHMARK,
        ),
        Outcome.LEAK_SPECIES: Remedy(
            "benchmark {value} holds out whole species: benchmarks.unseen_species = false holds out its images alone",
            ("benchmarks.unseen_species",),
            BENCHMARK,
        ),
        Outcome.NOT_SELECTED: Remedy(
            "the recipe does not choose them: widen the key, or remove it",
            ("select.where", "select.taxa", "select.years", "select.bbox", "select.countries", "sources.where"),
            KEY,
        ),
        Outcome.LICENCE_UNKNOWN: Remedy(
            'state what the provider says of rows without a licence as license = "..." of source {source} (now '
            "{license}), or set licences.allow_unknown = true",
            ("sources.license", "licences.allow_unknown"),
            LICENCE,
        ),
        Outcome.WITHDRAWN: Remedy(
            "the lists in withdraw name them: a key that is not meant has to leave its list", ("withdraw",), RULE
        ),
        Outcome.LICENCE_NOT_ALLOWED: Remedy(
            'licences.allow lists {allow}: add "{family}"', ("licences.allow",), LICENCE
        ),
        Outcome.NAME_UNRESOLVED: Remedy(
            "taxonomy.sources lists {sources}: add a published taxonomy that holds them", ("taxonomy.sources",), CAUSE
        ),
        Outcome.NAME_AMBIGUOUS: Remedy(
            "only a kingdom or family stated in the release decides between equal names; taxonomy.sources lists "
            "{sources}: one that holds fewer kingdoms has fewer of them",
            ("taxonomy.sources", "taxonomy.minimum_rank"),
            CAUSE,
        ),
        Outcome.RANK_TOO_HIGH: Remedy(
            'taxonomy.minimum_rank is "{minimum_rank}": a higher one keeps what is named no further',
            ("taxonomy.minimum_rank", "taxonomy.sources"),
            CAUSE,
        ),
        Outcome.BAD_URL: Remedy(
            "no address can be asked: name the folder or archive of the pictures as `media` of source {source}",
            ("sources.media", "sources.path"),
            CAUSE,
        ),
        Outcome.HOST_NOT_ALLOWED: Remedy('fetch.hosts lists {hosts}: add "{value}"', ("fetch.hosts",), HOST),
        Outcome.MEDIA_LABEL_CONFLICT: Remedy(
            'likeness.label_conflict is "{label_conflict}"; the records of one medium disagree in the releases',
            ("likeness.label_conflict",),
        ),
        Outcome.MULTI_LABEL: Remedy(
            "nothing can be done here: the release gives no boxes that tell the organisms apart",
        ),
        Outcome.SAME_MEDIUM: Remedy(
            "nothing is lost: another record of each medium goes on; sources.priority ({priority}) says whose",
            ("sources.priority",),
        ),
        Outcome.MISSING_FILE: Remedy(
            "`media` of source {source} is {media}: correct it, or leave it out so that addresses are asked",
            ("sources.media",),
            ADDRESS,
        ),
        Outcome.GONE: Remedy(
            "the host has them no more: take a newer release, or a store that has them (fetch.mirrors)",
            ("fetch.mirrors", "sources.path"),
            HOST,
        ),
        Outcome.BLOCKED: Remedy(
            "ask the host for leave; fetch.contact is {contact}, fetch.per_host_rate {per_host_rate}; a store of your "
            "own goes in fetch.mirrors",
            ("fetch.contact", "fetch.per_host_rate", "fetch.mirrors"),
            HOST,
        ),
        Outcome.ROBOTS_DISALLOWED: Remedy(
            "ask the host for leave, then fetch.robots = false; a store of your own goes in fetch.mirrors",
            ("fetch.robots", "fetch.mirrors"),
            HOST,
        ),
        Outcome.OPTED_OUT_NOAI: _OPTED_OUT,
        Outcome.OPTED_OUT_NOIMAGEAI: _OPTED_OUT,
        Outcome.OPTED_OUT_NOINDEX: _OPTED_OUT,
        Outcome.OPTED_OUT_NOML: _OPTED_OUT,
        Outcome.OPTED_OUT_TDM: _OPTED_OUT,
        Outcome.HOST_DEAD: Remedy(
            f"{_ASK_AGAIN}; fetch.give_up_after ({{give_up_after}}) says after how many failures a host is left",
            ("fetch.give_up_after",),
            HOST,
        ),
        Outcome.NOT_NEEDED: Remedy(
            "fetch.images_per_taxon is {images_per_taxon}, fetch.until_quota {until_quota}: a larger number fetches "
            "more, and without both all is fetched",
            ("fetch.images_per_taxon", "fetch.until_quota"),
            TAXON,
        ),
        Outcome.THROTTLED: Remedy(
            f"{_ASK_AGAIN}, with a lower fetch.per_host_rate ({{per_host_rate}}) or more fetch.patience ({{patience}})",
            ("fetch.per_host_rate", "fetch.patience"),
            HOST,
        ),
        Outcome.HTTP_ERROR: Remedy(_ASK_AGAIN, ("fetch.attempts",), HOST),
        Outcome.TIMEOUT: Remedy(
            f"{_ASK_AGAIN}; fetch.total_timeout is {{total_timeout}} s",
            ("fetch.total_timeout", "fetch.read_timeout"),
            HOST,
        ),
        Outcome.CONNECT_FAILED: Remedy(
            f"see that the host can be reached from here, then {_ASK_AGAIN}", ("fetch.connect_timeout",), HOST
        ),
        Outcome.DNS_FAILED: Remedy(
            f"see that names can be looked up from here, then {_ASK_AGAIN}", ("fetch.connect_to", "fetch.mirrors"), HOST
        ),
        Outcome.TLS_FAILED: Remedy(
            f"see that the machine's certificates are up to date (SSL_CERT_FILE), then {_ASK_AGAIN}",
            ("fetch.connect_to",),
            HOST,
        ),
        Outcome.BLOCKED_ADDRESS: Remedy(
            'the host lies in a private network: if it is yours, add "{value}" to fetch.allow_private',
            ("fetch.allow_private",),
            HOST,
        ),
        Outcome.TOO_MANY_REDIRECTS: Remedy("fetch.max_redirects is {max_redirects}", ("fetch.max_redirects",), HOST),
        Outcome.TOO_LARGE: Remedy("fetch.max_bytes is {max_bytes}: raise it", ("fetch.max_bytes",), HOST),
        Outcome.SHORT_BODY: Remedy(_ASK_AGAIN, ("fetch.attempts",), HOST),
        Outcome.EMPTY: Remedy(_HOSTS_OWN, ("fetch.mirrors",), HOST),
        Outcome.NOT_AN_IMAGE: Remedy(
            "the addresses lead to pages or other files: see that the release names the pictures themselves, or take "
            "them from a store (sources.media, fetch.mirrors)",
            ("sources.media", "fetch.mirrors"),
            HOST,
        ),
        Outcome.UNSUPPORTED_FORMAT: Remedy(_HOSTS_OWN, ("fetch.mirrors",), DETAIL),
        Outcome.TRUNCATED: Remedy(_HOSTS_OWN, ("fetch.mirrors",), HOST),
        Outcome.CORRUPT: Remedy(_HOSTS_OWN, ("fetch.mirrors",), HOST),
        Outcome.TOO_MANY_PIXELS: Remedy("fetch.max_pixels is {max_pixels}: raise it", ("fetch.max_pixels",), HOST),
        Outcome.TOO_SMALL: Remedy(
            "image.min_side is {min_side} pixels: lower it to keep smaller pictures and boxes",
            ("image.min_side",),
            HOST,
        ),
        Outcome.PLACEHOLDER: Remedy(
            "look at them in the view `placeholders`; fetch.placeholder_addresses ({placeholder_addresses}) says how "
            "many addresses make one, 0 turns it off",
            ("fetch.placeholder_addresses", "fetch.placeholders"),
            HOST,
        ),
        Outcome.BOX_OUTSIDE: Remedy(
            "the pictures are not those that the boxes were drawn in: take the release's own (sources.media)",
            ("sources.media",),
            HOST,
        ),
        Outcome.LEAK_BYTES: Remedy(
            _NOTHING + "they are images of benchmark {value}; without it in [[benchmarks]] they would be kept",
            ("benchmarks.path",),
            BENCHMARK,
        ),
        Outcome.LEAK_HAMMING: Remedy(
            "likeness.leak_distance is {leak_distance} bits, and leak_pair_phash with leak_pair_pdq call others leaks: "
            "smaller ones hold out less",
            ("likeness.leak_distance", "likeness.leak_pair_phash", "likeness.leak_pair_pdq"),
            BENCHMARK,
        ),
        Outcome.LEAK_OCCURRENCE: Remedy(
            "likeness.leak_occurrence = false keeps other pictures of a held-out occurrence",
            ("likeness.leak_occurrence",),
            BENCHMARK,
        ),
        Outcome.LEAK_UNKNOWN: Remedy(
            'likeness.leak_unknown is "{leak_unknown}": "keep" keeps and counts what no hash can clear; a lower '
            "likeness.minimum_quality ({minimum_quality}) trusts flatter pictures' hashes",
            ("likeness.leak_unknown", "likeness.minimum_quality"),
        ),
        Outcome.LOW_INFORMATION: Remedy(
            'likeness.low_information is "{low_information}": "keep" keeps them; likeness.minimum_quality is '
            "{minimum_quality}",
            ("likeness.low_information", "likeness.minimum_quality"),
        ),
        Outcome.LABEL_CONFLICT: Remedy(
            'likeness.label_conflict is "{label_conflict}": "ancestor" keeps one under the taxon that all share',
            ("likeness.label_conflict",),
        ),
        Outcome.EXACT_DUPLICATE: Remedy("nothing is lost: one of each is kept"),
        Outcome.NEAR_DUPLICATE: Remedy(
            "one of each is kept; likeness.duplicate_distance ({duplicate_distance}) and likeness.duplicate_residual "
            "({duplicate_residual}) say what is the same",
            ("likeness.duplicate_distance", "likeness.duplicate_residual"),
        ),
        Outcome.QUALITY: Remedy(
            "{value} is not what the recipe's condition on pictures asks for: widen the condition, or remove it",
            ("select.where", "sources.where"),
            KEY,
        ),
        Outcome.OVER_QUOTA: Remedy(
            "select.cap_per_taxon is {cap_per_taxon}, target {target}, most_taxa {most_taxa}: larger numbers, or none, "
            "keep more, and so does a source's or a split's own cap_per_taxon",
            ("select.cap_per_taxon", "select.target", "select.most_taxa"),
            TAXON,
        ),
        Outcome.TOO_RARE: Remedy(
            "select.min_per_taxon is {min_per_taxon}, min_available {min_available}: smaller numbers keep rarer taxa, "
            'and rare = "keep" keeps them whole',
            ("select.min_per_taxon", "select.min_available", "select.rare"),
            TAXON,
        ),
        Outcome.THINNED: Remedy(
            "select.thin_to is {thin_to}, splitting.buffer_kilometres {buffer_kilometres}: more to a cell, smaller "
            "cells and a narrower buffer keep more",
            ("select.thin_to", "splitting.buffer_kilometres"),
        ),
    }
)
"""One for every outcome but `kept`."""
