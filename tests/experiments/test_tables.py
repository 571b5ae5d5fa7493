"""Every row of every table asks for what its script has."""

import dataclasses
import re
from collections.abc import Mapping

import pytest

from experiments import tables

ROWS = [
    pytest.param(script, number, row, place, id=f"{name}.{number}-{row.name}")
    for name, script in tables.SCRIPTS.items()
    for number, table in script.TABLES.items()
    for place, row in enumerate(table.rows)
]


@pytest.mark.parametrize(("script", "number", "row", "place"), ROWS)
def test_a_row_changes_options_that_there_are(script, number, row, place):
    fields = {field.name: field.type for field in dataclasses.fields(script.Config)}
    for name, value in row.options.items():
        assert name in fields
        values = value if isinstance(value, Mapping) else {"street": value}
        assert set(values) <= set(script.RECIPES) and "street" in values
        assert all(one is None or isinstance(one, fields[name]) for one in values.values())
    texts = [value for value in row.options.values() if isinstance(value, str)] + [row.run]
    named = [int(one) for text in texts for one in re.findall(r"\{(\d+)\}", text)]
    assert all(one < place for one in named)  # rows that have been trained by then
    if not row.run:
        for recipe in script.RECIPES.values():
            chosen = {**recipe, **tables._chosen(row.options, "street", ["folder"] * (place + 1))}
            script.Config(**chosen)
