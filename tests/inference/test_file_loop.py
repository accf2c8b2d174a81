"""Reading ahead and batches: order, how much waits in memory, errors in the middle."""

import pytest

from seglab.errors import SeglabError
from seglab.inference.file_loop import ahead, batches


def test_few_items_wait_in_memory():
    read: list[int] = []
    items = ahead(lambda index: read.append(index) or index, count=100, threads=3)
    assert next(items) == 0
    assert max(read) <= 3
    assert list(items) == list(range(1, 100))


def test_nothing_is_read_after_the_consumer_has_stopped():
    read: list[int] = []
    items = ahead(lambda index: read.append(index) or index, count=100, threads=1)
    next(items)
    items.close()
    assert max(read) <= 1


def test_batches_keep_order_and_the_last_is_shorter():
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches(range(6), 3)) == [[0, 1, 2], [3, 4, 5]]
    assert list(batches([], 3)) == []


def test_no_item_is_taken_before_the_batch_ahead_of_it_is_used():
    taken: list[int] = []
    found = batches((taken.append(index) or index for index in range(100)), 4)
    next(found)
    assert taken == [0, 1, 2, 3]


def test_items_before_an_error_are_given_out_first():
    def items():
        yield from range(4)
        raise SeglabError("cut off")

    found = batches(items(), 3)
    assert [next(found), next(found)] == [[0, 1, 2], [3]]
    with pytest.raises(SeglabError, match="cut off"):
        next(found)
