"""People seen by cameras over weeks, by their embeddings, in a folder (LanceDB, no server).

    from reid_jax.gallery.store import Store, make
    from reid_jax.gallery.where import where

    make("people", encoder=fingerprint, width=512)       # once
    store = Store("people")                              # takes no lock, writes nothing
    rows = store.add(embeddings, camera=3, time="2026-05-01T08:30:00Z", track=tracks, jpegs=jpegs)
    answer = store.search(embedding, where=where(cameras=[1, 2], since="2026-05-01"), top=10)
    answer = store.search(row=17, by="track")            # a track's mean and its best pictures
    answer.nobody, answer.matches[0].camera, answer.matches[0].cosine, answer.recall
    store.thumbnails([one.row for one in answer.matches])    # {row: JPEG}
    store.remove(where(tracks=["alice"]))                # her bytes leave the disk
    store.merge(Store("other"))
    store.info()

`reid_jax.open_gallery(folder, encoder)` is the same for pictures instead of embeddings.

- **Rows.** A row has a number, given once and never again, an embedding of length one, and what is
  known of: camera, time (UTC), track, person, video, frame, box, name (`schema`). A thumbnail lies
  in a table beside, at most 8 KB each and a million of them (`thumbnails`).
- **Writing.** One process at a time: `add`, `remove`, `merge` and `maintain` each take the lock,
  wait `patience` seconds for another writer and refuse then (`lock`); `with store.writing():` keeps
  it over several. Rows that `add` has returned are there after a kill at any moment; what a writer
  that died left half done, the next one mends. If the power fails, it is as the file system does.
- **Reading.** Any number of threads and processes, at any time; each read sees the last commit.
- **Removing** rewrites the files that the rows lay in and removes all old versions: seconds, and
  about a minute at a million rows. `remove(..., erase=False)` takes them out of all answers at
  once and leaves the rewriting to the next writer.
- **Searching** is exact below 50,000 rows, and where a filter leaves 2,000 or fewer. Above, an
  index of RaBitQ codes is built, once more when the rows have doubled, and grows when a twentieth
  of the rows is not in it. Its recall@10, with a filter and without, is measured on 100 rows and
  told with each answer (`index`). `add(..., maintain=False)` leaves all that to a call of
  `maintain`. Ties go to the lower number.
- **Filters** (`where`) are of typed values; no text of a caller is a part of a predicate.
- **The encoder** is told by the hash of its weights. Embeddings of another one are refused wherever
  their hash is given.
"""
