"""A message is cut down to the reason, without the place of the error."""

from __future__ import annotations

import pytest

from alexprof.capture.failures import MOST_LETTERS, first_line, reason
from alexprof.errors import CaptureError

FUNCTION = """Graph execution error:

Detected at node Reshape defined at (most recent call last):
  File "train.py", line 29, in <module>

  File "train.py", line 28, in step
    return tf.reshape(images, shape)
           ^^^^^^^^^^^^^^^^^^^^^^^^^

Input to reshape is a tensor with 6 values, but the requested shape has 20
\t [[{{node Reshape}}]] [Op:__inference_f_13]"""
GRAPH = """Graph execution error:

Detected at node 'r' defined at (most recent call last):
    File "train.py", line 32, in <module>
Node: 'r'
assertion failed: [mine] [Condition x < y did not hold]
\t [[{{node r}}]]

Original stack trace for 'r':
  File "train.py", line 32, in <module>
"""
GENERATOR = """{{function_node __wrapped__IteratorGetNext_device_CPU:0}} ValueError: invalid literal
Traceback (most recent call last):

  File "train.py", line 78, in np_asarray
    return np.asarray(values)
"""
LAYER = """Exception encountered when calling layer 'dense' (type Dense).

Matrix size-incompatible: In[0]: [1,2]"""


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (FUNCTION, "Input to reshape is a tensor with 6 values, but the requested shape has 20"),
        (GRAPH, "assertion failed: [mine] [Condition x < y did not hold]"),
        (GENERATOR, "ValueError: invalid literal"),
        (LAYER, "Matrix size-incompatible: In[0]: [1,2]"),
        ("Graph execution error:\n\n2 root error(s) found.\n  (0) bad", "(0) bad"),
        ("Graph execution error:\n\n", "RuntimeError"),
        ("", "RuntimeError"),
    ],
)
def test_the_line_that_says_why_is_kept(message: str, line: str) -> None:
    assert first_line(RuntimeError(message)) == line
    assert reason(RuntimeError(message)) == (
        line if line == "RuntimeError" else f"RuntimeError: {line}"
    )


def test_a_long_line_keeps_both_ends() -> None:
    line = first_line(RuntimeError(f"It began {'on and ' * 99}and the disk was full"))
    assert len(line) == MOST_LETTERS
    assert line.startswith("It began on")
    assert line.endswith("and the disk was full")


def test_our_own_errors_keep_the_text_of_other_software() -> None:
    assert reason(CaptureError("a sentence", text="out of disk")) == "out of disk"
    error = CaptureError("a sentence")
    error.__cause__ = ValueError("why")
    assert reason(error) == "why"
