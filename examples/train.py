"""Train without a flag, test on a street that nobody has seen, keep the encoder.

python examples/train.py
"""

import reid_jax
from reid_jax import optimise


def main(
    *, persons: int = 100, epochs: int = 8, size: str = "128x64", out: str = "street-encoder"
) -> tuple[float, float]:
    """Train on the plaza, test on the harbour; mAP before and after."""
    height, width = map(int, size.split("x"))
    plaza = reid_jax.synthetic.labelled(domain="plaza", persons=persons, size=(height, width))
    harbour = reid_jax.synthetic.query_gallery(
        domain="harbour", persons=persons // 2, distractors=0, size=(height, width)
    )
    method = reid_jax.ide(reid_jax.build("resnet_small", size=size), persons=8, per_person=4)
    before = 0.0
    for moment in reid_jax.fit(method, plaza, epochs=epochs, optimiser=optimise.adam(2e-3)):
        before = before or reid_jax.measure(moment.encoder(), harbour)["mAP"]
        print(f"epoch {moment.epoch}: loss {moment.metrics['loss']:.2f}")
    encoder = moment.encoder()
    after = reid_jax.measure(encoder, harbour)["mAP"]
    print(f"harbour: mAP {100 * before:.1f} after the first epoch, {100 * after:.1f} at the end")
    encoder.save(out)  # reid_jax.load(out) reads it
    return before, after


if __name__ == "__main__":
    main()
