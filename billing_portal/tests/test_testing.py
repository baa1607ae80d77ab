"""The tests' own tools do what they say."""

import threading

import pytest
from django.db import connection

from billing_portal.testing import at_once, wait_until


def test_at_once_gives_each_thread_a_connection_of_its_own(live_db):
    gate = threading.Barrier(4)

    def ask(number):
        gate.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        gate.wait(10)
        return number, pid

    outcomes = live_db(4, ask)
    assert [number for number, _ in outcomes.results] == [0, 1, 2, 3]
    assert len({pid for _, pid in outcomes.results}) == 4


def test_at_once_brings_exceptions_back():
    def fail(number):
        if number % 2:
            raise KeyError(number)
        return "fine"

    outcomes = at_once(4, fail)
    assert outcomes.count("fine") == 2
    assert outcomes.count(KeyError) == 2
    assert len(outcomes.errors) == 2


def test_wait_until_returns_what_came_and_gives_up_in_time():
    answers = iter([None, 0, "here"])
    assert wait_until(lambda: next(answers)) == "here"
    with pytest.raises(AssertionError, match="still not so"):
        wait_until(lambda: False, 0.05)
