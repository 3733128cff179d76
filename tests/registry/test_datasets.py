"""A dataset is its content: what changes the hash, what does not, and what a mismatch says."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from governance.canonical import canonical_json
from governance.errors import DatasetMismatchError, DatasetUnavailableError, InvalidInputError
from governance.registry import dataset_files
from governance.registry.datasets import (
    DatasetIdentity,
    Mode,
    compare,
    dataset_identity,
    differences,
    frame_identity,
)
from governance.registry.file_content import content_of_file

BARS = pd.DataFrame(
    {
        "day": pd.date_range("2013-01-01", periods=4),
        "close": [1.5, 2.5, None, 4.5],
        "volume": [10, 20, 30, 40],
        "note": ["a", None, "", "d"],
    }
)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.parquet"
    BARS.to_parquet(path)
    return path


def changed(**cells: Any) -> pd.DataFrame:
    return BARS.assign(**cells)


CHANGES: dict[str, tuple[pd.DataFrame, str]] = {
    "one cell": (changed(close=[1.5, 2.5, None, 4.6]), "values of column 'close' differ"),
    "a missing cell": (changed(close=[1.5, 2.5, 3.5, 4.5]), "values of column 'close' differ"),
    "empty text for none": (changed(note=["a", "", "", "d"]), "values of column 'note' differ"),
    "a row less": (BARS.iloc[:3], "rows 4 → 3"),
    "rows in another order": (BARS.iloc[[0, 1, 3, 2]].reset_index(drop=True), "column 'close'"),
    "a dtype": (BARS.astype({"volume": "int32"}), "column 'volume' has dtype int32, was int64"),
    "a column's name": (BARS.rename(columns={"note": "memo"}), "column 'note' is missing"),
    "a column more": (changed(extra=1), "column 'extra' is new"),
    "columns in another order": (BARS[["close", "day", "volume", "note"]], "another order"),
    "a time zone": (changed(day=BARS["day"].dt.tz_localize("UTC")), "tz=UTC"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_content_changes_the_hash_and_is_named(
    change: str, bars: Path, tmp_path: Path
) -> None:
    frame, said = CHANGES[change]
    other = tmp_path / "other.parquet"
    frame.to_parquet(other)
    with pytest.raises(DatasetMismatchError, match="Dataset hash mismatch") as caught:
        compare(dataset_identity([bars]), [other])
    assert said in caught.value.message
    assert isinstance(caught.value, ValueError)


def test_a_frame_has_the_identity_of_its_parquet_file(bars: Path) -> None:
    assert frame_identity(BARS).hash == dataset_identity([bars]).hash
    assert frame_identity(pd.read_parquet(bars)).hash == dataset_identity([bars]).hash


def test_the_index_counts_as_in_parquet(tmp_path: Path) -> None:
    frame = BARS.set_index("day")
    frame.to_parquet(tmp_path / "a.parquet")
    assert frame_identity(frame).hash == dataset_identity([tmp_path / "a.parquet"]).hash
    assert frame_identity(frame).hash != frame_identity(frame.reset_index(drop=True)).hash


def test_place_name_and_time_of_writing_do_not_count(bars: Path, tmp_path: Path) -> None:
    before = dataset_identity([bars])
    moved = tmp_path / "elsewhere" / "renamed.parquet"
    moved.parent.mkdir()
    bars.rename(moved)
    os.utime(moved, (1, 1))
    assert compare(before, [moved]) is not None


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({"a": [1, "x"]}),
        pd.DataFrame({"a": [1j]}),
    ],
    ids=["duplicate columns", "mixed cells", "complex numbers"],
)
def test_a_frame_that_is_no_table_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidInputError, match="no form as a table"):
        frame_identity(frame)


# -- CSV and bytes ---------------------------------------------------------------------------------


def csv(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_the_same_cells_in_another_csv_dress_are_the_same(tmp_path: Path) -> None:
    plain = dataset_identity([csv(tmp_path, "x,y\n1,a b\n2,\n")])
    quoted = dataset_identity([csv(tmp_path, '"x","y"\r\n"1","a b"\r\n2,""\r\n', "b.csv")])
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(b"x,y\n1,a b\n2,\n"))
    assert plain.hash == quoted.hash == dataset_identity([packed]).hash
    assert plain.rows == 2


@pytest.mark.parametrize(
    "text", ["x,y\n1,a b\n2,c\n", "x,y\n1.0,a b\n2,\n", "y,x\n1,a b\n2,\n", "x,y\n2,\n1,a b\n"]
)
def test_any_other_csv_cell_order_or_name_changes_the_hash(tmp_path: Path, text: str) -> None:
    before = dataset_identity([csv(tmp_path, "x,y\n1,a b\n2,\n")])
    assert dataset_identity([csv(tmp_path, text, "b.csv")]).hash != before.hash


def test_csv_columns_are_numbers_text_or_empty_over_all_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n / 8},NA,\n" for n in range(5)) + "7,1e-3,word,\n"
    columns = dataset_identity([csv(tmp_path, "i,f,t,e\n" + rows)]).files[0].content.columns
    assert [(one.name, one.dtype) for one in columns] == [
        ("i", "number"),
        ("f", "number"),
        ("t", "text"),
        ("e", "empty"),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1\n", b"caf\xe9\n1\n"], ids=["empty", "ragged", "latin-1 header"]
)
def test_a_file_that_is_no_csv_counts_by_its_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "a.bin").write_bytes(content)
    one, two = (dataset_identity([tmp_path / name]) for name in ("a.csv", "a.bin"))
    assert one.hash == two.hash
    assert one.rows is None


def test_latin_1_cells_are_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x\ncaf\xe9\n")
    assert dataset_identity([tmp_path / "a.csv"]).rows == 1


# -- folders ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "flights"
    for year in ("2012", "2013"):
        (base / f"year={year}").mkdir(parents=True)
        BARS.assign(year=int(year)).to_parquet(base / f"year={year}" / "part-0.parquet")
    (base / "_SUCCESS").touch()
    (base / ".part-0.crc").write_bytes(b"crc")
    return base


def test_a_folder_is_its_files_without_markers(folder: Path) -> None:
    identity = dataset_identity([folder])
    assert [one.name for one in identity.files] == [
        "year=2012/part-0.parquet",
        "year=2013/part-0.parquet",
    ]
    assert identity.rows == 8


def test_a_moved_folder_is_the_same_dataset(folder: Path, tmp_path: Path) -> None:
    before = dataset_identity([folder])
    assert compare(before, [folder.rename(tmp_path / "moved")]) is not None


def test_a_partition_folder_is_data(folder: Path) -> None:
    before = dataset_identity([folder])
    (folder / "year=2013").rename(folder / "year=2014")
    with pytest.raises(DatasetMismatchError, match="partition 'year=2013' → 'year=2014'"):
        compare(before)


def test_a_new_file_in_a_registered_folder_is_seen(folder: Path) -> None:
    before = dataset_identity([folder])
    BARS.to_parquet(folder / "late.parquet")
    with pytest.raises(DatasetMismatchError, match=r"files 2 → 3; file 'late\.parquet' is new"):
        compare(before.as_json())


def test_the_order_of_the_paths_does_not_count(bars: Path, tmp_path: Path) -> None:
    other = csv(tmp_path, "x\n1\n")
    assert dataset_identity([bars, other]) == dataset_identity([other, bars])


# -- what cannot be read ---------------------------------------------------------------------------


def _empty(path: Path) -> None:
    path.mkdir()


def _half(path: Path) -> None:
    BARS.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def _linked_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").symlink_to(path.parent, target_is_directory=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "cannot be read.*give the path"),
        (_empty, "holds no files"),
        (_half, "no whole Parquet file"),
        (os.mkfifo, "no regular file"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read"),
        (_linked_folder, "is a link"),
    ],
    ids=["missing", "empty folder", "half written", "pipe", "broken link", "linked folder"],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "data.parquet"
    make(path)
    with pytest.raises(DatasetUnavailableError, match=said):
        dataset_identity([path])


def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = os.scandir

    def denied(path: str) -> object:  # the tests may run as root, whom no mode stops
        if path.endswith("year=2013"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(
        DatasetUnavailableError, match="year=2013 cannot be read .Permission denied"
    ):
        dataset_identity([folder])


def test_no_path_at_all_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        dataset_identity([])


def test_a_missing_registered_file_is_unavailable_not_a_mismatch(bars: Path) -> None:
    before = dataset_identity([bars])
    bars.unlink()
    with pytest.raises(DatasetUnavailableError):
        compare(before)


# -- comparison ------------------------------------------------------------------------------------


def test_live_data_need_only_the_schema(bars: Path, folder: Path) -> None:
    live = bars.with_name("live.parquet")
    BARS.iloc[:1].assign(close=9.0).to_parquet(live)
    assert compare(dataset_identity([bars]), [live], "schema") is not None
    many = dataset_identity([folder])  # one day of data against many files
    assert compare(many, [folder / "year=2013" / "part-0.parquet"], "schema") is not None


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (BARS.astype({"volume": "float64"}), "column 'volume' has dtype double, was int64"),
        (BARS.drop(columns="note"), "column 'note' is missing"),
        (BARS[["close", "day", "volume", "note"]], "another order"),
    ],
)
def test_live_data_with_another_schema_are_refused(
    bars: Path, tmp_path: Path, frame: pd.DataFrame, said: str
) -> None:
    live = tmp_path / "live.parquet"
    frame.to_parquet(live)
    with pytest.raises(DatasetMismatchError, match=r"Dataset hash mismatch \(schema\)") as caught:
        compare(dataset_identity([bars]), [live], "schema")
    assert said in caught.value.message
    assert "values of" not in caught.value.message


def test_of_plain_bytes_the_content_is_the_schema(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"1")
    (tmp_path / "b.bin").write_bytes(b"2")
    before = dataset_identity([tmp_path / "a.bin"])
    with pytest.raises(DatasetMismatchError, match="content differs"):
        compare(before, [tmp_path / "b.bin"], "schema")


def test_a_missing_table_is_a_schema_difference(bars: Path, tmp_path: Path) -> None:
    both = dataset_identity([bars, csv(tmp_path, "x\n1\n")])
    with pytest.raises(DatasetMismatchError, match=r"no file has the columns of 'a\.csv'"):
        compare(both, [bars], "schema")


def test_switched_off_means_not_even_read(tmp_path: Path) -> None:
    assert compare(frame_identity(BARS), [tmp_path / "missing"], False) is None


def test_an_unknown_mode_is_refused(bars: Path) -> None:
    mode: Mode = "content"  # type: ignore[assignment]  # what a caller may write
    with pytest.raises(InvalidInputError, match="schema"):
        compare(dataset_identity([bars]), [bars], mode)


def test_an_identity_survives_the_manifest(bars: Path, folder: Path, tmp_path: Path) -> None:
    identity = dataset_identity([bars, folder, csv(tmp_path, "x\n1\n")])
    read = DatasetIdentity.from_json(json.loads(canonical_json(identity.as_json())))
    assert read == identity
    assert (read.hash, read.schema_hash) == (identity.hash, identity.schema_hash)
    assert differences(read, identity) == ()
    assert compare(read) == identity  # the registered paths are read again


def test_records_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="register the version again"):
        DatasetIdentity.from_json([{"path": "/data"}])


# -- the cache is only a cache ---------------------------------------------------------------------


def test_an_edit_in_place_with_the_old_time_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_files, "_RACY_NS", -1)
    path = csv(tmp_path, "x\n1\n")
    before, times = dataset_identity([path]), path.stat()
    with path.open("r+b") as handle:
        handle.seek(2)
        handle.write(b"2")
    while path.stat().st_ctime_ns == times.st_ctime_ns:  # until the file system's clock has ticked
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert dataset_identity([path]).hash != before.hash


def test_a_file_young_enough_to_change_unseen_is_not_remembered(tmp_path: Path) -> None:
    path = csv(tmp_path, "x\n1\n")
    dataset_identity([path])
    assert dataset_files._key(path)[0] not in dataset_files._cache


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv(tmp_path, "x\n1\n")
    monkeypatch.setattr(dataset_files, "_RACY_NS", -1)
    before = dataset_identity([path])
    path.chmod(0o600)  # a new change time: read again, found the same
    assert dataset_identity([path]) == before
    monkeypatch.setattr(dataset_files, "content_of_file", None)
    assert dataset_identity([path]) == before


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = csv(tmp_path, "x\n1\n")
    read = content_of_file

    def appended(one: Path) -> object:
        content = read(one)
        with one.open("ab") as handle:
            handle.write(b"2\n")
        return content

    monkeypatch.setattr(dataset_files, "content_of_file", appended)
    with pytest.raises(DatasetUnavailableError, match="changed while it was read"):
        dataset_identity([path])


def test_paths_below_the_home_are_told_from_there_and_the_identity_stays(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    for folder in (home / "data", outside):
        folder.mkdir(parents=True)
        (folder / "rows.csv").write_text("x\n1\n")
    (tmp_path / "alias").symlink_to(home)
    (home / "link").symlink_to(outside)
    expected = {
        home / "data": "data",
        home / "data" / "rows.csv": "data/rows.csv",
        tmp_path / "alias" / "data": "data",
        home / "link" / "rows.csv": "link/rows.csv",
        home / ".." / "outside" / "rows.csv": str(home / ".." / "outside" / "rows.csv"),
        home / "link" / ".." / "home" / "data": "data",
        outside: str(outside),
    }
    for given, root in expected.items():
        found = dataset_identity([given])
        told = found.relative_to(home)
        assert (told.hash, told.schema_hash) == (found.hash, found.schema_hash)
        assert [one.root for one in told.files] == [root]
        for records in (found.as_json(), told.as_json()):  # also as earlier releases wrote them
            assert compare(records, home=home) == found
