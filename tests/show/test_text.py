"""Text in few cells: nothing too wide, nothing lost that could be kept apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from alexprof.show.text import clean, cut, cut_all, pad, wrap

WORDS = st.text(alphabet="ab層/_ …", max_size=60)


def test_the_middle_goes():
    assert cut("conv1", 5) == "conv1"
    assert cut("abcdefghij", 5) == "ab…ij"
    assert cut("abcdefghij", 6) == "ab…hij"
    assert cut("abc", 1) == "…"


def test_a_gradient_that_does_not_fit_loses_its_scope_first():
    name = "gradients/conv2/Conv2D_grad/Conv2DBackpropFilter"
    assert cut(name, 80) == name
    assert cut(name, 40) == "∇/conv2/Conv2D_grad/Conv2DBackpropFilter"
    assert cut(name, 21) == "∇/conv2/Co…propFilter"


def test_a_name_of_jax_that_does_not_fit_loses_its_function_first():
    assert cut("jit(step)/jvp(conv1)/conv_general_dilated", 41) == (
        "jit(step)/jvp(conv1)/conv_general_dilated"
    )
    assert cut("jit(step)/jvp(conv1)/conv_general_dilated", 40) == "…/conv1/conv_general_dilated"
    assert cut("jit(step)/transpose(jvp(conv1))/mul", 12) == "∇/conv1/mul"
    assert cut("jit(step)/transpose(jvp())/mul", 12) == "∇/mul"
    assert cut("jit(step)/jvp(a)/jit(relu)/max", 20) == "…/a/jit(relu)/max"
    assert cut("jit(train_step)/sgd/sub", 12) == "…/sgd/sub"


def test_different_names_stay_different():
    names = [f"layer_{number}/dense/MatMul" for number in range(10)]
    assert len(set(cut_all(names, 12))) == 10
    assert cut_all(["same/long/name", "same/long/name"], 8) == ["sam…name", "sam…name"]
    assert len(set(cut_all(["abXXXXXXcd", "ab…cd"], 5))) == 2


def test_what_most_names_begin_with_goes_first():
    names = [f"StatefulPartitionedCall/model/conv{number}/Conv2D" for number in range(9)]
    assert cut_all([*names, "idle"], 20)[:2] == ["…/conv0/Conv2D", "…/conv1/Conv2D"]
    assert cut_all([*names, "idle"], 50) == [*names, "idle"]
    assert cut_all(["idle", "a/long/name/of/one"], 10)[1] == "a/lo…f/one"


def test_what_tells_names_apart_is_kept_wherever_it_stands():
    names = ["a" * 10 + middle + "a" * 10 for middle in ("x", "y")]
    assert [("x" in short, "y" in short) for short in cut_all(names, 8)] == [
        (True, False),
        (False, True),
    ]
    tiles = [f"sm90_xmma_fprop_{'f32' * 20}_{tile}_g1_kernel__5x_cudnn" for tile in (64, 128)]
    small, large = cut_all(tiles, 16)
    assert "64" in small
    assert "128" in large


def test_names_that_no_place_tells_apart_get_numbers():
    names = ["ab" * 30 + end + "ab" * 30 for end in ("cd" * 9 + "e", "cd" * 9 + "f", "cde")]
    assert len(set(cut_all(names, 6))) == 3


LETTERS = st.text(alphabet="ab層:<(", min_size=1, max_size=40)


@given(st.lists(LETTERS, max_size=12, unique=True), st.integers(8, 30))
def test_a_cut_name_never_equals_another(names, width):
    shorts = cut_all(names, width)
    assert len(set(shorts)) == len(names)
    assert all(cell_len(short) <= width for short in shorts)


def test_a_kernel_loses_its_signature_then_its_namespaces():
    lrn = "void cudnn::detail::lrn_fw_Nd_kernel<float, float, true>(cudnnTensorStruct, float*)"
    assert cut(lrn, 100) == lrn
    assert cut(lrn, 40) == "cudnn::detail::lrn_fw_Nd_kernel"
    assert cut(lrn, 20) == "lrn_fw_Nd_kernel"
    nested = "void (anonymous namespace)::pad<Dim<(4)-(2)>, (Mode)0>::run<(int)3>(int, Dim<2>)"
    assert cut(nested, 20) == "pad::run"
    plain = "void reduce<Sum<int, float> >(int const*, int)"
    assert cut(plain, 20) == "reduce"
    mangled = "_ZN17cutlass__5x_cudnn6KernelINS_4conv6kernel23ImplicitGemmEE"
    assert cut(mangled, 30) == "cutlass__5x_cudnn::Kernel"
    library = "sm80_xmma_fprop_implicit_gemm_indexed_tf32f32_execute_kernel__5x_cudnn"
    assert cut(library, 50) == "sm80_xmma_fprop_implicit_gemm_indexed_tf32f32"
    assert cut(library, 16) == "sm80_xmma_fprop…"


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


def test_lines_break_at_spaces_and_not_at_no_break_spaces():
    assert wrap("takes 244\u00a0ms now", 10) == ["takes", "244\u00a0ms now"]
    assert wrap("one two", 9, "! ", "  ") == ["! one two"]
    assert wrap("one two", 8, "! ", "  ") == ["! one", "  two"]


def test_an_indent_wider_than_the_line_is_dropped():
    assert wrap("abcdef", 4, "", " " * 9) == ["abcd", "ef"]


def test_wide_characters_take_two_cells():
    assert pad("層", 4) == "層  "
    assert pad("層", 4, right=True) == "  層"
    assert cut("層層層層", 5) == "層…層"


def test_control_characters_cannot_reach_the_terminal():
    assert clean("a\x1b[31mb\nc\td\x00") == "a?[31mb c d?"
    assert clean("conv1 – ok\u00a0") == "conv1 – ok\u00a0"


def test_two_commands_keep_the_word_that_differs():
    command = "python -m train --data /a/long/path --batch-size {} --steps 100 --out /another/path"
    for width in (40, 60, 78):
        a, b = cut_all([command.format(2), command.format(4)], width)
        assert "2 --" in a
        assert "4 --" in b
