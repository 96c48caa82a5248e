"""A test of lab_images.py: the lab's images are those of the course."""

from tools import lab_images


def test_the_module_is_what_the_tool_writes():
    # The digits themselves are compared in tests/lab/test_training.py.
    assert lab_images.TARGET.read_text(encoding="utf-8") == lab_images.module()
