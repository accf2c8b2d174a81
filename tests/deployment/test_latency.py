"""Times of an exported network: medians, with the spread and the device."""

import torch

from seglab.deployment.latency import latency_sheet, measure, thread_counts


def test_a_call_is_timed_with_its_threads_and_warmed_up():
    shapes, threads = [], []

    def call(images):
        shapes.append(images.shape)
        threads.append(torch.get_num_threads())

    before = torch.get_num_threads()
    one = measure("torch", call, shape=(8, 4, 6, 3), threads=2, device="a CPU", repetitions=5)
    assert shapes == [(8, 4, 6, 3)] * 7
    assert set(threads) == {2}
    assert torch.get_num_threads() == before
    assert 0 < one.shortest <= one.milliseconds <= one.longest
    assert one.images_per_second == 8000 / one.milliseconds
    sheet = latency_sheet([one], caption="x")
    assert [cell.text for cell in sheet.rows[0][:3]] == ["torch", "8", "2"]
    assert "a CPU" in sheet.notes[0]


def test_there_is_one_thread_at_least():
    assert thread_counts()[0] == 1
