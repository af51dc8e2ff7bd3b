"""Kernels of a command buffer, matched to the instructions that launched them."""

from __future__ import annotations

import pytest

from alexprof.attribute.xla import match_kernels

SCHEDULE = [
    ("p.1", "parameter"),
    ("loop_add_fusion", "fusion"),
    ("custom-call.0", "custom-call"),
    ("get-tuple-element.1", "get-tuple-element"),
    ("loop_tanh_fusion", "fusion"),
    ("custom-call.1", "custom-call"),
    ("loop_tanh_fusion.1", "fusion"),
    ("input_reduce_fusion.2", "fusion"),
]


@pytest.mark.parametrize(
    ("kernels", "instructions"),
    [
        pytest.param(
            ["loop_add_fusion", "gemm_a", "loop_tanh_fusion", "gemm_b", "loop_tanh_fusion_1"],
            ["loop_add_fusion", "custom-call.0", "loop_tanh_fusion", "custom-call.1",
             "loop_tanh_fusion.1"],
            id="one for one",
        ),
        pytest.param(
            ["loop_add_fusion", "gemm", "loop_tanh_fusion", "gemm", "loop_tanh_fusion"],
            ["loop_add_fusion", "custom-call.0", "loop_tanh_fusion", "custom-call.1",
             "loop_tanh_fusion.1"],
            id="a kernel that two fusions share",
        ),
        pytest.param(
            ["loop_add_fusion", "split_k", "reduce_k", "loop_tanh_fusion"],
            ["loop_add_fusion", "custom-call.0", "custom-call.0", "loop_tanh_fusion"],
            id="a call that launches two kernels",
        ),
        pytest.param(
            ["gemm", "loop_tanh_fusion_1", "input_reduce_fusion_2"],
            ["custom-call.1", "loop_tanh_fusion.1", "input_reduce_fusion.2"],
            id="the end of the schedule, with the nearest call before it",
        ),
        pytest.param(["x", "y", "z"], ["", "", ""], id="more kernels than calls"),
        pytest.param([], [], id="nothing"),
    ],
)  # fmt: skip
def test_kernels_and_their_instructions(kernels, instructions):
    assert list(match_kernels(kernels, SCHEDULE)) == instructions


def test_without_a_schedule_nothing_is_known():
    assert match_kernels(["a", "b"], []) == ("", "")
