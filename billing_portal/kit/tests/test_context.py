"""What is bound is seen by everyone below, and is gone or put back afterwards."""

import threading

import pytest

from billing_portal.kit import context


@pytest.fixture(autouse=True)
def nothing_bound():
    with context.bind(request_id=None, tenant_id=None, actor_label=None):
        yield


def test_what_is_bound_is_current_until_the_end_of_the_block():
    with context.bind(request_id="r-1", tenant_id=7):
        with context.bind(tenant_id=8, actor_label="ada@example.com"):
            assert context.current() == {"request_id": "r-1", "tenant_id": "8", "actor_label": "ada@example.com"}
        assert context.current() == {"request_id": "r-1", "tenant_id": "7"}
    assert context.current() == {}


def test_without_a_block_it_stays():
    bound = context.bind(request_id="r-2")
    assert context.current() == {"request_id": "r-2"}
    bound.undo()
    bound.undo()
    assert context.current() == {}


def test_an_unknown_name_is_an_error():
    with pytest.raises(KeyError):
        context.bind(tenant="acme")


def test_threads_do_not_see_each_other():
    seen = []
    with context.bind(request_id="r-3"):
        thread = threading.Thread(target=lambda: seen.append(context.current()))
        thread.start()
        thread.join()
    assert seen == [{}]


def test_there_is_always_a_request_id():
    made = context.ensure_request_id()
    assert made and context.ensure_request_id() == made
