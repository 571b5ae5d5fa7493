"""Miniatures of published archives: their layouts with a handful of tiny pictures."""

import os

import cv2
import numpy as np
from scipy.io import savemat

PICTURE = cv2.imencode(".jpg", np.zeros((4, 2, 3), np.uint8))[1].tobytes()


def plant(root, *files):
    """Put a tiny picture at each path below a folder; return the folder."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(PICTURE)
    return root


def rows(data):
    """(name, person, camera, split) of each row."""
    names = [os.path.basename(str(data.image[row])) for row in range(len(data.person))]
    columns = (names, data.person.tolist(), data.camera.tolist(), data.split.tolist())
    return list(zip(*columns, strict=True))


def market(root, train, query, gallery):
    """Three folders."""
    parts = {"bounding_box_train": train, "query": query, "bounding_box_test": gallery}
    for part, names in parts.items():
        (root / part).mkdir(parents=True)
        plant(root / part, *names)
    return root


def market1501(root):
    return market(
        root,
        ["0002_c1s1_000451_03.jpg", "0007_c3s1_000451_03.jpg"],
        ["0010_c2s1_000001_00.jpg"],
        ["-1_c1s1_000401_03.jpg", "0000_c1s1_000001_00.jpg", "0010_c6s3_000001_00.jpg"],
    )


def dukemtmc(root):
    return market(
        root,
        ["0001_c2_f0046182.jpg", "0001_c7_f0046182.jpg"],
        ["0005_c1_f0000001.jpg"],
        ["0005_c2_f0000009.jpg", "7139_c2_f0157245.jpg"],
    )


LISTS = {
    "train": ["0000/0000_000_01_0303morning_0008_0.jpg 0"],
    "val": ["0001/0001_000_05_0303noon_0008_0.jpg 1"],
    "query": ["0000/0000_001_02_0303morning_0008_0.jpg 0"],
    "gallery": [
        "0000/0000_002_03_0303afternoon_0008_0.jpg 0",
        "0001/0001_002_15_0303afternoon_0008_0.jpg 1",
    ],
}


def msmt17(root, version="V1", ending=""):
    """Version 1 or 2; `ending` of the pictures' names, which the lists do not have."""
    train, test = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}[version]
    for name, lines in LISTS.items():
        part = train if name in ("train", "val") else test
        files = [line.split()[0].replace(".jpg", f"{ending}.jpg") for line in lines]
        plant(root / part, *files)
        (root / f"list_{name}.txt").write_text("\n".join(lines) + "\n")
    return root


def viper(root):
    files = [f"cam_{c}/{p:03}_{a}.bmp" for c, a in (("a", 0), ("b", 90)) for p in (0, 1, 5, 9)]
    return plant(root, *files)


def prid2011(root):
    """Persons 1 to 4 in both cameras, 5 and 6 of A, 5 to 7 of B, who are others."""
    files = [f"single_shot/cam_a/person_{p:04}.png" for p in range(1, 7)]
    return plant(root, *files, *[f"single_shot/cam_b/person_{p:04}.png" for p in range(1, 8)])


def grid(root, lists=True):
    """Persons 1 to 4, two others; split 1 trains on 2 and 3."""
    plant(root, *[f"probe/{p:04}_{p}_25004_107_32_106_221.jpeg" for p in range(1, 5)])
    plant(root, *[f"gallery/{p:04}_{p + 4}_25004_107_32_106_221.jpeg" for p in range(1, 5)])
    plant(root, *[f"gallery/0000_{c}_25004_107_32_106_22{c}.jpeg" for c in (1, 2)])
    if lists:
        cell = np.empty((1, 2), object)
        for split, train in enumerate(([2, 3], [1, 4])):
            cell[0, split] = {"a": 1, "b": 2, "trainIdx": np.array([train])}
        savemat(root / "features_and_partitions.mat", {"trainIdxAll": cell})
    return root


def ilids(root):
    """Four persons with three pictures each."""
    return plant(root, *[f"Persons/{p:04}{n:03}.jpg" for p in range(1, 5) for n in (1, 2, 3)])


def cuhk01(root):
    return plant(root, *[f"campus/{p:04}{n:03}.png" for p in (1, 2, 3) for n in (1, 2, 3, 4)])


def cuhk02(root):
    """Two persons of each pair."""
    return plant(
        root,
        *[
            f"Dataset/P{pair}/cam{camera}/{p:03}_{n:04}.png"
            for pair in range(1, 6)
            for camera in (1, 2)
            for p in (1, 2)
            for n in (1, 2)
        ],
    )


def pku_reid(root):
    names = [f"{p:03}_{c}_{n}.png" for p in (1, 2) for c in (1, 2) for n in (1, 2)]
    return plant(root, *[f"PKUv1a_128x48/{name}" for name in names])


def randperson(root):
    """The whole: two scenes, one with two videos of a camera."""
    return plant(
        root,
        "images/scene00/camera0_1/000000_s00_c00_f000264.jpg",
        "images/scene00/camera0_2/000001_s00_c00_f000300.jpg",
        "images/scene00/delete_camera0_1/000000_s00_c00_f000999.jpg",
        "images/scene01/camera0_1/000000_s01_c00_f000010.jpg",
    )


def luperson(root):
    return plant(root, "fr/paris/v1/a.jpg", "fr/paris/v1/b.jpg", "it/rome/v2/a.jpg")


