"""Traps B24 to B26, B40 and B44: groups of customers, and what to do about them. The tutorial's rule beside ours."""

from decimal import Decimal
from pathlib import Path

import duckdb

import tutorial_logic as tutorial
from ecommerce_warehouse import fetch, macros, returned, row

CELLS = "select r, f, m from range(1, 6) a(r), range(1, 6) b(f), range(1, 6) c(m)"
TUTORIAL = {
    "Champions": 8, "Loyal Customers": 19, "New Customers": 8, "Big Spenders": 18, "At Risk": 18,
    "Cant Lose Them": 12, "Hibernating": 16, "Lost": 1, "Others": 25,
}  # fmt: skip
DORMANT = "'112'"
GRID = {
    "Champions": 7, "Loyal": 8, "Potential Loyalist": 24, "New": 7, "Promising": 16, "Need Attention": 8,
    "About To Sleep": 8, "At Risk": 22, "Cannot Lose Them": 8, "Hibernating": 11, "Lost": 6,
}  # fmt: skip


def rfm_segment(cell: str) -> str:
    cells = returned("rfm_segment_cells")
    return str(macros("rfm_segment", rfm_segment_cells=lambda: cells).rfm_segment(cell))


def counted(segment: str) -> dict[str, int]:
    query = f"with cells as ({CELLS}) select {segment} as segment, count(*) from cells group by 1"
    return dict(duckdb.sql(query).fetchall())


def test_b24_each_of_the_125_cells_has_one_segment_that_means_something() -> None:
    """The tutorial leaves 25 cells to Others and one to Lost, and what it says hangs on the order of its lines."""
    assert counted(tutorial.SEGMENT) == TUTORIAL
    champions = "r >= 4 and f >= 4 and m >= 4"
    loyal_too = f"select count(*) from ({CELLS}) where {champions} and r >= 3 and f >= 3 and m >= 3"
    assert duckdb.sql(loyal_too).fetchall() == [(8,)]  # a champion is loyal as well
    once = f"with cells as (select 1 as r, 1 as f, 2 as m) select {tutorial.SEGMENT} from cells"
    assert duckdb.sql(once).fetchall() == [("Others",)]  # once, and long ago
    listed = [cell for cells in returned("rfm_segment_cells").values() for cell in cells.split()]
    assert len(listed) == len(set(listed)) == 125
    assert counted(rfm_segment("r || '' || f || m")) == GRID
    assert duckdb.sql(f"select {rfm_segment(DORMANT)}, {rfm_segment('null')}").fetchall() == [
        ("Lost", "Prospect")
    ]


def test_b24_the_tutorials_nine_segments_are_kept_under_its_name() -> None:
    segment = macros("customer_segment").customer_segment
    assert counted(segment("r", "f", "m")) == TUTORIAL
    assert duckdb.sql(f"select {segment('null', 'null', 'null')}").fetchall() == [("Prospect",)]


def test_b25_an_action_belongs_to_its_segment(traps: Path) -> None:
    theirs = duckdb.sql(
        f"with cells as ({CELLS}) select {tutorial.SEGMENT} as segment, {tutorial.ACTION} as action, count(*)"
        " from cells group by all order by all"
    ).fetchall()
    assert ("Big Spenders", "Onboarding", 12) in theirs
    assert ("Others", "VIP", 8) in theirs
    assert ("Hibernating", "Standard", 12) in theirs
    actions = returned("segment_actions")
    assert actions.keys() == {*TUTORIAL, "Prospect"}
    pairs = "select distinct customer_segment, recommended_action from ecommerce_marts.dim_customer_segments"
    ours = fetch(traps, pairs)
    assert len(ours) > 5
    assert sorted(ours) == sorted((segment, actions[segment]) for segment, _ in ours)


def test_b26_who_is_away_for_100_days_is_won_back(traps: Path) -> None:
    """Customer 12 is At Risk and at low risk at once: the tutorial's list leaves out whom it is made for."""
    segments = f"(select *, {tutorial.SEGMENT} as segment from metrics)"
    theirs = f"select customer_id from {segments} where {tutorial.WIN_BACK}"
    assert tutorial.ask(traps, theirs) == [(9,)]
    [query] = (traps.parent / "target").glob("compiled/*/analyses/winback_targets.sql")
    assert [key for key, *_ in fetch(traps, query.read_text())] == [9, 12]
    targets = dict(fetch(traps, "select customer_id, winback_rule from ecommerce_marts.fct_winback_targets"))
    assert (targets[9], targets[12]) == ("Regular gone quiet", "Regular gone quiet")


def test_b40_no_budget_for_those_who_are_gone(traps: Path) -> None:
    segments = f"(select *, {tutorial.SEGMENT} as segment from metrics)"
    theirs = f"select sum(predicted_clv_12m) * 0.10 from {segments} where segment = 'Lost'"
    assert tutorial.ask(traps, theirs) == [(Decimal("1.6"),)]
    [query] = (traps.parent / "target").glob("compiled/*/analyses/marketing_budget.sql")
    ours = {segment: budget for segment, *_, budget, _ in fetch(traps, query.read_text())}
    assert ours.keys() == {"New Customers", "Big Spenders", "At Risk", "Hibernating"}
    budget = "select included_customers, expected_margin, suggested_budget from ecommerce_marts.fct_marketing_budget"
    [of_the_lost] = fetch(traps, f"{budget} where customer_segment = 'Lost'")
    [of_those_at_risk] = fetch(traps, f"{budget} where customer_segment = 'At Risk'")
    assert of_the_lost == (0, 0, 0)
    assert of_those_at_risk == (
        1,
        150,
        15,
    )  # of its two customers one is three years gone; margin, not revenue


def test_b44_the_briefs_names_stay_and_the_days_before_are_kept_beside(traps: Path) -> None:
    """Its table of segments is a snapshot: of a customer who was elsewhere a month ago it knows only today."""
    columns = {name for name, *_ in tutorial.ask(traps, "select column_name from (describe from metrics)")}
    assert not columns & {"month_key", "as_of_date"}
    assert row(traps, "marts.dim_customer_segments", 12)["rfm_segment"] == "At Risk"
    months = "select cast(month_key as varchar), rfm_segment from ecommerce_marts.fct_segment_history where customer_id = 12"
    history = fetch(traps, f"{months} order by 1")
    assert [month for month, _ in history] == ["2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]  # fmt: skip
    assert len({segment for _, segment in history}) > 1
    assert history[-1][1] == "At Risk"
