"""How much memory commands take, in a sentence for --help; `benchmarks/memory.py` measures it."""

_READ = "Pictures are read when they are needed, a few batches ahead."
TRAINING = (
    "1 to 1.5 GB with the small networks on a CPU, 0.5 KB for each picture of the data, and 4 "
    "bytes for each number of the embeddings that are labelled or ranked; a report makes colour "
    f"histograms, 12 KB each, of up to 50,000 test pictures. {_READ}"
)
_EMBEDDED = f"for each picture 0.5 KB and 8 bytes for each number of its embedding. {_READ}"
OF = {
    "doctor": "0.6 GB, the weights, and what the pictures of --most take as the network sees them: "
    "0.1 GB for 1,000 of 256x128.",
    "embed": f"0.5 GB, the weights, and {_EMBEDDED}",
    "evaluate": f"0.5 GB, the weights, 0.7 GB to rank, and {_EMBEDDED}",
    "protocol": f"0.5 GB, the weights, 0.7 GB to rank, and {_EMBEDDED}",
    "compare": "0.5 GB.",
    "report": f"as a training's: {TRAINING}",
    "tables": f"that of the trainings, one after the other: {TRAINING}",
    "cluster": "2.4 GB for 200,000 embeddings of 2,048 numbers, 14 GB for a million.",
    "prepare": f"0.5 GB and 0.5 KB for each picture; of videos, as much again a core. {_READ}",
    "track": "0.5 GB, the weights, and for each box 40 bytes and 4 for each number of its "
    "embedding.",
    "export": "0.5 GB, and a few times the weights.",
    "contact_sheet": "0.3 GB.",
    "info": "0.3 GB.",
    "check": "0.5 GB, and a checkpoint.",
    "watch": "1 GB and the weights; for each person in sight up to 0.5 MB, and a frame of each "
    "camera.",
    "gallery": f"0.7 GB and the weights; 2.5 GB to index a million embeddings of 512. {_READ}",
    "serve": "0.8 GB and the weights, and up to 0.5 GB while many pictures are given at once.",
    "search": "0.7 GB and the weights; 1 GB with a million embeddings of 512.",
}


def told(command: str) -> str:
    """The sentence of a command."""
    return f"Memory: {OF.get(command, TRAINING)}"
