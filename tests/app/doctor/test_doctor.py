"""An encoder with a planted fault: the fault is named, and nothing else; a sound one has none."""

import json

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags

from reid_jax import parallel
from reid_jax.app import canvas
from reid_jax.app.doctor import errors, exam, findings, patient, shown
from reid_jax.app.doctor.findings import Finding
from reid_jax.data import records
from reid_jax.data.copies import alike
from reid_jax.data.table import table
from reid_jax.models import pretrained
from tests.experiments.called import call, refused

if not flags.FLAGS.is_parsed():
    flags.FLAGS.mark_as_parsed()


def person(number, rng):
    """A picture of a person: warm clothes on a bluish ground, so red and blue differ."""
    own = np.random.default_rng(number)
    picture = np.full((64, 32, 3), (50, 70, 160), np.float64) + rng.normal(0, 8, 3)
    left = 9 + rng.integers(-1, 2)
    for top, end in ((4, 14), (14, 38), (38, 60)):
        picture[top:end, left : left + 14] = own.uniform((90, 30, 0), (250, 160, 90))
    picture *= rng.uniform(0.85, 1.15)
    return np.clip(picture + rng.normal(0, 10, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """24 persons by two cameras, 12 of them to test with: a CSV."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = ["path,person,camera,split"]
    for number in range(24):
        for take in range(8):
            name = f"{number:02}_{take}.png"
            cv2.imwrite(str(folder / name), person(number, rng)[..., ::-1])
            split = "train" if number < 12 else "query" if take < 2 else "gallery"
            lines.append(f"{name},{number},{take % 2},{split}")
    (folder / "all.csv").write_text("\n".join(lines) + "\n")
    return folder / "all.csv"


@pytest.fixture(scope="module")
def workdir(data, tmp_path_factory, optimised):
    folder = tmp_path_factory.mktemp("runs") / "sound"
    options = {
        "data": f"csv:{data}", "test": "", "size": "32x16", "persons": 8, "per_person": 2,
        "epochs": 2, "iterations": 40, "warmup": 0, "pad": 2,
    }  # fmt: skip
    given = [f"--config.{name}={value}" for name, value in options.items()]
    call("ide", f"--workdir={folder}", "--noreport", *given)
    return folder


@pytest.fixture(scope="module")
def sound(workdir):
    return patient.of_run(workdir)


def names(one, data, most=0):
    found, _, _ = exam.examined(one, data, most=most)
    return [each.name for each in findings.findings(one, found) if each.alarm]


def changed(sound, change):
    """The patient with other arrays, by their path."""
    variables = jax.tree_util.tree_map_with_path(
        lambda path, leaf: change("/".join(key.key for key in path), np.array(leaf)),
        sound.variables,
    )
    return sound._replace(placed=parallel.replicate(variables), variables=variables)


def test_a_sound_encoder_gives_no_alarm_and_is_measured(sound, data):
    found, part, _ = exam.examined(sound, table(data), most=0)
    assert [one for one in findings.findings(sound, found) if one.alarm] == []
    assert found.looked == found.total == 96 and found.copies == 0 and found.alone < 1e-4
    labelled = found.labelled
    assert labelled.ranking.queries == 24 and not labelled.same_camera
    # the row that a loop takes for the worst error
    rows = found.embedding / np.linalg.norm(found.embedding, axis=1, keepdims=True)
    cosine, worst = rows @ rows.T, []
    for query in np.flatnonzero(part.split == "query"):
        inside = (part.split == "gallery") & ~(
            (part.person == part.person[query]) & (part.camera == part.camera[query])
        )
        order = [row for row in np.argsort(-cosine[query], kind="stable") if inside[row]]
        hits = [part.person[row] == part.person[query] for row in order]
        if not hits[0]:
            worst.append((hits.index(True) + 1, query, order[0], order[hits.index(True)]))
    got = errors.worst(found, "cosine")
    assert len(got) == min(len(worst), errors.MOST)
    assert sorted(worst, reverse=True)[0][0] == got[0].rank if got else not worst
    told = {(rank, query, wrong, right) for rank, query, wrong, right in worst}
    assert {(x.rank, x.query, x.first[0], x.right) for x in got} <= told


def test_zeroed_dimensions_are_named(sound, data):
    def change(path, leaf):
        if path == "params/neck/scale":
            leaf[40:52] = 0
        return leaf

    one = changed(sound, change)
    found, _, _ = exam.examined(one, table(data), most=0)
    (finding,) = findings.findings(one, found)
    assert finding.name == "dead" and finding.alarm
    assert finding.text.startswith("12 of 256 dimensions are dead")
    assert finding.text.endswith("40, 41, 42, 43, 44, 45, 46, 47, 48, 49, ...")


def test_one_that_is_constant_is_named(sound, data):
    one = changed(sound, lambda path, leaf: 0 * leaf if path == "params/neck/scale" else leaf)
    assert names(one, table(data)) in (["zero", "constant"], ["constant"])


def seeing(sound, change):
    """The patient whose network sees other pictures than it is given."""
    model = sound.model

    def apply(variables, image, *rest):
        return model.apply(variables, change(image), *rest)

    return patient.of_model("planted", model._replace(apply=apply), sound.variables)


def test_one_that_is_fed_the_other_order_is_named_without_labels(sound, data):
    nobody = table(data)._replace(person=np.full(192, -1, np.int32))
    assert names(sound, nobody) == []
    one = seeing(sound, lambda image: image[..., ::-1])
    found, _, _ = exam.examined(one, nobody, most=0)
    (alarm,) = [each for each in findings.findings(one, found) if each.name == "bgr"]
    assert "better than these" in alarm.text and "trained on BGR pictures" in alarm.cause
    # labels alone tell it too, as of a program, which shows no statistics
    found, _, _ = exam.examined(one._replace(model=None), table(data), most=0)
    (alarm,) = [each for each in findings.findings(one, found) if each.name == "bgr"]
    assert "exchanged it ranks better" in alarm.text and found.fit is None


def test_one_that_sees_no_colour_is_named(sound, data):
    def faded(image):
        grey = image.astype(jnp.float32).mean(-1, keepdims=True)
        return jnp.broadcast_to(grey, image.shape)

    one = seeing(sound, faded)
    found, _, _ = exam.examined(one, table(data), most=0)
    told = {each.name: each.text for each in findings.findings(one, found)}
    assert told["colour_blind"].startswith("BGR and RGB give the same embedding: ")
    assert "bgr" not in told


def test_broken_weights_and_rows_are_named(sound, data):
    def change(path, leaf):
        if path == "params/neck/scale":
            leaf[3] = np.nan
        return leaf

    one = changed(sound, change)
    assert names(one, table(data)) == ["broken_weights", "nan"]
    found, part, rows = exam.examined(one, table(data), most=0)
    told = (one, found, findings.findings(one, found), [], [str(row) for row in rows], "x")
    assert "96 of 96 embeddings hold NaN" in shown.markdown(*told)


def test_a_network_that_was_not_trained_is_named(sound, data):
    begun = jax.device_get(sound.model.init(jax.random.key(0)))
    assert "untrained" in names(patient.of_model("begun", sound.model, begun), table(data))


def test_missing_weights_are_named(sound, data, tmp_path):
    arrays = pretrained.torch_arrays(sound.variables)
    lacking = sorted(name for name in arrays if name.startswith("layer4."))[:2]
    np.savez(tmp_path / "half.npz", **{k: v for k, v in arrays.items() if k not in lacking})
    given = ("resnet_small",)
    ways = {"size": "32x16", "resize": "area", "normalise": "imagenet"}
    one = patient.of_weights(str(tmp_path / "half.npz"), *given, **ways)
    found, _, _ = exam.examined(one, table(data), most=0)
    first = findings.findings(one, found)[0]
    assert first.name == "missing" and all(name in first.text for name in lacking)
    np.savez(tmp_path / "whole.npz", **arrays)
    assert not patient.of_weights(str(tmp_path / "whole.npz"), *given, **ways).missing


def test_an_embedding_that_depends_on_its_neighbours_is_named(sound, data):
    def embed(variables, image):
        rows = sound.embed(variables, image)
        return rows + 3 * rows.mean(0)

    assert "batch" in names(sound._replace(embed=embed), table(data))


def test_what_is_wrong_with_the_contract_is_named(sound, data):
    wide = sound._replace(input=sound.input._replace(mean=(123.7, 116.3, 103.5)))
    found, _, _ = exam.examined(sound, table(data), most=0)
    told = findings.findings(wide, found)
    assert told[0].name == "scale" and "divide them by 255" in told[0].cause
    found = found._replace(pixels=(-9.0, 0.01))
    assert findings.findings(sound, found)[0].name == "pixels"
    wide = sound._replace(input=sound.input._replace(size=(32, 64)))
    assert findings.findings(wide, found)[0].name == "wide"
    assert all(isinstance(one, Finding) and one.cause for one in told)


def test_copies_are_left_out_and_pictures_that_are_one_are_refused(sound):
    rng = np.random.default_rng(0)
    two = np.stack([person(number, rng) for number in (1, 2, 3, 4)])
    many = records.make(records.Held(np.repeat(two, 50, 0)), -1, split="gallery")
    assert np.unique(alike(many)).tolist() == [0, 50, 100, 150]
    found, part, rows = exam.examined(sound, many, most=120)
    assert found.looked == 120 and found.copies + len(part.person) == 120
    assert found.labelled is None and found.health.cosine < 0.99
    same = records.make(records.Held(np.repeat(two[:1], 1000, 0)), 1, split="gallery")
    with pytest.raises(ValueError, match="the 1,000 pictures that were looked at are copies of on"):
        exam.examined(sound, same, most=0)
    with pytest.raises(ValueError, match="the 1 pictures that were looked at are too few"):
        exam.examined(sound, records.take(same, np.array([0])), most=0)


def test_persons_without_a_test_ask_for_each_other(sound, data):
    part = table(data)
    one_camera = part._replace(camera=np.zeros_like(part.camera), split=np.full(192, "train"))
    found, _, same_camera = labelled_sides(one_camera)
    assert same_camera and (found.split == "query").sum() == 24
    two, _, same_camera = labelled_sides(part._replace(split=np.full(192, "gallery")))
    assert not same_camera and (two.split == "query").sum() == 48
    pair = records.take(part, np.array([0, 1, 8, 9]))
    found, _, same_camera = labelled_sides(pair)
    assert (found.split == "query").tolist() == [True, False, True, False] and not same_camera
    assert labelled_sides(part._replace(person=np.full(192, -1, np.int32))) is None
    assert labelled_sides(part._replace(person=np.arange(1, 193, dtype=np.int32))) is None


def labelled_sides(part):
    from reid_jax.app.doctor.labelled import sides

    return sides(part)


def test_persons_are_chosen_whole():
    person = np.repeat(np.arange(1, 41), 10)
    data = records.make([f"{row}.jpg" for row in range(400)], person, split="gallery")
    rows = exam.chosen(data, np.arange(400), 100)
    _, counts = np.unique(person[rows], return_counts=True)
    assert len(rows) == 100 and set(counts) == {10}
    unknown = data._replace(person=np.full(400, -1, np.int32))
    assert len(np.unique(exam.chosen(unknown, np.arange(400), 100))) == 100
    assert len(exam.chosen(data, np.arange(400), 0)) == 400


def test_the_command_says_and_writes_it(workdir, data, tmp_path):
    given = (f"--workdir={workdir}", f"--pictures={data}", f"--out={tmp_path}/seen")
    said = call("doctor", *given).stdout
    assert "No alarm. Looked at 96 of 96 pictures" in said and "effective rank" in said
    assert (tmp_path / "seen" / "doctor.md").read_text().strip() in said
    told = json.loads((tmp_path / "seen" / "doctor.json").read_text())
    assert told["findings"] == [] and told["figures"]["queries"] == 24 and told["hash"]
    for name in ("doctor.png", "distances.png"):
        assert cv2.imread(str(tmp_path / "seen" / name)).shape[1] >= canvas.LEAST - 80
    assert "exists already" in refused("doctor", *given)
    none = f"--pictures={tmp_path}/none"
    for words, told in (
        ((given[0], none), "there is no folder"),
        ((f"--workdir={tmp_path}/none", given[1]), "is not a run's folder"),
        ((given[0],), "name --pictures=..."),
        ((given[1],), "name a run's folder with --workdir=FOLDER"),
        (("--weights=x.pth", given[1]), "--weights needs --backbone"),
        ((*given[:2], "--mots=3"), "did you mean '--most'?"),
    ):
        line = refused("doctor", *words)
        assert told in line and line.count("\n") == 1
