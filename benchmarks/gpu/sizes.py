"""How large everything is: on a GPU, and on a CPU to test the script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes of all parts."""

    batches: tuple[int, ...]  # Batch sizes of AlexNet
    image_size: int  # Width and height of its images
    num_batches: int  # Timed steps of each variant and phase
    burn_in: int  # Warm-up steps before them, and before what is traced
    trace_steps: int  # Traced steps of AlexNet
    loop_batches: int  # Steps of each loop where AlexProf's is compared with the classic one
    batch: int  # Batch size of the traced programs
    width: int  # Their channels; layers have up to four times as many
    pixels: int  # Width and height of their images
    matrix: int  # Rows and columns of the products in loops that fetch nothing
    words: int  # Rows of the embedding
    steps: int  # Traced steps of each program
    session_steps: int  # Traced steps of the long session
    session_blocks: int  # Its blocks of convolution, ReLU and LRN
    tests: tuple[str, ...]  # What pytest runs


GPU = Sizes(
    batches=(32, 128, 512),
    image_size=224,
    num_batches=100,
    burn_in=10,
    trace_steps=10,
    loop_batches=100,
    batch=64,
    width=64,
    pixels=64,
    matrix=4096,
    words=200_000,
    steps=6,
    session_steps=400,
    session_blocks=24,
    tests=("tests",),
)
CPU = Sizes(
    batches=(2,),
    image_size=63,
    num_batches=10,
    burn_in=2,
    trace_steps=3,
    loop_batches=10,
    batch=4,
    width=4,
    pixels=16,
    matrix=64,
    words=500,
    steps=4,
    session_steps=10,
    session_blocks=2,
    tests=("tests/attribute/test_rounding.py", "tests/test_files.py"),
)
