"""Types of ops: what they are without their dressing, and what they are for."""

from __future__ import annotations

import re

from alexprof.workload.op_types import without_vendor

# Fusion, in front, behind the vendor: _MklNativeFusedConv2D, _FusedBatchNormEx.
_FUSED = re.compile(r"^Fused(?!BatchNorm)")
# Gradient and version, behind: Conv2DBackpropFilter, MaxPoolGradV2, FusedBatchNormGradV3.
_GRADIENT = re.compile(r"(?:Grad)+(?:WithArgmax)?(?:V\d+|Ex)?$|Backprop(?:Input|Filter)?(?:V\d+)?$")
_WITH_BIAS = re.compile(r"With(?:out)?Bias$")
_VERSION = re.compile(r"(?:V\d+|Ex)$")
_TRANSPOSED = re.compile(r"BackpropInput(?:V\d+)?$")

_UPDATE = re.compile(r"(?:Resource)?(?:Sparse)?Apply[A-Z]\w*|ResourceScatter\w*Apply\w*")
_INPUT = re.compile(
    r"\w*Iterator\w*|\w*Dataset\w*|Optional(?:GetValue|HasValue|FromValue|None)"
    r"|Queue(?:Dequeue|Enqueue)\w*|Decode\w+|Parse(?:Single)?(?:Sequence)?Example\w*"
    r"|ReadFile|Reader\w+"
)
_FUNCTION_ENDS = frozenset({"_Arg", "_Retval", "_DeviceArg", "_DeviceRetval"})
_COPY = re.compile(r"_?(?:Host)?(?:Send|Recv)")
_PLUMBING = re.compile(
    r"_?(?:Host)?(?:Send|Recv)|_?NoOp|_SOURCE|_SINK|_EagerConst|MakeTensorFromProto|Placeholder"
    r"|ControlTrigger|RemoteCall|(?i:mem(?:cpy|set)\w*)"
)


def kind(type_: str) -> str:
    """Returns a type without vendor, fusion, gradient and version.

    Examples:
        _MklNativeFusedConv2D, Conv2DBackpropFilter         Conv2D
        FusedBatchNormGradV3, _FusedBatchNormEx             FusedBatchNorm
        LRNGrad                                             LRN
        __inference_step_66 (a function compiled whole)     Function
    """
    if type_.startswith("__"):
        return "Function"
    bare = type_.rpartition(">")[2]  # custom ops: Addons>Resampler
    if bare.startswith("_"):
        bare = _FUSED.sub("", without_vendor(bare), count=1)
    bare = _WITH_BIAS.sub("", bare)
    without = _VERSION.sub("", _GRADIENT.sub("", bare))
    return without or type_


def is_gradient(type_: str, *, named: bool) -> bool:
    """Tells whether a type is a gradient wherever it stands.

    Not so `Conv2DBackpropInput` if the op has a name of its own, whose scope would tell that it
    belongs to the gradients: then it is taken for a transposed convolution.
    """
    return bool(_GRADIENT.search(type_)) and not (named and _TRANSPOSED.search(type_))


def is_update(type_: str) -> bool:
    """Tells whether a type applies gradients to a variable."""
    return bool(_UPDATE.fullmatch(type_))


def is_input(type_: str) -> bool:
    """Tells whether a type gets or decodes examples."""
    return bool(_INPUT.fullmatch(type_))


def is_function_end(type_: str) -> bool:
    """Tells whether a type is where values enter or leave a function."""
    return type_ in _FUNCTION_ENDS


def is_copy(type_: str) -> bool:
    """Tells whether a type moves values from device to device."""
    return bool(_COPY.fullmatch(type_))


def is_plumbing(type_: str) -> bool:
    """Tells whether a type only moves values about: sends, receives, copies, ends of functions."""
    return is_function_end(type_) or bool(_PLUMBING.fullmatch(type_))
