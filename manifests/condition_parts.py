"""What a condition on records may be made of, as DuckDB's own parser names the parts; nothing else is let in.

A part has a class and a type, and a closed set of fields; a field that is not known, of a later DuckDB, is refused too.
Functions are pure: of the same row they give the same on every machine and at any time, and their result is no longer
than what they are given, so that no condition can fill the memory. Hence no random(), now() or getenv(), no repeat(),
lpad() or replace(), and no trigonometry, whose last digits differ between machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_COMPARISONS = (
    *("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN", "COMPARE_LESSTHANOREQUALTO"),
    *("COMPARE_GREATERTHANOREQUALTO", "COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM"),
)
_OPERATORS = (
    *("COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"),
    "OPERATOR_COALESCE",
)
COMMON_FIELDS = frozenset({"class", "type", "alias", "query_location", "query_location_length"})
_FUNCTION_FIELDS = (
    *("function_name", "schema", "catalog", "filter", "order_bys", "distinct", "is_operator", "export_state"),
    *("arguments", "qualified_name"),
)
PARTS: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = MappingProxyType(
    {
        "CONJUNCTION": (("CONJUNCTION_AND", "CONJUNCTION_OR"), frozenset({"children"})),
        "COMPARISON": (_COMPARISONS, frozenset({"left", "right"})),
        "BETWEEN": (("COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN"), frozenset({"input", "lower", "upper"})),
        "OPERATOR": (_OPERATORS, frozenset({"children"})),
        "CASE": (("CASE_EXPR",), frozenset({"case_checks", "else_expr"})),
        "CAST": (("OPERATOR_CAST",), frozenset({"child", "try_cast", "type_expr"})),
        "CONSTANT": (("VALUE_CONSTANT",), frozenset({"literal"})),
        "COLUMN_REF": (("COLUMN_REF",), frozenset({"column_names"})),
        "FUNCTION": (("FUNCTION",), frozenset(_FUNCTION_FIELDS)),
    }
)
"""Classes of parts: the types that are allowed, and the fields beside the common ones."""
LITERALS = frozenset({"INTEGER", "NUMERIC", "STRING", "BOOLEAN", "NULL_LITERAL"})
TYPE_FIELDS = frozenset({*COMMON_FIELDS, "catalog", "schema", "type_name", "children", "qualified_name"})
TYPES = frozenset(
    {
        *("VARCHAR", "TEXT", "STRING", "BOOLEAN", "BOOL", "TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT"),
        *("FLOAT", "REAL", "DOUBLE", "DATE", "TIMESTAMP"),
    }
)
"""Types that a value may be cast to; none that depends on a time zone."""
PATTERNS = frozenset(
    {
        *("~~", "!~~", "~~*", "!~~*", "like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape"),
        *("regexp_matches", "regexp_full_match"),
    }
)
"""LIKE, ILIKE, SIMILAR TO and regular expressions: their pattern must stand in the condition itself."""
_OPERATOR_FUNCTIONS = frozenset({"+", "-", "*", "/", "//", "%", "||", "^@"})
WORDS = (
    *("abs", "ceil", "ceiling", "concat", "contains", "date_part", "day", "dayofyear", "ends_with", "floor"),
    *("greatest", "hour", "if", "left", "least", "len", "length", "list_contains", "lower", "ltrim", "month"),
    *("nullif", "position", "prefix", "regexp_full_match", "regexp_matches", "right", "round", "rtrim", "sign"),
    *("starts_with", "strip_accents", "strlen", "strpos", "substr", "substring", "suffix", "trim", "upper", "year"),
)
"""Functions that a condition may call by name."""
FUNCTIONS = frozenset({*WORDS, *_OPERATOR_FUNCTIONS, *PATTERNS})
