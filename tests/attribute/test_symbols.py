from __future__ import annotations

import pytest

from alexprof.attribute.symbols import OpNumbers, is_eager, kernel_op, split_op, type_in


@pytest.mark.parametrize(
    ("text", "name", "type_"),
    [
        ("conv1:_FusedConv2D", "conv1", "_FusedConv2D"),
        ("conv1/Conv2D/ReadVariableOp_1:ReadVariableOp", "conv1/Conv2D/ReadVariableOp_1", None),
        ("_retval_gradients/conv5/BiasAdd_grad/BiasAddGrad_0_8:_Retval", None, "_Retval"),
        ("__inference_step_66:__inference_step_66", "__inference_step_66", "__inference_step_66"),
        ("aug/Addons>Resampler:Addons>Resampler", "aug/Addons>Resampler", "Addons>Resampler"),
        ("a.b-c/d:MatMul", "a.b-c/d", "MatMul"),
        ("tower:0/conv1:Conv2D", "tower:0/conv1", "Conv2D"),
        ("conv1:Conv2D;relu1", "conv1", "Conv2D"),
        ("conv1:Conv2D#shape=(float[1,2])#", "conv1", "Conv2D"),
        ("conv1:Conv2D ", "conv1", "Conv2D"),
        ("EagerLocalExecute: MatMul", "MatMul", "MatMul"),
        ("EagerLocalExecute: _EagerConst", "_EagerConst", "_EagerConst"),
    ],
)
def test_names_of_ops(text, name, type_):
    found = split_op(text)
    assert found is not None
    assert name in (None, found[0])
    assert type_ in (None, found[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "conv1",
        "conv1:",
        ":Conv2D",
        "forward",
        "SessionRun",
        "ParallelFor",
        "ThreadpoolListener::StartRegion",
        "ExecutorState::Process Scheduled",
        "PropagateOutputs::NextIteration::CreateIterationState",
        "Iterator::Root::Prefetch::ForeverRepeat[0]::Prefetch::MapAndBatch",
        "TensorHandle::GetResourceHandleInfo WaitReady",
        "tpu::System::TransferToDevice=>IssueEvent=>Done",
        "RemoteCall: Instantiate: __inference_init_func_309 on /job:worker/device:CPU:0",
        "EagerLocalExecute: __inference_step_66",
        "$util.py:296 wrapper",
        "end: Conv2D.1",
        "conv1:0",
        "jit(f)/dot_general:dot_general[precision=None]",
        "void Eigen::internal::EigenMetaKernel<Eigen::GpuDevice, long>(long)",
    ],
)
def test_names_of_other_things(text):
    assert split_op(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv1:Conv2D", ("conv1", "Conv2D")),
        (
            "RemoteCall_7:RemoteCall#shape=(string[])#::#edge_name=arg_1#",
            ("RemoteCall_7", "RemoteCall"),
        ),
        ("conv1:Conv2D::Conv2D:inner", ("conv1", "Conv2D")),
        ("MakeTensorFromProto", ("MakeTensorFromProto", "MakeTensorFromProto")),
        ("model/dense/MatMul_1:", ("model/dense/MatMul_1", "MatMul")),
        ("XlaModule:", None),
        ("", None),
    ],
)
def test_what_a_kernel_says(text, expected):
    assert kernel_op(text) == expected


def test_a_type_from_a_name():
    assert type_in("model/MatMul_1") == "MatMul"
    assert type_in("jit_f/loop_add_fusion.3") == "loop_add_fusion"


def test_only_ops_count_as_eager():
    assert is_eager("EagerLocalExecute: MatMul")
    assert not is_eager("EagerLocalExecute: __inference_step_66")
    assert not is_eager("conv1:Conv2D")


def test_numbers():
    numbers = OpNumbers()
    assert [numbers.of(op) for op in (("a", "A"), ("a", "B"), None, ("a", "A"))] == [0, 1, -1, 0]
    assert tuple(numbers) == (("a", "A"), ("a", "B"))
