"""A gallery as a page of the web: `reid-jax serve`.

    opened   the gallery's folder -> a Gallery, opened again where it was made anew, gone where gone
    upload   the bytes of a request -> pixels, bounded
    seeing   pixels of several users -> embeddings, a batch at a time
    queries  pictures that users search for, in memory only
    people   who was seen, the newest first, to click at
    person   all that is kept of one person, to be removed
    guard    what is refused before anything is read (token, host, origin, size), and the headers
    site     the addresses; page.html, page.css, page.js: what the browser gets
    running  the server and its end

Nothing of a request becomes a path: the page's files are read once at the start, a picture is named
by the number of its row.
"""
