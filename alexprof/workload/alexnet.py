"""The convolutional part of AlexNet as the classic timing benchmark builds it, with LRN or without.

Layers and sizes: the benchmark's "one weird trick" variant (Krizhevsky 2014, arXiv:1404.5997), with
the two local response normalizations of the original (Krizhevsky et al. 2012, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from alexprof.errors import UsageError
from alexprof.record.ablation import AblationSpec
from alexprof.record.workload import Layer, Published
from alexprof.workload.base import BuiltVariant, PhaseSpec, VariantSpec, Workload

if TYPE_CHECKING:
    import tensorflow as tf

WITH_LRN, WITHOUT_LRN = "with_lrn", "without_lrn"
FORWARD, FORWARD_BACKWARD = "forward", "forward_backward"

_CLASSIC = "the classic benchmark's author, on a GPU of 2017"
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias and ReLU, padded SAME."""

    kernel: int
    stride: int
    channels: int


NORM, POOL = "norm", "pool"
"""Local response normalization over 2 · 4 + 1 neighboring channels; 3×3 max pooling with stride 2,
padded VALID."""
LAYERS: dict[str, Convolution | str] = {
    "conv1": Convolution(kernel=11, stride=4, channels=64),
    "lrn1": NORM,
    "pool1": POOL,
    "conv2": Convolution(kernel=5, stride=1, channels=192),
    "lrn2": NORM,
    "pool2": POOL,
    "conv3": Convolution(kernel=3, stride=1, channels=384),
    "conv4": Convolution(kernel=3, stride=1, channels=256),
    "conv5": Convolution(kernel=3, stride=1, channels=256),
    "pool5": POOL,
}


def alexnet(batch_size: int = 32, seed: int = 0, image_size: int = 224) -> Workload:
    """The AlexNet benchmark, with LRN and without.

    Fetches are pool5, float32 [batch, 6, 6, 256], in "forward"; and the gradients of
    l2_loss(pool5) with respect to the ten parameters in "forward_backward".

    Args:
        batch_size: Images in a batch.
        seed: Of images and weights; every op draws from a seed of its own, so that the variants
            hold the same numbers.
        image_size: Width and height of an image; the benchmark's is 224.

    Raises:
        UsageError: If a number is out of range.
    """
    if batch_size < 1:
        raise UsageError(f"the batch size must be at least 1, not {batch_size}")
    if not 0 <= seed < 2**31 - 100:
        raise UsageError(f"the seed must be between 0 and {2**31 - 101}, not {seed}")
    if image_size < 63:
        raise UsageError(f"images must be at least 63 pixels wide, not {image_size}")
    shape = (batch_size, image_size, image_size, 3)
    return Workload(
        name="alexnet",
        variants={
            WITH_LRN: VariantSpec("with LRN", partial(_build, shape, seed, with_lrn=True)),
            WITHOUT_LRN: VariantSpec("without LRN", partial(_build, shape, seed, with_lrn=False)),
        },
        phases=(PhaseSpec(FORWARD, "Forward"), PhaseSpec(FORWARD_BACKWARD, "Forward-backward")),
        layers=tuple(LAYERS),
        least_memory_bytes=partial(_least_memory_bytes, batch_size, image_size),
        settings={"batch_size": batch_size, "seed": seed, "image_size": image_size},
        ablations=(AblationSpec("lrn", WITH_LRN, WITHOUT_LRN, kinds=("LRN",)),),
        published=(
            Published(WITH_LRN, FORWARD, 0.026, _CLASSIC),
            Published(WITHOUT_LRN, FORWARD, 0.007, _CLASSIC),
            Published(WITH_LRN, FORWARD_BACKWARD, 0.078, _CLASSIC),
            Published(WITHOUT_LRN, FORWARD_BACKWARD, 0.025, _CLASSIC),
        ),
    )


def _build(shape: tuple[int, ...], seed: int, *, with_lrn: bool) -> BuiltVariant:
    """Builds one variant into the default graph, for images of a shape."""
    import tensorflow as tf

    v1 = tf.compat.v1
    seeds = iter(range(seed, seed + 100))
    tensor: Any = v1.Variable(
        v1.random_normal(shape, stddev=0.1, dtype=tf.float32, seed=next(seeds)), name="images"
    )
    layers: list[Layer] = []
    parameters: list[tf.Variable] = []
    for name, layer in LAYERS.items():
        if layer == NORM and not with_lrn:
            continue
        if isinstance(layer, Convolution):
            tensor, weights = _convolution(tensor, name, layer, next(seeds))
            parameters += weights
        elif layer == POOL:
            window, strides = [1, 3, 3, 1], [1, 2, 2, 1]
            tensor = v1.nn.max_pool(tensor, window, strides, padding="VALID", name=name)
        else:
            with v1.name_scope(name):
                tensor = tf.nn.local_response_normalization(
                    tensor, depth_radius=4, bias=1.0, alpha=0.001 / 9.0, beta=0.75
                )
        layers.append(Layer(name, tuple(tensor.shape.as_list())))
    gradients = v1.gradients(v1.nn.l2_loss(tensor), parameters)
    return BuiltVariant(
        fetches={
            FORWARD: tensor,
            # Biases that were bypassed have none.
            FORWARD_BACKWARD: [gradient for gradient in gradients if gradient is not None],
        },
        layers=tuple(layers),
    )


def _convolution(
    tensor: Any, name: str, layer: Convolution, seed: int
) -> tuple[tf.Tensor, list[tf.Variable]]:
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.name_scope(name) as scope:
        shape = [layer.kernel, layer.kernel, int(tensor.shape[-1]), layer.channels]
        weights = v1.Variable(
            v1.truncated_normal(shape, dtype=tf.float32, stddev=0.1, seed=seed), name="weights"
        )
        biases = v1.Variable(tf.zeros([layer.channels], tf.float32), name="biases")
        stride = [1, layer.stride, layer.stride, 1]
        convolved = v1.nn.conv2d(tensor, weights, stride, padding="SAME")
        # The ReLU is named like the scope, as the classic script does: its op is "conv1".
        return v1.nn.relu(v1.nn.bias_add(convolved, biases), name=scope), [weights, biases]


def _least_memory_bytes(batch_size: int, image_size: int, phase: str) -> int:
    """The images, and what lives at once: a layer's input and output, or all outputs."""
    alive = [image_size**2 * 3, *_activations(image_size)]
    most = sum(alive) if phase == FORWARD_BACKWARD else max(a + b for a, b in pairwise(alive))
    return batch_size * most * _FLOAT_BYTES


def _activations(image_size: int) -> Iterator[int]:
    """Values that each layer hands on for one image, but for layers not in every variant."""
    size, channels = image_size, 3
    for layer in LAYERS.values():
        if isinstance(layer, Convolution):
            size, channels = -(-size // layer.stride), layer.channels
        elif layer == POOL:
            size = (size - 3) // 2 + 1
        if layer != NORM:
            yield size * size * channels
