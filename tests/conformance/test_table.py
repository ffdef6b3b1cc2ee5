"""docs/reference/conformance.md says what the suites were found to say."""

import suites


def test_the_table_is_true():
    assert suites.documented() == suites.table(), "run: python tests/conformance/suites.py"
