"""The official scores as tables of classes and of categories."""

from seglab.evaluation import official_report, score


def test_tables(of_city):
    classes, categories = official_report.sheets(score.evaluate(of_city()))
    assert [row[0].text for row in classes.rows][:2] == ["road", "sidewalk"]
    assert len(classes.rows) == 19
    assert [row[0].text for row in categories.rows][-2:] == ["human", "vehicle"]
    assert len(categories.rows) == 7
    road, bus = classes.rows[0], next(row for row in classes.rows if row[0].text == "bus")
    assert road[2].text == bus[1].text == "–"  # no instances of road; no bus anywhere
