"""Text in few cells: nothing too wide, nothing lost that could be kept apart."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from alexprof.plain_text import clean
from alexprof.show import text as text_module
from alexprof.show.text import cut, cut_all, pad, wrap

WORDS = st.text(alphabet="ab層/_ …", max_size=60)


GRADIENT = "gradients/conv2/Conv2D_grad/Conv2DBackpropFilter"
JAX = "jit(step)/jvp(conv1)/conv_general_dilated"
KERNEL = "void cudnn::detail::lrn_fw_Nd_kernel<float, float, true>(cudnnTensorStruct, float*)"
NESTED = "void (anonymous namespace)::pad<Dim<(4)-(2)>, (Mode)0>::run<(int)3>(int, Dim<2>)"
MANGLED = "_ZN17cutlass__5x_cudnn6KernelINS_4conv6kernel23ImplicitGemmEE"
LIBRARY = "sm80_xmma_fprop_implicit_gemm_indexed_tf32f32_execute_kernel__5x_cudnn"


@pytest.mark.parametrize(
    ("name", "width", "short"),
    [
        # The middle goes.
        ("conv1", 5, "conv1"),
        ("abcdefghij", 5, "ab…ij"),
        ("abcdefghij", 6, "ab…hij"),
        ("abc", 1, "…"),
        ("層層層層", 5, "層…層"),
        # A gradient loses its scope first, a name of JAX its function.
        (GRADIENT, 80, GRADIENT),
        (GRADIENT, 40, "∇/conv2/Conv2D_grad/Conv2DBackpropFilter"),
        (GRADIENT, 21, "∇/conv2/Co…propFilter"),
        (JAX, 41, JAX),
        (JAX, 40, "…/conv1/conv_general_dilated"),
        ("jit(step)/transpose(jvp(conv1))/mul", 12, "∇/conv1/mul"),
        ("jit(step)/transpose(jvp())/mul", 12, "∇/mul"),
        ("jit(step)/jvp(a)/jit(relu)/max", 20, "…/a/jit(relu)/max"),
        ("jit(train_step)/sgd/sub", 12, "…/sgd/sub"),
        # A kernel loses its signature, then its namespaces.
        (KERNEL, 100, KERNEL),
        (KERNEL, 40, "cudnn::detail::lrn_fw_Nd_kernel"),
        (KERNEL, 20, "lrn_fw_Nd_kernel"),
        (NESTED, 20, "pad::run"),
        ("void reduce<Sum<int, float> >(int const*, int)", 20, "reduce"),
        (MANGLED, 30, "cutlass__5x_cudnn::Kernel"),
        (LIBRARY, 50, "sm80_xmma_fprop_implicit_gemm_indexed_tf32f32"),
        (LIBRARY, 16, "sm80_xmma_fprop…"),
    ],
)
def test_a_name_that_does_not_fit(name, width, short):
    assert cut(name, width) == short


def test_what_most_names_begin_with_goes_first():
    names = [f"StatefulPartitionedCall/model/conv{number}/Conv2D" for number in range(9)]
    assert cut_all([*names, "idle"], 20)[:2] == ["…/conv0/Conv2D", "…/conv1/Conv2D"]
    assert cut_all([*names, "idle"], 50) == [*names, "idle"]
    assert cut_all(["same/long/name", "same/long/name"], 8) == ["sam…name", "sam…name"]
    assert cut_all(["idle", "a/long/name/of/one"], 10)[1] == "a/lo…f/one"


COMMAND = "python -m train --data /a/long/path --batch-size {} --steps 100 --out /another/path"


@pytest.mark.parametrize(
    ("name", "differing", "width"),
    [
        ("a" * 10 + "{}" + "a" * 10, ("x", "y"), 8),
        (f"sm90_xmma_fprop_{'f32' * 20}_{{}}_g1_kernel__5x_cudnn", ("64", "128"), 16),
        *((COMMAND, ("2 --", "4 --"), width) for width in (40, 60, 78)),
    ],
)
def test_what_tells_names_apart_is_kept_wherever_it_stands(name, differing, width):
    shorts = cut_all([name.format(part) for part in differing], width)
    assert [[part in short for part in differing] for short in shorts] == [
        [True, False],
        [False, True],
    ]


def test_names_that_no_place_tells_apart_get_numbers():
    names = ["ab" * 30 + end + "ab" * 30 for end in ("cd" * 9 + "e", "cd" * 9 + "f", "cde")]
    assert len(set(cut_all(names, 6))) == 3


@pytest.mark.parametrize(
    "name",
    [
        lambda place: f"m/block_{place // 9}/layer_{place % 9}/a_long_scope_of_this_op/Conv2D",
        lambda place: "ab" * 30 + "cd" * (place % 90) + "e" * (place // 90) + "ab" * 30,
        lambda place: ("-" * 40).join(reversed(f"{place:013b}")),
    ],
)
def test_many_names_that_look_alike_are_cut_in_linear_time(name, monkeypatch):
    counts: Counter[int] = Counter()

    def counted(function):
        def call(*args):
            counts[size] += 1
            return function(*args)

        return call

    monkeypatch.setattr(text_module, "_head", counted(text_module._head))
    monkeypatch.setattr(text_module, "cut", counted(text_module.cut))
    for size in (300, 1200):
        assert len(set(cut_all([name(place) for place in range(size)], 12))) == size
    assert counts[1200] < 6 * counts[300]


LETTERS = st.text(alphabet="ab層:<(…", min_size=1, max_size=40)


@given(st.lists(LETTERS, max_size=12, unique=True), st.integers(8, 30))
def test_a_cut_name_never_equals_another(names, width):
    shorts = cut_all(names, width)
    assert len(set(shorts)) == len(names)
    assert all(cell_len(short) <= width for short in shorts)


@pytest.mark.parametrize("name", ["MemcpyD2H", "Memset 3", "_ZN", "loop_add_fusion(", "a<b>>c>(d)"])
def test_what_is_no_signature_is_cut_like_any_name(name):
    assert cell_len(cut(name, 6)) <= 6
    assert cut(name, 40) == name


@given(st.lists(WORDS, max_size=6), st.integers(0, 30))
def test_cut_names_fit(names, width):
    assert all(cell_len(short) <= width for short in cut_all(names, width))


@given(WORDS, st.integers(4, 30), st.sampled_from(["", "! ", "  ! "]))
def test_wrapped_lines_fit_and_hold_every_character(text, width, first):
    if width <= len(first) + 2:
        return
    lines = wrap(text, width, first, " " * len(first))
    assert all(cell_len(line) <= width for line in lines)
    joined = "".join(line[len(first) :] for line in lines)
    assert re.sub(" ", "", joined) == re.sub(" ", "", text)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("takes 244\u00a0ms now", 10), ["takes", "244\u00a0ms now"]),
        (("one two", 9, "! ", "  "), ["! one two"]),
        (("one two", 8, "! ", "  "), ["! one", "  two"]),
        # An indent wider than the line is dropped.
        (("abcdef", 4, "", " " * 9), ["abcd", "ef"]),
    ],
)
def test_lines_break_at_spaces_and_not_at_no_break_spaces(arguments, lines):
    assert wrap(*arguments) == lines


def test_wide_characters_take_two_cells():
    assert pad("層", 4) == "層  "
    assert pad("層", 4, right=True) == "  層"


def test_control_characters_cannot_reach_the_terminal():
    assert clean("a\x1b[31mb\nc\td\x00") == "a?[31mb c d?"
    assert clean("conv1 – ok\u00a0") == "conv1 – ok\u00a0"
