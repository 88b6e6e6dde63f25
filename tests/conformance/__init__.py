"""Commands that print how the mill fares on real files and published suites; tests beside hold the figures."""
