"""The commands over data sets: what a user sees, and one sentence for what is wrong."""

import pytest

from deephedge.cli import status


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """ask("data list") -> (exit status, standard output, standard error), in a folder with two files and a store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPHEDGE_STORE", str(tmp_path / "kept"))
    monkeypatch.setenv("COLUMNS", "160")
    rows = [f"2024-01-{day:02d},{4700 + day}" for day in range(2, 12)]
    (tmp_path / "spx.csv").write_text("\n".join(["date,SPX", *rows[:6]]) + "\n")
    (tmp_path / "more.csv").write_text("\n".join(["date,SPX", *rows[4:]]) + "\n")
    (tmp_path / "odd.csv").write_text("a,b,c\n1,2,3\n")

    def run(*words):
        left_with = status(["data", *words])
        told = capsys.readouterr()
        return left_with, told.out, told.err

    return run


def test_a_data_set_grows_and_keeps_its_past(ask):
    code, out, _ = ask("add", "index", "spx.csv", "--publisher", "S&P", "--licence", "theirs")
    assert code == 0 and "6 rows from 2024-01-02 to 2024-01-07" in out
    first = out.split(":")[0]
    code, out, _ = ask("add", "index", "more.csv")
    assert code == 0 and "10 rows from 2024-01-02 to 2024-01-11" in out
    assert ask("add", "index", "spx.csv", "more.csv", "--licence", "theirs", "--publisher", "S&P")[0] == 0
    _, out, _ = ask("list")
    assert "index" in out and "values" in out and "spx.csv" in out
    _, out, _ = ask("show", "index")
    assert "S&P; licence: theirs" in out and "2024-01-11 21:00" in out and first.split("@")[1] in out
    _, out, _ = ask("query", f'select count(*) n, max(value) top from "{first}"')
    assert "6" in out and "4707" in out
    _, out, _ = ask("query", "select * from index where value > 4708")
    assert "3 rows" in out and "unit" not in out  # a column without a value is not shown


def test_settings_of_a_layout(ask):
    assert ask("add", "late", "spx.csv", "--layout", "series", "lag_days=40", "called=index", "unit=percent")[0] == 0
    _, out, _ = ask("query", "select name, value, known_time from late order by known_time limit 1")
    assert "2024-02-11 21:00" in out and "47.02" in out and "index" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "indx"], "has no data set 'indx'"),
        (["add", "x", "none.csv"], "none.csv is neither a file, a folder nor a source"),
        (["add", "x", "odd.csv"], "columns not recognised (a, b, c)"),
        (["add", "Bad name", "spx.csv"], "cannot be called"),
        (["add", "x", "spx.csv", "lag_days=3"], "name it with --layout"),
        (["add", "x", "spx.csv", "--layout", "serie"], "did you mean 'series'"),
        (["add", "x", "spx.csv", "--layout", "series", "lag=3"], "series.lag: unknown key"),
        (["add", "x", "spx.csv", "--since", "2030-01-01"], "gave no rows"),
        (["add", "x", "spx.csv", "--since", "soon"], "a time is written like"),
        (["query", "select * from nothing"], "cannot be answered"),
        (["query", "drop table x"], "one SELECT is expected"),
        (["ad"], "No such command"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_with_2(ask, words, told):
    code, _, err = ask(*words)
    assert code == 2 and told in err
    assert err.splitlines()[-1].startswith("error: ")
    assert "no data sets" in ask("list")[1]


def test_the_report_of_a_check_and_a_repair_that_leaves_what_was(ask, tmp_path):
    rows = [f"2024-{1 + k // 25:02d}-{1 + k % 25:02d},{100 + k % 7}" for k in range(75)]
    (tmp_path / "twice.csv").write_text("\n".join(["date,SPX", *rows, *rows[:5], "2024-02-03,999"]) + "\n")
    assert ask("add", "twice", "twice.csv")[0] == 0
    code, out, err = ask("check", "twice", "--page", "page.html")
    assert code == 2 and "duplicates" in out and "is refused" in err.splitlines()[-1]
    assert "outliers" in (tmp_path / "page.html").read_text()
    code, out, _ = ask("check", "twice", "--share", "1", "--repair", "all")
    assert code == 0 and "repaired: twice@" in out
    assert "81" in ask("query", f'select count(*) n from "twice@{out.split("twice@")[-1].strip()}"')[1]
    _, out, _ = ask("show", "twice")
    assert "75 in" in out and "made of" in out and "once where all rows: 6 rows" in out
    assert ask("check", "twice", "--repair", "some")[0] == 2
