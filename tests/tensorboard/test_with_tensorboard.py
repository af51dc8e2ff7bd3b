"""With what a user has: TensorBoard's own data server, and a graph that TensorFlow ran."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tensorboard.examples import NAME, WITH
from tests.tensorboard.test_summaries import BOTH, write

RUN = f"{NAME}/{WITH}"
DEADLINE_S = 30


def eventually(holds: Callable[[], bool]) -> bool:
    end_s = time.monotonic() + DEADLINE_S
    while not holds():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


def steps_of(provider: Any, tag: str) -> list[int]:
    from tensorboard import context
    from tensorboard.data.provider import RunTagFilter

    scalars = provider.read_scalars(
        context.RequestContext(),
        experiment_id="",
        plugin_name="scalars",
        downsample=1000,
        run_tag_filter=RunTagFilter(runs=[RUN], tags=[tag]),
    )
    return [point.step for point in scalars.get(RUN, {}).get(tag, [])]


@contextmanager
def data_server(logdir: Path) -> Iterator[Any]:
    """The program that reads event files for TensorBoard unless one asks otherwise."""
    from tensorboard.data import server_ingester
    from tensorboard.util.grpc_util import ChannelCredsType

    try:
        binary = server_ingester.get_server_binary()
    except server_ingester.NoDataServerError as error:
        pytest.skip(str(error))
    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=binary,
        logdir=str(logdir),
        reload_interval=1,
        channel_creds_type=ChannelCredsType.LOCAL,
    )
    ingester.start()
    try:
        yield ingester.data_provider
    finally:
        ingester._stdin_handle.close()  # the server ends with it


@pytest.mark.slow
def test_a_tensorboard_that_is_open_sees_the_new_file_in_place_of_the_old(tmp_path: Path) -> None:
    write(tmp_path)
    with data_server(tmp_path) as provider:
        assert eventually(lambda: len(steps_of(provider, "forward/step_time_ms")) == 20)

        write(tmp_path, timed=BOTH)
        assert eventually(lambda: steps_of(provider, "train/step_time_ms") == list(range(30)))
        assert steps_of(provider, "forward/step_time_ms") == list(range(20))
        assert steps_of(provider, "forward/mean_ms") == list(range(2, 21, 2))


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["forward", "forward_backward"])
def test_run_metadata_gives_its_time_to_nodes_of_the_graph(phase: str) -> None:
    import tensorflow as tf
    from tensorboard.compat.proto.config_pb2 import RunMetadata

    from alexprof.capture.executed import executed_ops
    from alexprof.capture.runtime import session_config
    from alexprof.capture.target import SessionTarget
    from alexprof.workload.alexnet import alexnet

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        built = alexnet(batch_size=2, image_size=63).variants["with_lrn"].build()
        with v1.Session(config=session_config("cpu")) as session:
            session.run(v1.global_variables_initializer())
            executed = executed_ops(SessionTarget(session, built.fetches[phase]), "a test")
    nodes = {node.name for node in graph.as_graph_def().node}
    spent = {True: 0, False: 0}
    for device in RunMetadata.FromString(executed.run_metadata).step_stats.dev_stats:
        for stats in device.node_stats:
            spent[stats.node_name in nodes] += stats.all_end_rel_micros
    assert spent[True] > 10 * spent[False] > 0
