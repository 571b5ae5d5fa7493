"""Cutting as a step of an Apache Beam pipeline, for thousands of videos on a cluster.

The workers must see the videos, the detector's file and the folder of the parts under the same
paths. The parts are the same as those of `workers.cut_all`, and `gather.gather` joins them.
"""

from collections.abc import Sequence
from pathlib import Path

from reid_jax.files import late
from reid_jax.video import cut
from reid_jax.video.cut import How
from reid_jax.video.find import Source


def cut_all(
    sources: Sequence[Source], parts: str | Path, how: How, *, options: Sequence[str] = ()
) -> None:
    """Cut every source that has no part yet.

    Args:
        sources: the sources to cut.
        parts: folder of the parts.
        how: options of the cutting.
        options: options of Beam itself, such as `--runner=DirectRunner`.

    Raises:
        ImportError: without Apache Beam. Beam wraps the errors of `cut.cut`.
        TimeoutError: a part that a worker has written is not seen here.
    """
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as missing:
        raise ImportError(
            "cutting with Apache Beam needs it: pip install 'reid_jax[beam]'"
        ) from missing
    Path(parts).mkdir(parents=True, exist_ok=True)
    with apache_beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
        _ = (
            pipeline
            | "sources" >> apache_beam.Create(list(sources))
            | "spread" >> apache_beam.Reshuffle()
            | "cut" >> apache_beam.Map(cut.cut, str(parts), how)
        )
    for source in sources:
        late.wait(Path(parts) / source.key)