def mars(root, query=(2,)):
    """Two training tracklets; test tracklets of a distractor, junk, and two of person 6."""
    train = ["0002C1T0001F001.jpg", "0002C1T0001F002.jpg", "0004C3T0002F001.jpg"]
    test = ["0000C2T0001F001.jpg", "00-1C1T0001F001.jpg", "0006C1T0001F001.jpg",
            "0006C4T0001F001.jpg"]  # fmt: skip
    plant(root, *[f"bbox_train/{name[:4]}/{name}" for name in train])
    plant(root, *[f"bbox_test/{name[:4]}/{name}" for name in test])
    info = root / "info"
    info.mkdir()
    (info / "train_name.txt").write_text("\n".join(train))
    (info / "test_name.txt").write_text("\n".join(test))
    tracks = {
        "train": [[1, 2, 2, 1], [3, 3, 4, 3]],
        "test": [[1, 1, 0, 2], [3, 3, 6, 1], [2, 2, -1, 1], [4, 4, 6, 4]],
    }
    for part, lines in tracks.items():
        savemat(info / f"tracks_{part}_info.mat", {f"track_{part}_info": np.array(lines)})
    savemat(info / "query_IDX.mat", {"query_IDX": np.array([query])})
    return root


def frame(path, number):
    """A frame of 40 x 30 pixels whose left half is black, the right half of gray `number`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((30, 40, 3), np.uint8)
    image[:, 20:] = number
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 100])


def mot17(root):
    """One sequence for two detectors; a box that does not count, and one of another class."""
    for detector in ("DPM", "FRCNN"):
        sequence = root / "train" / f"MOT17-02-{detector}"
        for number in (1, 2):
            frame(sequence / "img1" / f"{number:06}.jpg", 100 * number)
        (sequence / "gt").mkdir()
        (sequence / "gt" / "gt.txt").write_text(
            "2,7,21,1,10,20,1,1,1\n1,7,21,1,10,20,1,1,1\n1,3,-4,6,14,40,1,1,0.5\n"
            "1,4,1,1,5,5,0,1,1\n1,5,1,1,5,5,1,8,1\n"
        )
    return root


def mot15(root):
    for number, name in enumerate(("ADL-Rundle-6", "TUD-Campus"), 1):
        frame(root / "train" / name / "img1" / "000001.jpg", 90)
        (root / "train" / name / "gt").mkdir()
        (root / "train" / name / "gt" / "gt.txt").write_text(
            "\n".join(f"1,{p},1,1,8,16,1,-1,-1,-1" for p in range(1, number + 1))
        )
    return root


def cuhk_sysu(root):
    """Person 1 in two frames, person 2 in one of them."""
    for number in (1, 2):
        frame(root / "Image" / "SSM" / f"s{number}.jpg", 100 * number)
    box = {"imname": "s1.jpg", "idlocate": np.array([[20, 0, 10, 20]]), "ishard": 0}
    other = {"imname": "s2.jpg", "idlocate": np.array([[20, 0, 12, 24]]), "ishard": 0}
    kind = [("idname", object), ("nAppear", object), ("scene", object)]
    persons = np.empty((1, 2), kind)
    for number, scenes in enumerate(([box, other], [other])):
        scene = np.empty((1, len(scenes)), [(name, object) for name in box])
        for place, one in enumerate(scenes):
            scene[0, place] = tuple(one.values())
        persons[0, number] = (f"p{number + 1}", len(scenes), scene)
    (root / "annotation").mkdir()
    savemat(root / "annotation" / "Person.mat", {"Person": persons})
    return root


# two pairs of views; the third person of pair 1 has no picture by view 2
CUHK03 = ["1_001_1_01", "1_001_2_06", "1_002_1_01", "1_002_2_06", "1_003_1_02", "2_001_1_01",
          "2_001_2_07"]  # fmt: skip


def cuhk03_folder(root, boxes="detected"):
    return plant(root, *[f"images_{boxes}/{name}.png" for name in CUHK03])


def cuhk03_config(root, boxes="detected", names=CUHK03):
    """The new protocol: person 1 trains, 2 is tested, 3 trains, the one of pair 2 is tested."""
    files = np.empty((len(names), 1), object)
    files[:, 0] = [f"{name}.png" for name in names]
    savemat(
        root / f"cuhk03_new_protocol_config_{boxes}.mat",
        {
            "filelist": files,
            "labels": np.array([1, 1, 2, 2, 3, 4, 4])[:, None],
            "train_idx": np.array([[1, 2, 5]]),
            "query_idx": np.array([[3, 6]]),
            "gallery_idx": np.array([[4, 7]]),
        },
    )
    return root


def cuhk03_matlab(path, h5py):
    """cuhk-03.mat with the same pictures; the gray of each is its place in the list."""
    with h5py.File(path, "w", userblock_size=512) as file:

        def kept(name, array):
            return file.create_dataset(f"#refs#/{name}", data=array).ref

        empty = kept("empty", np.zeros(2, np.uint64))
        for boxes in ("detected", "labeled"):
            pairs = []
            for pair, persons in ((1, 3), (2, 1)):
                cells = np.full((10, persons), empty, h5py.ref_dtype)
                for gray, name in enumerate(CUHK03):
                    p, person, _, number = map(int, name.split("_"))
                    if p == pair:
                        array = np.full((3, 2, 5), gray, np.uint8)  # [channel, width, height]
                        cells[number - 1, person - 1] = kept(f"{boxes}{name}", array)
                pairs.append(kept(f"{boxes}{pair}", cells))
            file.create_dataset(boxes, data=np.array([pairs], h5py.ref_dtype))
        tests = [
            kept(f"t{n}", np.array(one, float).T) for n, one in enumerate([[[1, 2]], [[2, 1]]])
        ]
        file.create_dataset("testsets", data=np.array([tests], h5py.ref_dtype))
    with path.open("r+b") as file:  # as Matlab begins such a file
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    return path
