"""robots.txt as RFC 9309 reads it, and how little a hostile one can cost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.http.optouts import AGENT
from pipeline.media.http.robots import MAX_BYTES, matches, normal_path, parse_robots


def refuses(text: str, *targets: str) -> list[bool]:
    robots = parse_robots(text)
    return [robots.refusal(target) != "" for target in targets]


def test_our_own_group_is_heard_and_the_one_for_all_is_not() -> None:
    text = f"User-agent: *\nDisallow: /\n\nUser-agent: {AGENT}\nDisallow: /private\n"
    assert refuses(text, "/private/a", "/a") == [True, False]
    assert refuses(text.replace(AGENT, AGENT.upper()), "/private/a", "/a") == [True, False]


@pytest.mark.parametrize("line", [f"{AGENT}/2.0", f"{AGENT} (a robot)", f" {AGENT.title()} "])
def test_a_product_token_ends_where_its_letters_end(line: str) -> None:
    assert refuses(f"User-agent: {line}\nDisallow: /\n", "/a") == [True]


@pytest.mark.parametrize("name", [f"{AGENT}bot", f"not{AGENT}", "otherbot", "", "123"])
def test_another_robot_s_group_is_not_ours(name: str) -> None:
    assert refuses(f"User-agent: {name}\nDisallow: /\n", "/a") == [False]


def test_groups_that_name_the_same_robot_are_one_and_a_group_may_name_several() -> None:
    text = (
        f"User-agent: other\nUser-agent: {AGENT}\nDisallow: /a\n"
        f"User-agent: other\nDisallow: /b\n"
        f"User-agent: {AGENT}\nDisallow: /c\n"
    )
    assert refuses(text, "/a", "/b", "/c") == [True, False, True]


def test_an_unknown_line_between_names_and_rules_does_not_end_the_group() -> None:
    text = f"User-agent: {AGENT}\nSitemap: http://h/map.xml\nUser-agent: other\nDisallow: /a\n"
    assert refuses(text, "/a") == [True]


def test_rules_before_any_name_speak_to_nobody() -> None:
    assert refuses("Disallow: /\nUser-agent: *\nDisallow: /a\n", "/b", "/a") == [False, True]


def test_an_empty_group_of_ours_allows_everything_although_the_one_for_all_forbids() -> None:
    assert refuses(f"User-agent: *\nDisallow: /\n\nUser-agent: {AGENT}\nDisallow:\n", "/a") == [False]


@pytest.mark.parametrize("order", [1, -1])
def test_the_longest_rule_decides_whatever_the_order(order: int) -> None:
    rules = ["Disallow: /a", "Allow: /a/b", "Disallow: /a/b/c"][::order]
    text = "User-agent: *\n" + "\n".join(rules)
    assert refuses(text, "/a/x", "/a/b/x", "/a/b/c/x", "/x") == [True, False, True, False]


@pytest.mark.parametrize("order", [1, -1])
def test_of_equally_long_rules_the_one_that_allows_decides(order: int) -> None:
    text = "User-agent: *\n" + "\n".join(["Disallow: /page", "Allow: /page"][::order])
    assert refuses(text, "/page") == [False]


def test_the_rule_that_forbids_is_said_and_a_long_one_is_cut() -> None:
    assert parse_robots("User-agent: *\nDisallow: /a\nDisallow: /a/b*\n").refusal("/a/b/c") == "Disallow: /a/b*"
    long = "/" + "a" * 999
    assert parse_robots(f"User-agent: *\nDisallow: {long}\n").refusal(long) == f"Disallow: {long[:200]}"


def test_comments_spaces_case_and_all_line_ends_are_read() -> None:
    text = "\ufeff# ours\r\nUSER-AGENT : * # all\rdisallow:/a#b\nDisallow : /c d \n: /x\nDisallow /y\nDis allow: /z\n"
    assert refuses(text, "/a", "/c%20d", "/x", "/y", "/z") == [True, True, False, False, False]


def test_no_more_of_a_file_is_read_than_the_cap() -> None:
    head = "User-agent: *\nDisallow: /a\n"
    padding = "#" * (MAX_BYTES - len(head) - 1) + "\n"
    assert refuses(head + padding + "Disallow: /b\n", "/a", "/b") == [True, False]
    assert refuses(head + padding[13:] + "Disallow: /b\n", "/a", "/b") == [True, True]


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("31", 30.0),
        ("999999999", 30.0),
        ("-1", 0.0),
        ("1e3", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("", 0.0),
        ("1.", 0.0),
        ("1" * 10, 0.0),
    ],
)
def test_a_crawl_delay_is_a_plain_number_of_at_most_half_a_minute(text: str, delay: float) -> None:
    robots = parse_robots(f"User-agent: *\nCrawl-delay: {text}\nDisallow: /a\n")
    assert robots.delay == delay
    assert robots.refusal("/a")


def test_of_several_delays_the_longest_holds_and_another_robot_s_is_not_ours() -> None:
    text = "User-agent: *\nCrawl-delay: 3\nCrawl-delay: 7\nCrawl-delay: 5\n\nUser-agent: other\nCrawl-delay: 20\n"
    assert parse_robots(text).delay == 7.0
    assert parse_robots("User-agent: *\nDisallow: /a\n").delay == 0.0


@pytest.mark.parametrize(
    ("rule", "path", "same"),
    [
        ("/%7Ejoe", "/~joe", True),
        ("/caf\u00e9", "/caf%C3%A9", True),
        ("/caf%c3%a9", "/caf\u00e9", True),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%2Fb", "/a/b", False),
        ("/a%3Fb", "/a?b", False),
        ("/%61", "/a", True),
        ("/a?b=%31", "/a?b=1", True),
        ("/a b", "/a%20b", True),
        ("/A", "/a", False),
    ],
)
def test_a_path_is_compared_by_what_it_means(rule: str, path: str, same: bool) -> None:
    assert (normal_path(rule) == normal_path(path)) is same
    assert refuses(f"User-agent: *\nDisallow: {rule}\n", path) == [same]


paths = st.text("ab/", max_size=8).map(lambda text: f"/{text}")
rules = st.text("ab/*$", max_size=6).map(lambda text: f"/{text}")


@given(rules, paths)
def test_a_rule_matches_what_its_regular_expression_matches(rule: str, path: str) -> None:
    anchored = rule.endswith("$")
    body = rule[:-1] if anchored else rule
    expression = ".*".join(re.escape(piece) for piece in body.split("*")) + ("$" if anchored else "")
    assert matches(rule, path) is (re.match(expression, path) is not None)


@pytest.mark.parametrize(
    ("rule", "path", "match"),
    [
        ("/a*a$", "/a", False),  # one letter is not two
        ("/a*a$", "/aa", True),
        ("/a*ab*b$", "/aab", False),
        ("/a*ab*b$", "/aabb", True),
        ("/a$", "/ab", False),
        ("/a$", "/a", True),
        ("/*", "/", True),
        ("*.jpg$", "/x.jpg", True),
        ("*.jpg$", "/x.jpg?y", False),
    ],
)
def test_wildcards_and_the_end(rule: str, path: str, match: bool) -> None:
    assert matches(rule, path) is match


@pytest.mark.timeout(60)  # trying every place of every wildcard would take longer than the universe has
def test_a_rule_of_many_wildcards_is_read_to_its_end() -> None:
    assert not matches("/" + "*a" * 5_000 + "*b$", "/" + "a" * 100_000)
