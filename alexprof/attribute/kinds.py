"""Types of ops: what they are without their dressing, and what they are for."""

from __future__ import annotations

import re
from collections.abc import Callable

from alexprof.workload.vendor_prefixes import without_vendor

# Fusion, in front, behind the vendor: _MklNativeFusedConv2D, _FusedBatchNormEx.
_FUSED = re.compile(r"^Fused(?!BatchNorm)")
# Gradient and version, behind: Conv2DBackpropFilter, MaxPoolGradV2, FusedBatchNormGradV3.
_GRADIENT = re.compile(
    r"(?<!Grad)(?:Grad)+(?:WithArgmax)?(?:V\d+|Ex)?$|Backprop(?:Input|Filter)?(?:V\d+)?$"
)
_WITH_BIAS = re.compile(r"With(?:out)?Bias$")
_VERSION = re.compile(r"(?:V\d+|Ex)$")
_LONGEST = 256  # longer names are not types
_TRANSPOSED = re.compile(r"BackpropInput(?:V\d+)?$")


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
    whole = type_.rpartition(">")[2]  # custom ops: Addons>Resampler
    bare = without_vendor(whole)
    if whole.startswith("_"):
        bare = _FUSED.sub("", bare, count=1)
    bare = _WITH_BIAS.sub("", bare)
    return _VERSION.sub("", _GRADIENT.sub("", bare)) or type_


def is_gradient(type_: str, *, named: bool) -> bool:
    """Tells whether a type is a gradient wherever it stands.

    Not so `Conv2DBackpropInput` if the op has a name of its own, whose scope would tell that it
    belongs to the gradients: then it is taken for a transposed convolution.
    """
    return bool(_GRADIENT.search(type_)) and not (named and _TRANSPOSED.search(type_))


def _of_types(pattern: str) -> Callable[[str], bool]:
    types = re.compile(pattern)
    return lambda type_: len(type_) <= _LONGEST and bool(types.fullmatch(type_))


# What a type does: it applies gradients to a variable; gets or decodes examples; is where values
# enter or leave a function; moves values from device to device, or at all.
is_update = _of_types(r"(?:Resource)?(?:Sparse)?Apply[A-Z]\w*|ResourceScatter\w*Apply\w*")
is_input = _of_types(
    r"\w*Iterator\w*|\w*Dataset\w*|Optional(?:GetValue|HasValue|FromValue|None)"
    r"|Queue(?:Dequeue|Enqueue)\w*|Decode\w+|Parse(?:Single)?(?:Sequence)?Example\w*"
    r"|ReadFile|Reader\w+"
)
is_function_end = _of_types(r"_(?:Device)?(?:Arg|Retval)")
is_copy = _of_types(r"_?(?:Host)?(?:Send|Recv)")
is_plumbing = _of_types(
    r"_(?:Device)?(?:Arg|Retval)|_?(?:Host)?(?:Send|Recv)|_?NoOp|_SOURCE|_SINK|_EagerConst"
    r"|MakeTensorFromProto|Placeholder|ControlTrigger|RemoteCall|(?i:mem(?:cpy|set)\w*)"
)
