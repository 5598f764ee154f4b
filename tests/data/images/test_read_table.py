from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.read_table import read_table
from archsmith.data.images.reopening import reopen

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
N = 10


def png(side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures: pictures/0.png and so on."""
    (tmp_path / "pictures").mkdir()
    for index in range(N):
        (tmp_path / "pictures" / f"{index}.png").write_bytes(png())
    return tmp_path


def csv(folder: Path, heading: str, rows: Sequence[str], *, encoding: str = "utf-8", name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([heading, *rows]) + "\n", encoding=encoding)
    return path


def rows(form: str) -> list[str]:
    """``form`` with i = 0 … 9."""
    return [
        form.format(i=index, c="ab"[index % 2], part=("train", "val", "Test")[index % 3], half=index + 0.5)
        for index in range(N)
    ]


def refusal(path: Path, **columns: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read_table(path, **columns)
    assert caught.value.message.endswith(".") and caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def parquet(
    folder: Path, columns: dict[str, Any], *, row_group_size: int | None = None, notes: dict[str, Any] | None = None
) -> Path:
    table = pa.table(columns)
    if notes is not None:
        table = table.replace_schema_metadata({b"huggingface": json.dumps(notes).encode()})
    pq.write_table(table, folder / "data.parquet", row_group_size=row_group_size, compression="zstd")
    return folder / "data.parquet"


# CSV


def test_paths_and_text_labels(folder: Path) -> None:
    source = read_table(csv(folder, "image,label", rows("pictures/{i}.png,{c}")))
    assert source.labels.tolist() == ["a", "b"] * 5
    assert source.pictures.name(3) == str(folder / "pictures" / "3.png")
    assert source.pictures.decode(3, 3).shape == (8, 8, 3)
    assert (source.name, source.target) == ("data", "label")
    assert source.notes == ("Pictures come from the column 'image', the target from 'label'.",)


@pytest.mark.parametrize(
    ("heading", "form"),
    [
        ("image,label", "pictures/{i}.png,{i}"),
        (" Path ; Class ", "pictures/{i}.png;{i}"),
        ("file_name\ty", "pictures/{i}.png\t{i}"),
        ("filepath|target", "pictures/{i}.png|{i}"),
        ("mystery,other", "pictures/{i}.png,{i}"),
        (",mystery,other,id", "{i},pictures/{i}.png,{i},{i}"),
        ("other,mystery", '{i},"pictures/{i}.png"'),
        ("image,label", "pictures\\{i}.png,{i}"),
        ("image,label", "./pictures/../pictures/{i}.png,{i}"),
    ],
)
def test_columns_and_separators_are_found(folder: Path, heading: str, form: str) -> None:
    source = read_table(csv(folder, heading, rows(form)))
    assert source.labels.tolist() == list(range(N))
    assert source.pictures.decode(9, 3).shape == (8, 8, 3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_the_encoding(folder: Path, encoding: str) -> None:
    assert read_table(csv(folder, "image,label", rows("pictures/{i}.png,é{c}"), encoding=encoding)).labels[0] == "éa"


def test_columns_can_be_named(folder: Path) -> None:
    path = csv(folder, "image,path,label,price", rows("pictures/{i}.png,pictures/{i}.png,{c},{half}"))
    assert "'image' or 'path'" in refusal(path).message
    source = read_table(path, image="path", target="price")
    assert source.labels.tolist() == [index + 0.5 for index in range(N)]
    assert source.target == "price"


def test_absolute_paths_and_paths_that_lead_out_are_the_persons_own(folder: Path) -> None:
    (folder / "tables").mkdir()
    path = csv(folder / "tables", "image,label", [f"{folder}/pictures/0.png,a", "../pictures/1.png,b"])
    assert read_table(path).pictures.decode(1, 3).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{half}", [index + 0.5 for index in range(N)]),
        ("-{i}e-1", [-index / 10 for index in range(N)]),
        ("00{i}", [f"00{index}" for index in range(N)]),
        ("1234567890123456789{i}", [f"1234567890123456789{index}" for index in range(N)]),
        ("x{i}", [f"x{index}" for index in range(N)]),
        ("{i} ", list(range(N))),
    ],
)
def test_targets_as_they_are_written(folder: Path, form: str, expected: list[Any]) -> None:
    assert read_table(csv(folder, "image,label", rows("pictures/{i}.png," + form))).labels.tolist() == expected


def test_decimal_commas_where_semicolons_separate(folder: Path) -> None:
    assert read_table(csv(folder, "image;price", rows("pictures/{i}.png;{i},25"))).labels[2] == 2.25


def test_a_split_column(folder: Path) -> None:
    source = read_table(csv(folder, "image,label,Split", rows("pictures/{i}.png,{c},{part}")))
    assert [SPLITS[code] for code in source.split[:4]] == ["train", "valid", "test", "train"]
    assert "splits from 'Split'" in source.notes[0]


def test_a_split_that_is_unknown(folder: Path) -> None:
    message = refusal(csv(folder, "image,label,split", rows("pictures/{i}.png,{c},fold{i}"))).message
    assert "'fold0' in line 2" in message
    message = refusal(csv(folder, "image,label,split", ["", *rows('pictures/{i}.png,"{c}\n",fold{i}')])).message
    assert "'fold0' in line 3" in message


def test_a_target_that_may_mean_two_numbers_is_found_by_its_line(folder: Path) -> None:
    lines = ["pictures/0.png,2.5", "", 'pictures/1.png,"2,5"', 'pictures/2.png,"1,234"']
    assert "says '1,234' in line 5 of " in refusal(csv(folder, "image,price", lines)).message


def test_a_few_gaps_are_skipped(folder: Path) -> None:
    lines = [f"pictures/{index % N}.png,{index % 2}" for index in range(40)]
    lines[3], lines[7] = "pictures/3.png,NaN", ",1"
    lines = [f"{line},{'test' if row == 7 else 'train'}" for row, line in enumerate(lines)]
    source = read_table(csv(folder, "image,label,split", lines))
    assert len(source) == 38
    assert [reason for _, reason in source.skipped] == [
        "It has no value in the column 'label'.",
        "It has no picture in the column 'image'.",
    ]
    assert source.skipped[0][0].startswith("line 5 of ")
    assert source.skipped_split == (0, 2)


def test_many_gaps_are_counted(folder: Path) -> None:
    message = refusal(csv(folder, "image,label", ["pictures/0.png,"] * 3 + rows("pictures/{i}.png,{i}"))).message
    assert "3 of 13 rows have no value in the column 'label', the first is line 2" in message


def test_none_is_a_class_among_text_and_na_is_missing(folder: Path) -> None:
    lines = [f"pictures/{i % 3}.png,{('none', 'glioma')[i % 2]}" for i in range(40)]
    read = read_table(csv(folder, "image,label", [*lines, "pictures/1.png,NA"]))
    assert read.labels.tolist() == ["none", "glioma"] * 20


def test_base64(folder: Path) -> None:
    pictures = [png() for _ in range(N)]
    lines = [f"{'data:image/png;base64,' * (i % 2)}{base64.b64encode(pictures[i]).decode()}|{i}" for i in range(N)]
    source = read_table(csv(folder, "photo|label", lines))
    assert np.array_equal(source.pictures.decode(3, 3), np.asarray(Image.open(io.BytesIO(pictures[3]))))
    spec = source.pictures.spec()
    assert spec is not None
    again = reopen(json.loads(json.dumps(spec)))
    assert again.fingerprint() == source.pictures.fingerprint()
    assert np.array_equal(again.decode(7, 3), source.pictures.decode(7, 3))
    csv(folder, "photo|label", lines[:4])
    with pytest.raises(DataError, match="has changed"):
        reopen(spec)


def test_broken_base64_names_its_line(folder: Path) -> None:
    lines = [f"{base64.b64encode(png()).decode()},{i}" for i in range(N)]
    lines[4] = lines[4][:90] + "*,4"
    lines[2] += "\n"  # an empty line
    with pytest.raises(DataError, match="line 7 of .*base64"):
        read_table(csv(folder, "photo,label", lines)).pictures.decode(4, 3)


@pytest.mark.parametrize(
    ("heading", "form", "words"),
    [
        ("a,b", "{i},{i}", "no column for pictures"),
        ("image,label,class", "pictures/{i}.png,{i},{i}", "'label' or 'class'"),
        ("x,y,label", "pictures/{i}.png,pictures/{i}.png,{i}", "'x' or 'y'"),
        ("image,colour,shape", "pictures/{i}.png,{c},{c}", "'colour' or 'shape'"),
        ("image,id", "pictures/{i}.png,{i}", "no column for the target"),
        ("image,label", "http://example.org/{i}.png,{i}", "address"),
        ("image,label", "s3://bucket/{i}.png,{i}", "address"),
        ("image,label", "{i}.png,{i}", "not there"),
        ("image,label", "no\\{i}.png,{i}", "not there, the first is 'no/0.png'"),
        ("image,label,label", "pictures/{i}.png,{i},{i}", "two columns named 'label'"),
        ("image", "pictures/{i}.png", "only one column"),
        ("pictures/0.png,3", "pictures/{i}.png,{i}", "row of values"),
        ("image,label", "pictures/{i}.png,{i},{i}", "cannot be read as a table"),
        ("image,label", "pictures/{i}.png,", "is empty"),
        ("id," + ",".join(f"pixel{i}" for i in range(64)), ",".join("1" * 65), "pixels of its pictures"),
    ],
)
def test_tables_that_cannot_be_used(folder: Path, heading: str, form: str, words: str) -> None:
    assert words in refusal(csv(folder, heading, rows(form))).message


def test_a_line_that_is_longer_far_down(folder: Path) -> None:
    lines = ["pictures/0.png,1,x"] * 300 + ["pictures/0.png,1,x,y"]
    assert "line 302" in refusal(csv(folder, "image,label,more", lines)).message


def test_a_hint_says_where_the_pictures_are(folder: Path) -> None:
    assert "write 'pictures/0.png'" in str(refusal(csv(folder, "image,label", rows("{i}.png,{i}"))))


@pytest.mark.parametrize("columns", [{"image": "photo"}, {"target": "price"}])
def test_columns_that_are_not_there(folder: Path, columns: dict[str, str]) -> None:
    error = refusal(csv(folder, "image,label", rows("pictures/{i}.png,{i}")), **columns)
    assert "no column" in error.message and "'image', 'label'" in str(error.hint)


def test_one_column_for_both(folder: Path) -> None:
    assert (
        "both"
        in refusal(csv(folder, "image,label", rows("pictures/{i}.png,{i}")), image="image", target="image").message
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"image,label\n", "no rows"),
        (b"image,label\na.png,\xff\xe9\n", "not UTF-8"),
        (b"PAR1\0\0\0binary", "not a table of text"),
        (b"image,label\n" + b"x" * 300_000 + b"\xff", "not UTF-8"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    assert words in refusal(tmp_path / "data.csv").message


# Parquet


def huggingface(pictures: Sequence[bytes]) -> Any:
    return pa.array([{"bytes": content, "path": f"{index}.png"} for index, content in enumerate(pictures)])


def test_cells_of_hugging_face(tmp_path: Path) -> None:
    pictures = [png() for _ in range(60)]
    notes = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    source = read_table(
        parquet(
            tmp_path,
            {"image": huggingface(pictures), "label": [i % 2 for i in range(60)]},
            row_group_size=7,
            notes=notes,
        )
    )
    assert source.class_names == ("no", "yes")
    assert source.labels.tolist() == [0, 1] * 30
    assert np.array_equal(source.pictures.decode(33, 3), np.asarray(Image.open(io.BytesIO(pictures[33]))))
    assert source.pictures.name(33).startswith("row 34 of ")


def test_rows_with_gaps_keep_their_pictures(tmp_path: Path) -> None:
    contents = [png() for _ in range(60)]
    source = read_table(parquet(tmp_path, {"image": contents, "label": [None if i == 20 else i for i in range(60)]}))
    assert len(source) == 59
    assert source.labels[20] == 21
    assert source.pictures.content(20) == contents[21]  # type: ignore[attr-defined]
    spec = source.pictures.spec()
    assert spec is not None
    again = reopen(json.loads(json.dumps(spec)))
    assert again.fingerprint() == source.pictures.fingerprint()
    assert again.name(20) == source.pictures.name(20)


def test_paths_in_parquet(folder: Path) -> None:
    source = read_table(
        parquet(folder, {"where": [f"pictures/{i}.png" for i in range(N)], "price": [i / 4 for i in range(N)]})
    )
    assert source.is_regression
    assert source.pictures.decode(3, 3).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([True, False], ["True", "False"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array([1.5, 2.5], pa.float32()), [1.5, 2.5]),
        (pa.array([1, 2], pa.uint8()), [1, 2]),
    ],
)
def test_types_of_targets(tmp_path: Path, targets: Any, expected: list[Any]) -> None:
    assert read_table(parquet(tmp_path, {"image": [png(), png()], "label": targets})).labels.tolist() == expected


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"image": [[1, 2], [3, 4]], "label": [1, 2]}, "no column for pictures"),
        ({"image": [b"x", b"y"], "label": [[1], [2]]}, "type list"),
        ({"image": ["http://a/b.png"], "label": [1]}, "address"),
        ({"image": [base64.b64encode(png()).decode()], "label": [1]}, "base64"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "no rows"),
        ({"image": [bytes(60_000_000)], "label": [1]}, "unpacks to 60 MB"),
    ],
)
def test_parquet_that_cannot_be_used(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    assert words in refusal(parquet(tmp_path, columns)).message


@pytest.mark.parametrize("cut", [slice(0, -20), slice(0, 50), slice(10, None)])
def test_a_piece_of_parquet(tmp_path: Path, cut: slice) -> None:
    path = parquet(tmp_path, {"image": [png()] * 5, "label": [1] * 5})
    path.write_bytes(path.read_bytes()[cut])
    refusal(path)


@pytest.mark.parametrize(("form", "said"), [("1{i}.234", "fractions in 'size'"), ("{i},5", "written as 1.234,5")])
def test_how_targets_are_written_is_said(folder: Path, form: str, said: str) -> None:
    found = read_table(csv(folder, "file;size", rows("pictures/{i}.png;" + form)))
    assert any(said in note for note in found.notes)
