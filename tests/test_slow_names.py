"""Reading a name takes time proportional to its length: no pattern backtracks."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import pytest

from alexprof.attribute import kinds, names
from alexprof.attribute.kernels import uses_tensor_cores
from alexprof.attribute.symbols import kernel_op, split_op
from alexprof.plain_text import clean
from alexprof.show.text import cut, cut_all
from benchmarks.stress import hostile

PASSES = 800
"""The limit for a name, in passes over its characters; most names take less than a hundred. A
pattern that backtracks from each character takes thousands."""
LENGTHS = (names.LONGEST_NAME, 10_000)
NESTED = "jvp(" * 100
SHAPES = {
    **hostile.NAMES,
    "nested": f"jit(f)/{NESTED}{'x/' * 1_700}x" + ")" * 100,
    "pairs": "jit(f)/" + "()" * 20_000,
    "gradients of types": "Grad" * 10_000 + ">",
    "updates": "ResourceScatter" + "Apply" * 8_000 + ">",
    "iterators": "Iterator" * 5_000 + ">",
    "datasets": "Dataset" * 5_000 + ">",
    "types": "a:A;" * 10_000 + "\n",
    "ends": "_arg_a" + "_1" * 20_000 + "x",
    "optimizers": "a" + "-1-" * 15_000 + "Optimizer/",
    "executes": "sm80_a" + "_execute_a" * 4_000,
    "library": "sm80_a" + "_execute_a_kernel__" * 2_000 + "-",
    "template": "a" + "<" * 20_000 + ">" * 20_000 + "()",
    "signature": "a<" + "()" * 20_000 + "x",
    "mangled": "_ZN" + "3abc" * 10_000,
}
FUNCTIONS: dict[str, Callable[[str], object]] = {
    "parse": names.parse,
    "kind": kinds.kind,
    "gradient": lambda name: kinds.is_gradient(name, named=True),
    "update": kinds.is_update,
    "input": kinds.is_input,
    "plumbing": kinds.is_plumbing,
    "op": split_op,
    "kernel's op": kernel_op,
    "Tensor Cores": uses_tensor_cores.__wrapped__,
    "clean": clean,
    "cut": lambda name: cut(clean(name), 40),
    "cut all": lambda name: cut_all([clean(name), clean(f"{name}x")], 40),
}


def cost_s(function: Callable[[str], object], name: str) -> float:
    """Processor time, which other programs don't affect."""
    begin_s = time.process_time()
    function(name)
    return time.process_time() - begin_s


def pass_over(name: str) -> None:
    for _ in name:
        pass


def shaped(shape: str, length: int) -> str:
    """A name of a shape, cut in the middle, since patterns look at both ends."""
    whole = SHAPES[shape]
    return whole if len(whole) <= length else whole[: length // 2] + whole[-(length // 2) :]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_time_is_proportional_to_the_length_of_a_name(function):
    slow = {}
    for shape, length in product(SHAPES, LENGTHS):
        name = shaped(shape, length)
        passes = (cost_s(FUNCTIONS[function], name) / cost_s(pass_over, name) for _ in range(5))
        if not any(times < PASSES for times in passes):
            slow[shape, length] = "slow"
    assert slow == {}
