import threading

import torch

from dfe_lib.io.machine import cpu_count
from dfe_lib.io.thread_pool import in_threads


def test_results_come_in_order_and_an_endless_source_is_read_a_little_ahead():
    taken = []

    def source():
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    results = in_threads(lambda number: (number, torch.get_num_threads(), threading.current_thread().name), source())
    first = [next(results) for _ in range(20)]
    results.close()
    assert [number for number, _, _ in first] == list(range(20)) and len(taken) <= 20 + 2 * cpu_count()
    assert {threads for _, threads, _ in first} == {1} and threading.current_thread().name not in {n for *_, n in first}
