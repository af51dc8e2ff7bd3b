"""What a vendor's build calls an op does not change what the op is."""

from __future__ import annotations

import pytest

from alexprof.capture.executed import described


@pytest.mark.parametrize("vendor", ["", "_Mkl", "_MklNative", "_ITEX", "_Zen", "_OneDnn"])
def test_a_conversion_is_one_in_any_build(vendor: str) -> None:
    pytest.importorskip("tensorflow")
    from tensorboard.compat.proto.node_def_pb2 import NodeDef

    node = NodeDef(name="cast", op=f"{vendor}Cast")
    node.attr["SrcT"].type, node.attr["DstT"].type = 1, 14
    assert described([node])["cast"].converts == "1 to 14"
