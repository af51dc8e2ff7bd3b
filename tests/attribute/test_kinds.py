from __future__ import annotations

from collections.abc import Callable

import pytest

from alexprof.attribute import kinds

KINDS = {
    "Conv2D": "Conv2D _FusedConv2D _MklConv2D _MklNativeFusedConv2D _MklFusedConv2D "
    "_MklNativeConv2DBackpropFilter Conv2DBackpropFilter Conv2DBackpropInput _ITEXFusedConv2D "
    "_OneDnnConv2D ITEXConv2D Conv2DBackpropInputV2",
    "Conv3D": "Conv3DBackpropFilterV2",
    "DepthwiseConv2dNative": "DepthwiseConv2dNative _FusedDepthwiseConv2dNative "
    "DepthwiseConv2dNativeBackpropInput",
    "LRN": "LRN LRNGrad _MklLRN _MklLRNGrad",
    "MaxPool": "MaxPool MaxPoolV2 MaxPoolGrad MaxPoolGradV2 MaxPoolGradGrad MaxPoolGradWithArgmax "
    "_MklNativeMaxPoolGrad",
    "Relu": "Relu ReluGrad",
    "Relu6": "Relu6Grad",
    "BiasAdd": "BiasAdd BiasAddGrad",
    "FusedBatchNorm": "FusedBatchNorm FusedBatchNormV3 FusedBatchNormGradV3 _FusedBatchNormEx "
    "_FusedBatchNormGradEx _MklNativeFusedBatchNormV3",
    "MatMul": "MatMul _FusedMatMul _MklFusedMatMul",
    "BatchMatMul": "BatchMatMulV2 BatchMatMulV3 _MklFusedBatchMatMulV2",
    "CudnnRNN": "CudnnRNNV3 CudnnRNNBackpropV3",
    "Add": "AddV2 Add",
    "Retval": "_Retval",
    "Arg": "_Arg",
    "HostSend": "_HostSend",
    "Swish": "_MklSwish",
    "ResourceApplyAdam": "ResourceApplyAdam",
    "ApplyGradientDescent": "ApplyGradientDescent",
    "Resampler": "Addons>Resampler Addons>ResamplerGrad",
    "Function": "__inference_step_66",
    "TensorListPushBack": "TensorListPushBack",
    "ReadVariableOp": "ReadVariableOp",
    "L2Loss": "L2Loss",
    "Grad": "Grad",
}


@pytest.mark.parametrize(
    ("type_", "kind"), [(type_, kind) for kind, types in KINDS.items() for type_ in types.split()]
)
def test_kind(type_, kind):
    assert kinds.kind(type_) == kind


def test_gradients_by_type():
    for type_ in ("ReluGrad", "LRNGrad", "Conv2DBackpropFilter", "CudnnRNNBackpropV3"):
        assert kinds.is_gradient(type_, named=True)
    assert not kinds.is_gradient("Conv2DBackpropInput", named=True)
    assert kinds.is_gradient("Conv2DBackpropInput", named=False)
    for type_ in ("Relu", "Conv2D", "ApplyGradientDescent"):
        assert not kinds.is_gradient(type_, named=False)


def matching(test: Callable[[str], bool], types: str) -> list[str]:
    return [type_ for type_ in types.split() if test(type_)]


def test_purposes():
    updates = "ApplyAdam ResourceApplyAdam SparseApplyFtrl ResourceSparseApplyAdagrad"
    assert matching(kinds.is_update, updates) == updates.split()
    inputs = (
        "IteratorGetNext IteratorGetNextAsOptional MultiDeviceIteratorGetNextFromShard MapDataset "
        "MakeIterator OptionalGetValue DecodeJpeg ParseExampleV2 ParseSequenceExample "
        "QueueDequeueV2"
    )
    assert matching(kinds.is_input, inputs) == inputs.split()
    plumbing = "_Retval _Arg _Send _Recv _HostSend Send NoOp MemcpyH2D Memset _EagerConst"
    assert matching(kinds.is_plumbing, plumbing) == plumbing.split()
    model = "Conv2D LRN MatMul Identity ReadVariableOp AssignVariableOp Sendable _FusedConv2D"
    for test in (kinds.is_update, kinds.is_input, kinds.is_plumbing, kinds.is_function_end):
        assert not matching(test, model)
