"""Layouts written in TOML: what they make of a file, and what they say of a mistake."""

import pytest

from deephedge.core.errors import ConfigError, DataError, DeephedgeError
from deephedge.data.layouts import Bars, Mapped, Nearbys, When, read_mapping
from deephedge.data.records import moment
from deephedge.data.sources import File

pytest.importorskip("polars")
CHAIN = """\
Handelstag;Uhrzeit;Verfall;Basis;Art;Geld;Brief;Vola;Kurs
02.01.2024;17:30:00;19.01.2024;16500;C;210,5;215;14.5;16600
"""
MAPPING = """
kind = "options"

[event_time]
column = "Handelstag"
time = "Uhrzeit"
format = "%d.%m.%Y"
zone = "Europe/Berlin"

[columns]
expiry = "Verfall"
strike = "Basis"
right = "Art"
bid = "Geld"
ask = "Brief"
vol = "Vola"
underlier_price = "Kurs"

[constants]
underlier = "DAX"
unit = "EUR"
style = "european"
multiplier = 5

[values.right]
C = "call"
P = "put"

[scales]
vol = 0.01

[formats]
expiry = "%d.%m.%Y"
"""


@pytest.fixture
def put(tmp_path):
    def put_text(name: str, text: str):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return put_text


def read(path, layout):
    (records,) = File(path, layout).read()
    return records


def test_a_chain_of_another_country(put):
    path = put("dax.csv", CHAIN.replace("210,5", "210.5").replace(";", ","))
    row = read(path, read_mapping(put("m.toml", MAPPING))).frame.row(0, named=True)
    assert row["event_time"] == row["known_time"] == moment("2024-01-02 16:30")
    assert (row["strike"], row["bid"], row["ask"], row["right"]) == (16500.0, 210.5, 215.0, "call")
    assert (row["vol"], row["multiplier"], row["underlier"], str(row["expiry"])) == (0.145, 5.0, "DAX", "2024-01-19")


def test_known_later_and_named_by_a_template(put):
    path = put("prices.csv", "day,ticker,last\n2024-01-05,ABC,10\n2024-01-08,XYZ,20\n")
    mapping = """
        kind = "values"
        called = "{ticker}.close"
        event_time = { column = "day", clock = "17:30", zone = "Europe/Berlin" }
        known_time = { column = "day", clock = "09:00", zone = "Europe/Berlin", lag_days = 3 }
        columns = { value = "last" }
    """
    frame = read(path, read_mapping(put("m.toml", mapping))).frame
    assert frame["name"].to_list() == ["ABC.close", "XYZ.close"]
    assert frame["event_time"][0] == moment("2024-01-05 16:30") and frame["known_time"][0] == moment("2024-01-08 08:00")


def test_times_of_their_own(put):
    mapping = """
        kind = "quotes"
        event_time = { column = "ts", format = "%d.%m.%Y %H:%M:%S", zone = "Europe/Berlin" }
        columns = { name = "sym", bid = "b", ask = "a" }
    """
    path = put("q.csv", "ts,sym,b,a\n01.07.2024 17:30:05,FDAX,1,2\n")
    assert read(path, read_mapping(put("m.toml", mapping))).frame["event_time"][0] == moment("2024-07-01 15:30:05")


def test_a_known_layout_with_its_fields(put, tmp_path):
    assert read_mapping(put("a.toml", 'type = "bars"\nzone = "Europe/Berlin"\nends_after = 0')) == Bars(
        zone="Europe/Berlin", ends_after=0
    )
    said = 'type = "nearbys"\nexpiries = "last.csv"\nnames = ["CL"]'
    assert read_mapping(put("b.toml", said)) == Nearbys("last.csv", ("CL",))


def replaced(old: str, new: str) -> str:
    assert old in MAPPING
    return MAPPING.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (replaced("[columns]", "[colums]"), "colums: unknown key, did you mean 'columns'"),
        (replaced('strike = "Basis"', 'strik = "Basis"'), r"'strik' of \[columns\].*did you mean 'strike'"),
        (replaced('time = "Uhrzeit"', 'tine = "Uhrzeit"'), r"event_time.tine: unknown key, did you mean 'time'"),
        (replaced('kind = "options"', 'kind = "option"'), "unknown kind of record 'option': did you mean 'options'"),
        (replaced('kind = "options"', ""), "missing key 'kind'"),
        (replaced("vol = 0.01", 'vol = "percent"'), r"'vol' of \[scales\]: expected a number, was 'percent'"),
        (replaced("vol = 0.01", "right = 0.01"), r"'right' of \[scales\]: right is a text, expected a number"),
        (replaced("vol = 0.01", "last = 0.01"), r"'last' of \[scales\] needs a line last = ... in \[columns\]"),
        (
            replaced("multiplier = 5", 'multiplier = "five"'),
            r"'multiplier' of \[constants\]: expected a number, was 'five'",
        ),
        (replaced('unit = "EUR"', "unit = 1"), r"'unit' of \[constants\]: expected text in quotes, was 1"),
        (replaced('time = "Uhrzeit"', 'time = "Uhrzeit"\nclock = "17:30"'), "not both"),
        ('type = "bars"\nzone = 5', "zone: expected"),
        ('type = "bar"', "unknown name 'bar'"),
        ('type = "bars"\nzones = "UTC"', "zones: unknown key, did you mean 'zone'"),
        ("kind = ", "is not TOML"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_nearest_name(put, text, said):
    with pytest.raises((DataError, ConfigError), match=said) as caught:
        read_mapping(put("m.toml", text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Geld", "Gelt", "has no column 'Geld': did you mean 'Gelt'"),
        (",C,", ",X,", "Art is 'x'|Art is 'X'; expected C, P"),
        ("210.5", "etwa 210", "Geld holds 1 values that are not numbers"),
        ("19.01.2024", "01/19/2024", "days of Verfall not understood"),
        ("17:30:00", "25:30:00", "times of Handelstag not understood"),
    ],
)
def test_a_file_that_is_not_as_mapped_is_refused(put, old, new, said):
    chain = CHAIN.replace("210,5", "210.5").replace(";", ",")
    assert old in chain
    with pytest.raises(DeephedgeError, match=said):
        read(put("dax.csv", chain.replace(old, new)), read_mapping(put("m.toml", MAPPING)))


def test_a_clock_needs_a_zone():
    with pytest.raises(DataError, match="needs a zone"):
        Mapped("values", When("day", clock="16:00"), {"value": "x"}, constants={"name": "X"})
