"""Kernels of a command buffer, matched to the instructions that launched them."""

from __future__ import annotations

import pytest

from alexprof.attribute.xla import Schedule, match_kernels

SCHEDULE = [
    ("p.1", "parameter"),
    ("loop_add", "fusion"),
    ("call.0", "custom-call"),
    ("get-tuple-element.1", "get-tuple-element"),
    ("loop_tanh", "fusion"),
    ("call.1", "custom-call"),
    ("loop_tanh.1", "fusion"),
    ("input_reduce.2", "fusion"),
]


@pytest.mark.parametrize(
    ("kernels", "instructions"),
    [
        pytest.param(
            "loop_add gemm_a loop_tanh gemm_b loop_tanh_1",
            "loop_add call.0 loop_tanh call.1 loop_tanh.1",
            id="one for one",
        ),
        pytest.param(
            "loop_add gemm loop_tanh gemm loop_tanh",
            "loop_add call.0 loop_tanh call.1 loop_tanh.1",
            id="a kernel that two fusions share",
        ),
        pytest.param(
            "loop_add split_k reduce_k loop_tanh",
            "loop_add call.0 call.0 loop_tanh",
            id="a call that launches two kernels",
        ),
        pytest.param(
            "gemm loop_tanh_1 input_reduce_2",
            "call.1 loop_tanh.1 input_reduce.2",
            id="the end of the schedule, with the nearest call before it",
        ),
        pytest.param("", "", id="nothing"),
    ],
)
def test_kernels_and_their_instructions(kernels, instructions):
    assert list(match_kernels(kernels.split(), Schedule(SCHEDULE))) == instructions.split()


@pytest.mark.parametrize("schedule", [[], SCHEDULE], ids=["no schedule", "more than its calls"])
def test_what_is_launched_by_nothing_known(schedule):
    assert match_kernels(["x", "y", "z"], Schedule(schedule)) == ("", "", "")
