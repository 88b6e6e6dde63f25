"""Commands that print how the pipeline fares on real files and published suites; tests beside hold the figures."""
