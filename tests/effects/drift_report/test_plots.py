"""Bars and time: what is drawn of what is given, and that drawing leaves no state behind."""

from __future__ import annotations

import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.effects.drift_report.plots import (
    MOST_BARS,
    Bars,
    Panel,
    feature_svg,
    features_png,
)
from governance.effects.drift_report.timeline import (
    SIZES,
    LookPoint,
    look_points,
    runs,
    time_ticks,
    timeline_svg,
    usual_step,
)
from governance.values import Severity
from tests.effects.drift_report import samples

HOUR = timedelta(hours=1)


def bars(categorical: bool = False) -> Bars:
    given = samples.lying() if categorical else samples.upright()
    made = Bars.of(given, categorical=categorical)
    assert made is not None
    return made


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_of_many_categories_none_is_lost(shares: list[tuple[float, float]]) -> None:
    reference, current = map(list, zip(*shares, strict=True))
    labels = [f"c{n}" for n in range(len(shares))]
    histogram = {"labels": labels, "reference": reference, "current": current}
    made = Bars.of(histogram, categorical=True)
    assert made is not None
    assert len(made.labels) == len(made.reference) <= MOST_BARS
    assert sum(made.reference) == pytest.approx(sum(reference))
    assert sum(made.current) == pytest.approx(sum(current))


def test_the_categories_that_are_shown_keep_their_order_and_hold_the_most() -> None:
    labels = [f"c{n}" for n in range(1000)]
    current = [0.5 if n in (7, 990) else 0.0 for n in range(1000)]
    made = Bars.of(
        {"labels": labels, "reference": [0.001] * 1000, "current": current}, categorical=True
    )
    assert made is not None
    assert "c990" in made.labels and made.labels.index("c7") < made.labels.index("c990")
    assert made.labels[-1] == "989 others"


@pytest.mark.parametrize(
    "histogram",
    [
        None,
        {},
        {"labels": [], "reference": [], "current": []},
        {"labels": ["a", "b"], "reference": [1.0], "current": [0.5, 0.5]},
        {"labels": ["a"], "reference": None, "current": [1.0]},
    ],
)
def test_what_cannot_be_drawn_is_not_drawn(histogram: dict[str, list[float]] | None) -> None:
    assert Bars.of(histogram, categorical=False) is None


def test_a_share_that_does_not_exist_is_no_bar() -> None:
    histogram = {"labels": ["a", "b"], "reference": [None, 1.0], "current": [float("nan"), 1.0]}
    made = Bars.of(histogram, categorical=True)
    assert made is not None and made.reference == made.current == (0.0, 1.0)
    assert Bars.of({**histogram, "frozen": [1.0]}, categorical=True) == made, "of another length"


@pytest.mark.parametrize("categorical", [False, True])
def test_a_plot_is_well_formed_has_labelled_axes_and_its_own_ids(categorical: bool) -> None:
    svg = feature_svg(Panel("a<b", categorical, bars(categorical)), name="f3")
    declared = svg.replace("<svg ", '<svg xmlns:xlink="x" ', 1)
    root = ElementTree.fromstring(declared)
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert "share of rows" in texts and any("%" in text for text in texts)
    assert set(bars(categorical).labels) <= set(texts)
    assert all(e.attrib["id"].startswith("f3-") for e in root.iter() if "id" in e.attrib)
    assert root.attrib["aria-label"].startswith("a<b: shares of rows")


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_one_single_bar_can_be_drawn(constant: float) -> None:
    one = Bars(("all",), (constant,), (constant,), ())
    for categorical in (False, True):
        assert "<svg" in feature_svg(Panel("f", categorical, one), name="a")


def test_the_picture_of_a_mail_is_a_png_of_sensible_size() -> None:
    three = [
        Panel("wind_speed", False, bars()),
        Panel("visib", False, bars()),
        Panel("origin", True, bars(True)),
    ]
    picture = features_png(three, window="last day")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 1192 and 1000 < height < 2400
    assert 20_000 < len(picture) < 250_000
    assert features_png(three, window="last day") == picture


def test_a_panel_grows_with_its_labels_and_the_bars_keep_their_room() -> None:
    short = Bars(("a", "b"), (0.5, 0.5), (0.5, 0.5))
    long = Bars(("-0.00116 to 0.2467",) * 10, (0.1,) * 10, (0.1,) * 10)
    for width in (350.0, 440.0):
        assert Panel("f", False, long).height(width) > Panel("f", False, short).height(width)
    assert Panel("f", True, long).height(350.0) > Panel("f", True, short).height(350.0)


def test_drawing_is_lazy_and_never_touches_pyplot() -> None:
    code = (
        "import sys\n"
        "import governance.effects.drift_report.html, governance.effects.drift_report.mail\n"
        "assert not {'matplotlib', 'jinja2'} & set(sys.modules), 'imported too early'\n"
        "from tests.effects.drift_report.test_plots import Panel, bars, feature_svg\n"
        "import matplotlib; before = matplotlib.rcParams.copy()\n"
        "feature_svg(Panel('f', False, bars()), name='a')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams.copy() == before, 'settings were left changed'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def look(at: datetime, incident: str | None = None, effect: float | None = 0.1) -> LookPoint:
    return LookPoint(at, Severity.NORMAL, 0, effect, incident)


def test_time_shows_the_last_thirty_days_each_look_once() -> None:
    history = samples.history(40)
    points = look_points([*history, history[0]], until=samples.AT)
    assert points[-1].at == samples.AT and points[0].at == samples.AT - timedelta(days=30)
    assert len(points) == 30 * 24 + 1 and points == sorted(points, key=lambda point: point.at)


def test_a_gap_between_looks_is_not_bridged() -> None:
    start = datetime(2013, 2, 1, tzinfo=UTC)
    points = [look(start + n * HOUR) for n in (0, 1, 2, 3, 20, 21, 22)]
    step = usual_step(points)
    assert step == HOUR
    assert [len(run) for run in runs(points, step)] == [4, 3]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(HOUR, timedelta(days=4500)),
    st.integers(3, 12),
)
def test_ticks_are_few_in_order_and_inside(first: datetime, length: timedelta, most: int) -> None:
    final = first + length
    ticks = time_ticks(first, final, most=most)
    assert len(ticks) <= most and ticks == sorted(set(ticks))
    assert all(first <= tick <= final and tick.minute == 0 for tick in ticks)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("effect", [None, 0.0, 0.05, 1.0])
def test_any_history_can_be_drawn(shape: str, effect: float | None) -> None:
    start = datetime(2013, 2, 1, tzinfo=UTC)
    points = [
        look(start + n * HOUR, incident="a" if n == 2 else None, effect=effect) for n in range(5)
    ]
    svg = timeline_svg(points, limits=samples.LIMITS, shape=shape)
    for word in ("Severe", "Moderate", "No verdict", "Normal", "Flagged features"):
        assert word in svg
    assert "1 incident" in svg
    assert timeline_svg(points, limits={}, shape=shape) != svg, "the limits are drawn"
