"""The questions that fetch asks of its tables: who is asked in a round, and how every candidate ended.

All arguments are FROM clauses unless they say otherwise; `media` as `fetch_placeholders.judged` gives it.
"""

from __future__ import annotations

import pyarrow as pa

from pipeline.model.records import ENDED_SCHEMA

_EVIDENCE = """json_merge_patch(
    to_json({'status': m.status, 'detail': m.detail, 'address': c.address}),
    CASE WHEN t.alternates IS NULL THEN '{}' ELSE to_json({'alternates': t.alternates}) END,
    coalesce(m.placeholder, '{}'))::VARCHAR"""


def attempts_sql(candidates: str, media: str) -> str:
    """Return the query of every address that was tried for a record with alternates whose own address failed.

    Place 0 is the record's own address, the alternates count from 1.
    """
    return f"""
        SELECT a.record_id, a.source, a.place, a.at.image_id AS image_id, a.at.media_id AS media_id,
               a.at.address AS address, m.outcome, m.detail
        FROM (SELECT record_id, source, unnest(addresses) AS at, generate_subscripts(addresses, 1) - 1 AS place
              FROM (SELECT c.record_id, c.source, list_prepend({{'image_id': c.image_id, 'media_id': c.media_id,
                             'store': c.store, 'address': c.address, 'host': c.host}}, c.alternates) AS addresses
                    FROM {candidates} c JOIN {media} own ON own.image_id = c.image_id AND own.outcome IS NOT NULL
                    WHERE len(c.alternates) > 0)) a
        JOIN {media} m ON m.image_id = a.at.image_id"""


def alternates_sql(candidates: str, media: str, place: int) -> str:
    """Return, as a FROM clause, the addresses of a round: the place-th alternates of what no earlier round brought."""
    return f"""(
        SELECT c.alternates[{place}].image_id AS image_id, c.alternates[{place}].media_id AS media_id,
               c.alternates[{place}].store AS store, c.alternates[{place}].address AS address,
               c.alternates[{place}].host AS host, NULL::DOUBLE AS box_x, NULL::DOUBLE AS box_y,
               NULL::DOUBLE AS box_w, NULL::DOUBLE AS box_h
        FROM {candidates} c
        WHERE len(c.alternates) >= {place}
          AND c.image_id IN (SELECT image_id FROM {media} WHERE outcome IS NOT NULL)
          AND c.record_id NOT IN (SELECT record_id FROM ({attempts_sql(candidates, media)}) WHERE outcome IS NULL)
          AND c.alternates[{place}].image_id NOT IN (SELECT image_id FROM {media}))"""


def arrived_sql(candidates: str, media: str, tried: str) -> str:
    """Return the query of who arrived: record_id, source, image_id, media_id.

    The rounds end with the first address that answers, so at most one attempt of a record succeeded.
    """
    return f"""
        SELECT c.record_id, c.source, c.image_id, c.media_id FROM {candidates} c
        JOIN {media} m USING (image_id) WHERE m.outcome IS NULL
        UNION ALL SELECT record_id, source, arg_min(image_id, place), arg_min(media_id, place)
        FROM {tried} WHERE outcome IS NULL GROUP BY ALL"""


def order_sql(candidates: str, names: str) -> str:
    """Return the query of the order in which the candidates of a taxon are asked: record_id, taxon, place from 1.

    `fetch_order` is a function of the connection, from a record id to a key that sorts; so the order does not depend
    on the order of the input.
    """
    return f"""
        SELECT c.record_id, coalesce(n.accepted_id, '') AS taxon,
               row_number() OVER (PARTITION BY coalesce(n.accepted_id, '')
                                  ORDER BY fetch_order(c.record_id), c.record_id) AS place
        FROM {candidates} c LEFT JOIN {names} n USING (name_id)"""


def ended_sql(asked: str, media: str, tried: str) -> str:
    """Return the query of the asked candidates that did not arrive, as ledger rows."""
    return f"""
        SELECT {_ended("m.outcome", _EVIDENCE)} FROM {asked} c JOIN {media} m USING (image_id)
        LEFT JOIN (SELECT record_id, list({{'address': address, 'outcome': outcome}} ORDER BY place)
                          FILTER (place > 0) AS alternates FROM {tried} GROUP BY 1) t USING (record_id)
        WHERE m.outcome IS NOT NULL
          AND c.record_id NOT IN (SELECT record_id FROM {tried} WHERE outcome IS NULL)"""


def substituted_sql(ended: str, asked: str, order: str, wanted: int) -> str:
    """Return ledger rows with, as `other_id`, the candidate that was asked in the place of one that did not arrive.

    The first that failed of a taxon is stood in for by the first beyond the wanted number, and so on.
    """
    return f"""
        SELECT e.* REPLACE (s.record_id AS other_id)
        FROM (SELECT e.*, o.taxon, row_number() OVER (PARTITION BY o.taxon ORDER BY o.place) AS nth
              FROM ({ended}) e JOIN {order} o ON o.record_id = e.row_id) e
        LEFT JOIN (SELECT o.taxon, o.place, o.record_id FROM {asked} c JOIN {order} o USING (record_id)) s
          ON s.taxon = e.taxon AND s.place = e.nth + {wanted}"""


def not_needed_sql(candidates: str, asked: str, order: str, wanted: int) -> str:
    """Return the ledger rows of the candidates that nobody was asked for."""
    evidence = f"to_json({{'rule': 'images_per_taxon', 'wanted': {wanted}, 'taxon': o.taxon}})::VARCHAR"
    return f"""
        SELECT {_ended("'not_needed'", evidence)} FROM {candidates} c JOIN {order} o USING (record_id)
        WHERE c.record_id NOT IN (SELECT record_id FROM {asked})"""


def _ended(outcome: str, evidence: str) -> str:
    given = {
        "row_id": "c.record_id AS row_id",
        "source": "c.source AS source",
        "outcome": f"{outcome} AS outcome",
        "evidence": f"{evidence} AS evidence",
    }
    return ", ".join(
        given.get(
            field.name, f"CAST(NULL AS {'BIGINT' if pa.types.is_int64(field.type) else 'VARCHAR'}) AS {field.name}"
        )
        for field in ENDED_SCHEMA
    )
