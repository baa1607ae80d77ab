"""Answers with a secret: what of them is stored, what a replay is, and answers of which nothing is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from rest_framework.response import Response

from billing_portal.kit.errors import BadInput, PaymentFailed, Unavailable
from billing_portal.kit.models import IdempotencyRecord
from billing_portal.kit.tests.door import answering, door, post, raising
from billing_portal.kit.tests.door import portal as portal
from billing_portal.testing import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("portal")]

SECRET = 'pi_1_secret_"quoted" é'


def with_secret(status: int = 201) -> Callable[[Any], Any]:
    return lambda request: Response({"id": "p", "clientSecret": SECRET, "note": "schön", "inner": [1.5]}, status=status)


@pytest.mark.parametrize("act", [with_secret(), raising(PaymentFailed(payment_id="p", client_secret=SECRET))])
def test_a_secret_is_not_stored_and_is_read_again_for_a_replay(act):
    seen = []

    def refresh(request, body):
        seen.append(body["clientSecret"])
        return {**body, "clientSecret": SECRET}

    door.act, door.refresh = act, refresh
    first, again = post(url="/api/secret"), post(url="/api/secret")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Content-Type"] == first["Content-Type"]
    assert again["Idempotent-Replayed"] == "true"
    assert json.loads(again.content)["clientSecret"] == SECRET
    assert "pi_1_secret" not in IdempotencyRecord.objects.get().body
    assert seen == [None]


def test_an_answer_without_a_secret_asks_for_none():
    def refresh(request, body):
        raise ZeroDivisionError

    door.refresh = refresh
    door.act = lambda request: Response({"clientSecret": None, "text": 'say "clientSecret":"x"'}, status=201)
    first, again = post(url="/api/secret"), post(url="/api/secret")
    assert (again.status_code, again.content) == (201, first.content)


def test_a_secret_that_can_not_be_read_now_leaves_the_answer_as_it_is_stored():
    def refuse(request, body):
        raise Unavailable

    door.act, door.refresh = with_secret(), refuse
    first = post(url="/api/secret")
    assert post(url="/api/secret").status_code == 503
    door.refresh = lambda request, body: {**body, "clientSecret": SECRET}
    assert post(url="/api/secret").content == first.content


def test_a_secret_that_nobody_reads_again_is_stored_nowhere_either():
    door.act = with_secret()
    post()
    assert json.loads(post().content) == {"id": "p", "clientSecret": None, "note": "schön", "inner": [1.5]}
    assert "pi_1_secret" not in IdempotencyRecord.objects.get().body


def test_a_replay_that_waits_for_its_secret_holds_up_nobody():
    reading, go_on = threading.Event(), threading.Event()

    def refresh(request, body):
        if not reading.is_set():
            reading.set()
            go_on.wait(20)
        return {**body, "clientSecret": SECRET}

    door.act, door.refresh = with_secret(), refresh
    first = post(url="/api/secret")
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.extend(at_once(1, partial(post, url="/api/secret"))))
    thread.start()
    assert reading.wait(20)
    assert post(url="/api/secret").content == first.content
    go_on.set()
    thread.join(20)
    assert answers[0].content == first.content


def test_an_answer_that_is_not_kept_is_given_by_running_again():
    door.act = answering(201)
    assert [json.loads(post(url="/api/unkept").content) for _ in range(2)] == [{"run": 1}, {"run": 2}]
    assert door.keys == ["k-1", "k-1"]
    record = IdempotencyRecord.objects.get()
    assert (record.body, record.status_code, record.completed_at) == (None, None, None)
    assert post(url="/api/unkept", body={"amount": 2}).status_code == 422


def test_an_answer_that_is_not_kept_is_still_given_by_one_at_a_time():
    running, go_on = threading.Event(), threading.Event()

    def act(request):
        running.set()
        go_on.wait(20)
        return Response({}, status=201)

    door.act = act
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.extend(at_once(1, partial(post, url="/api/unkept"))))
    thread.start()
    assert running.wait(20)
    assert post(url="/api/unkept").status_code == 409
    go_on.set()
    thread.join(20)
    assert answers[0].status_code == 201


def test_a_refusal_of_what_is_not_kept_gives_the_key_back():
    door.act = raising(BadInput(field="type"))
    assert post(url="/api/unkept").status_code == 400
    assert not IdempotencyRecord.objects.exists()
