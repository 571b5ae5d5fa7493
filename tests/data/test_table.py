import pytest

from reid_jax.data import table as reading
from reid_jax.data.table import table


def _csv(folder, text, pictures=("a.jpg", "b.jpg", "c.jpg")):
    for name in pictures:
        (folder / name).write_bytes(b"")
    (folder / "all.csv").write_text(text)
    return folder / "all.csv"


def test_names_become_numbers_in_their_order(tmp_path):
    got = table(
        _csv(
            tmp_path,
            "path,person,camera,split,domain,group,frame,shot\na.jpg,10,yard,train,0,v2,007,3\nb.jpg,9,door,query,1,,,\n"
            "c.jpg,distractor,,gallery,,v1,-1\na.jpg,-1,yard,gallery,0,,0\n",
        )
    )
    assert got.person.tolist() == [2, 1, 0, -1]
    assert got.camera.tolist() == [1, 0, -1, 1]
    assert got.domain.tolist() == [0, 1, 0, 0] and got.group.tolist() == [1, -1, 0, -1]
    assert got.frame.tolist() == [7, -1, -1, 0] and got.shot.tolist() == [3, -1, -1, -1]
    assert got.split.tolist() == ["train", "query", "gallery", "gallery"]
    assert got.image[0] == str(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "path,person,cam,split\na.jpg,1,1,train\n",
            "lacks the column camera; its first line is path,person,cam,split",
        ),
        ("", "its first line is empty"),
        ("path,person,camera,split\n", "a header and no line"),
        (
            "path,person,camera,split\na.jpg,1,1,train\nb.jpg,1,1,test\n",
            "line 3: the split is 'test'",
        ),
        ("path,person,camera,split\n\n\na.jpg,1,1,test\n", "line 4: the split"),
        ("path,person,camera,split,domain\na.jpg,1,1,train,2\n", "line 2: the domain is '2'"),
        (
            "path,person,camera,split,frame\na.jpg,1,1,train,x7\n",
            "line 2: the frame is 'x7', not a whole number",
        ),
        (
            "path,person,camera,split,shot\na.jpg,1,1,train,one\n",
            "line 2: the shot is 'one', not a whole number",
        ),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        table(_csv(tmp_path, text))


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        table(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"line 3: there is no picture .*x\.jpg"):
        table(_csv(tmp_path, "path,person,camera,split\na.jpg,1,1,train\nx.jpg,1,1,train\n"))


def test_other_encodings_are_refused_and_any_name_is_sorted(tmp_path):
    path = _csv(tmp_path, "path,person,camera,split\na.jpg,²,1,train\nb.jpg,2,1,train\n")
    assert table(path).person.tolist() == [2, 1]
    path.write_bytes("path,person,camera,split\na.jpg,Zoë,1,train\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"all\.csv cannot be read as a CSV in UTF-8"):
        table(path)
    path.write_bytes("\ufeffpath,person,camera,split\r\na.jpg,Zoë,1,train\r\n".encode())
    assert table(path).person.tolist() == [1]


def test_lines_are_read_in_blocks(tmp_path, monkeypatch):
    text = "path,person,camera,split,group,note\n" + "".join(
        f'{"abc"[n % 3]}.jpg, {n % 4},"yard, {n % 2}",train,v{n % 3},"two\nlines"\n\n'
        for n in range(11)
    )
    whole = table(_csv(tmp_path, text))
    monkeypatch.setattr(reading, "BLOCK", 2)
    for got in (whole, table(tmp_path / "all.csv")):
        assert got.person.tolist() == [n % 4 + 1 for n in range(11)]
        assert got.camera.tolist() == [n % 2 for n in range(11)]
        assert got.group.tolist() == [n % 3 for n in range(11)]
        assert [str(one) for one in got.image] == [str(tmp_path / f"{'abc'[n % 3]}.jpg")
                                                   for n in range(11)]  # fmt: skip
    for wrong, told in (("b.jpg,1,1, test", "the split is 'test'"), ("x.jpg,1,1,train", "x.jpg"),
                        (" ,1,1,train", "the path is empty")):  # fmt: skip
        (tmp_path / "all.csv").write_text(text + wrong + "\nb.jpg,1,1,train\n")
        with pytest.raises((ValueError, FileNotFoundError), match=f"line 35: .*{told}"):
            table(tmp_path / "all.csv")


def test_odd_paths_and_short_lines(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.jpg").write_bytes(b"")
    got = table(
        _csv(
            tmp_path,
            "path,person,camera,split,group\n./a.jpg,1,1,train\nsub//d.jpg,1,1,train,v,more\n"
            f"{tmp_path}/b.jpg,007,1,train,v\nsub/../c.jpg,7,1,train,v\n",
        )
    )
    names = ["a.jpg", "sub/d.jpg", "b.jpg", "sub/../c.jpg"]
    assert list(got.image) == [str(tmp_path / name) for name in names]
    assert got.person.tolist() == [1, 1, 2, 3] and got.group.tolist() == [-1, 0, 0, 0]
