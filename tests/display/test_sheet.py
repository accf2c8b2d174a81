"""A sheet that is too wide is shown in parts that fit."""

import csv
import io

import pytest

from seglab.display.sheet import Cell, Sheet, comma_separated, markdown, parts, show, transposed


def sheet(titles, rows):
    lines = [[Cell(label, label), *(Cell(text, text) for text in cells)] for label, *cells in rows]
    return Sheet(caption="Caption", header=["row", *titles], rows=lines)


def widths(found):
    return [sum(max(len(row[index].text) for row in one.rows) + 2 for index in range(len(one.header))) for one in found]


def test_a_sheet_that_fits_is_left_alone():
    found = sheet(["some title %"], [["a", "1.0"]])
    assert parts(found, width=80) == [found]


def test_long_titles_are_laid_over_lines_before_anything_is_split():
    found = sheet(["one long title %", "another long title %"], [["a", "1.0", "2.0"]])
    (narrow,) = parts(found, width=30)
    assert narrow.header == ["row", "one\nlong\ntitle\n%", "another\nlong\ntitle %"]
    assert narrow.rows == found.rows


def test_titles_give_way_before_labels():
    found = sheet(["one long title %"], [["a label of thirty-one characters", "1.0"]])
    (narrow,) = parts(found, width=40)
    assert narrow.header[1] == "one\nlong\ntitle\n%"


def test_columns_are_dealt_out_and_each_part_has_the_labels():
    columns = [f"c{index}" for index in range(7)]
    found = parts(sheet(columns, [["label", *(["12345678"] * 7)]]), width=40)
    assert [len(one.header) - 1 for one in found] == [3, 3, 1]
    assert all(one.header[0] == "row" for one in found)
    assert all(one.rows[0][0].text == "label" for one in found)
    assert [title for one in found for title in one.header[1:]] == columns
    assert max(widths(found)) <= 42


def test_a_row_of_dashes_stands_in_the_first_part_alone():
    nothing, unknown = Cell("", ""), Cell("–", "")
    known = [Cell("123456789", "0.1")] * 4
    rows = [[Cell("a", "a"), *known], [Cell("titled:", "titled:"), *[nothing] * 4], [Cell("b", "b"), *[unknown] * 4],
            [Cell("c", "c"), *[unknown] * 3, known[0]]]  # fmt: skip
    found = parts(Sheet(caption="", header=["row", *"wxyz"], rows=rows), width=20)
    assert [[row[0].text for row in one.rows] for one in found] == [
        ["a", "titled:", "b", "c"], ["a"], ["a"], ["a", "titled:", "c"],
    ]  # fmt: skip


def test_a_sheet_whose_words_leave_no_room_stays_whole():
    found = sheet(["a title"], [["x" * 30, "1" * 20]])
    assert len(parts(found, width=30)) == 1


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_is_printed_is_no_wider_than_the_terminal(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    titles = [f"IoU class {index} %" for index in range(15)]
    show(sheet(titles, [[label, *(["46.3 ± 0.4 †"] * 15)] for label in ("u_lite", "a longer label of a row")]))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert sum(line.count("46.3") for line in lines) == 30
    assert lines.count("Caption") == 1


def test_a_title_in_brackets_is_text(capsys):
    show(sheet(["theirs [1]"], [["a", "1.0"]]))
    assert "theirs [1]" in capsys.readouterr().out


def test_transposed():
    found = transposed(sheet(["x", "y"], [["a", "1", "2"], ["b", "3", "4"]]))
    assert found.header == ["row", "a", "b"]
    assert [[cell.text for cell in row] for row in found.rows] == [["x", "1", "3"], ["y", "2", "4"]]


def test_a_sheet_of_words_alone_stays_whole():
    words = Sheet(caption="Caption", header=["a", "b"], rows=[[Cell("x" * 30, ""), Cell("y" * 30, "")]], words=2)
    assert len(parts(words, width=40)) == 1


def test_words_in_markdown_are_no_markup_and_in_a_csv_no_formula():
    found = sheet(
        ["<b>x</b> %", "=1+1"], [["[a](javascript:x)|`b`*c*\\", "-1.5", "@y"], ["two\nlines", "p < 0.05", "+z"]]
    )
    lines = markdown(found).splitlines()
    assert lines[2] == "| row | &lt;b>x&lt;/b> % | =1+1 |"
    assert lines[4] == r"| [a]\(javascript:x)\|\`b\`\*c\*\\ | -1.5 | @y |"
    assert lines[5] == "| two lines | p < 0.05 | +z |"
    header, first, second = csv.reader(io.StringIO(comma_separated(found)))
    assert header == ["row", "<b>x</b>", "'=1+1"]
    assert first[1:] == ["-1.5", "'@y"]
    assert second[2] == "'+z"
