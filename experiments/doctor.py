r"""Look an encoder over on some pictures: what is wrong with it, and the usual cause.

    python -m experiments.doctor --workdir=runs/street --pictures=/my/crops
    python -m experiments.doctor --encoder=street-encoder --pictures=market1501:/data/Market-1501 \
        --out=checked
    python -m experiments.doctor --weights=osnet.pth --backbone=osnet_x0_25 --pictures=/my/crops

It looks at what an engineer checks by hand: which arrays the file filled, how pictures come to the
network, length and spread of the embeddings, dead dimensions, NaN, whether an embedding depends on
the pictures beside it, and how far it moves from a picture to its twin with red and blue exchanged,
mirrored, of half the size, of a worse JPEG, shifted by a pixel, without colours. With persons that
are seen twice, also how far these are apart, and the twenty worst errors. Labels are not needed.

--out=FOLDER has it as doctor.md and doctor.json, with doctor.png, the worst errors (without labels
nearest neighbours), and distances.png.
"""

from pathlib import Path

from absl import flags

from reid_jax.app import command, loaded, outputs, pictures
from reid_jax.app.doctor import errors, exam, findings, patient, shown
from reid_jax.whole import whole

_PICTURES = flags.DEFINE_string(
    "pictures",
    None,
    "a folder, searched to the bottom or packed, a .csv, or KIND:PATH as for a training",
    required=True,
)
_OUT = flags.DEFINE_string("out", None, "a new folder for what was found, with pictures")
_MOST = flags.DEFINE_integer(
    "most",
    1000,
    "pictures that are looked at, all of some persons'; 0: all",
    lower_bound=0,
)


def main() -> None:
    """Look, say, and write."""
    out = outputs.new(_OUT.value, "") if _OUT.value else None
    source = str(_PICTURES.value)
    command.say(f"doctor: {loaded.named()} on {source}")
    one = _patient()
    data, names = pictures.opened(source)
    found, part, rows = exam.examined(one, data, most=_MOST.value or 0)
    exam.tell(found)
    known, wrong = findings.findings(one, found), errors.worst(found, one.metric)
    told = (one, found, known, wrong, [names[row] for row in rows], source)
    text = shown.markdown(*told)
    command.say(f"\n{text.rstrip()}")
    if out:
        with whole(out) as unfinished:
            shown.write(unfinished, one, found, part, wrong, text, shown.plain(*told), source)
        command.say(f"\n{out}: doctor.md, doctor.json and pictures")


def _patient() -> patient.Patient:
    """The encoder that the flags name."""
    if there := loaded.exported():
        folder, name = there
        return patient.of_export(folder)._replace(name=name)
    if loaded.weights():
        file, backbone, ways = loaded.weights_file()
        return patient.of_weights(file, backbone, **ways)
    return patient.of_run(Path(command.workdir()))


if __name__ == "__main__":
    command.plain(main)
