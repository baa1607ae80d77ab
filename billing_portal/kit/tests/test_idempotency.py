"""One key, one run: from 40 threads, after a crash, over a killed connection; and nothing ever stays stuck."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from rest_framework.response import Response

from billing_portal.kit.errors import BadInput, Conflict, PaymentFailed
from billing_portal.kit.idempotency import forget_before
from billing_portal.kit.models import IdempotencyRecord
from billing_portal.kit.tests.door import answering, code, door, post, raising
from billing_portal.kit.tests.door import portal as portal
from billing_portal.testing import at_once, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("portal")]


def test_forty_threads_with_one_key_run_the_view_once():
    started = threading.Event()

    def act(request):
        started.wait(0.2)  # long enough that others come while it runs
        return Response({"id": str(uuid.uuid4())}, status=201)

    door.act = act
    answers = at_once(40, partial(post))
    assert not answers.errors
    assert door.runs == 1
    taken = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert len(taken) + len(refused) == 40
    assert len({answer.content for answer in taken}) == 1
    assert {(code(answer), answer["Retry-After"]) for answer in refused} <= {("idempotency_key_in_use", "1")}
    assert post().content == taken[0].content


def test_other_keys_do_not_wait_for_each_other():
    gate = threading.Barrier(8)

    def act(request):
        gate.wait(10)  # only passes when all eight run at once
        return Response({}, status=201)

    door.act = act
    assert [answer.status_code for answer in at_once(8, lambda n: post(f"k-{n}"))] == [201] * 8


def test_the_same_request_gets_the_same_bytes_again():
    first, again = post(), post()
    assert door.runs == 1
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Content-Type"] == first["Content-Type"]
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


def test_the_last_slash_does_not_make_another_request():
    post()
    assert post(url="/api/pay/")["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "other", [{"body": {"amount": 2}}, {"body": '{"amount":  1}'}, {"url": "/api/other"}, {"url": "/api/pay?a=1"}]
)
def test_another_body_or_path_under_a_used_key_is_refused(other):
    post()
    answer = post(**other)
    assert (answer.status_code, code(answer)) == (422, "idempotency_key_reused")
    assert door.runs == 1


def test_tenants_and_users_have_their_own_keys():
    post()
    assert post(tenant=2, body={"amount": 2}).status_code == 201
    assert post(tenant=None, body={"amount": 3}, **{"X-Test-User": "7"}).status_code == 201
    assert post(tenant=None, body={"amount": 4}, **{"X-Test-User": "8"}).status_code == 201
    assert door.keys == ["k-1"] * 4
    assert set(IdempotencyRecord.objects.values_list("scope", flat=True)) == {
        str(uuid.UUID(int=1)), str(uuid.UUID(int=2)), "user:7", "user:8",
    }  # fmt: skip


def test_without_a_key_or_without_anybody_nothing_is_kept():
    post(None), post(None), post(tenant=None)
    assert door.keys == [None, None, None]
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "clé", "a\tb"])
def test_a_key_that_is_none_is_refused_by_name(key):
    answer = post(key)
    assert answer.status_code == 400
    assert json.loads(answer.content)["errors"][0]["field"] == "Idempotency-Key"
    assert door.runs == 0


def test_a_key_of_255_characters_is_taken():
    assert post("~" * 255).status_code == 201


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_kept(status):
    door.act = answering(status)
    first, again = post(), post()
    assert door.runs == 1
    assert (again.status_code, again.content) == (status, first.content)


def test_a_plain_django_answer_is_kept_too():
    door.act = lambda request: HttpResponse("{}", content_type="application/json", status=201)
    assert post().content == post().content == b"{}"
    assert door.runs == 1


def test_a_declined_payment_is_kept_as_the_problem_it_was():
    door.act = raising(PaymentFailed(code="card_declined", payment_id="p-1"))
    first, again = post(), post()
    assert door.runs == 1
    assert (again.status_code, again.content) == (402, first.content)
    assert again["Content-Type"] == "application/problem+json"
    assert json.loads(again.content)["paymentId"] == "p-1"


@pytest.mark.parametrize("act", [answering(202), answering(503), answering(500), raising(ZeroDivisionError())])
def test_an_unknown_outcome_is_not_kept_and_only_the_same_request_may_finish_it(act):
    door.act = act
    assert post().status_code in (202, 500, 503)
    assert post(body={"amount": 2}).status_code == 422
    door.act = answering(201)
    answer = post()
    assert (answer.status_code, door.runs) == (201, 2)
    assert "Idempotent-Replayed" not in answer
    assert post()["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "act", [raising(BadInput(field="amount")), raising(Conflict()), answering(404), answering(400)]
)
def test_a_request_that_did_nothing_gives_its_key_back(act):
    door.act = act
    assert post().status_code in (400, 404, 409)
    assert not IdempotencyRecord.objects.exists()
    door.act = answering(201)
    assert post(body={"amount": 2}).status_code == 201


def test_a_refused_retry_does_not_free_a_key_whose_first_run_is_unknown():
    door.act = raising(ZeroDivisionError())
    post()
    door.act = raising(Conflict())
    post()
    assert IdempotencyRecord.objects.get().completed_at is None
    assert post(body={"amount": 2}).status_code == 422


def kill_own_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_killed_connection_leaves_nothing_stuck():
    door.act = lambda request: kill_own_session()
    answer = post()
    assert answer.status_code == 503
    assert "charged" not in json.loads(answer.content)["detail"]
    door.act = answering(201)
    assert post().status_code == 201


def test_a_connection_killed_from_outside_lets_the_next_one_in():
    running, go_on = threading.Event(), threading.Event()
    pids: list[int] = []

    def act(request):
        if door.runs == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            running.set()
            go_on.wait(20)
        return Response({"run": door.runs}, status=201)

    door.act = act
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.extend(at_once(1, partial(post))))
    thread.start()
    assert running.wait(20)
    assert post().status_code == 409
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", pids)
    second = wait_until(lambda: (answer := post()).status_code == 201 and answer)
    go_on.set()
    thread.join(20)
    assert json.loads(second.content) == {"run": 2}
    assert answers[0].status_code == 201  # its view had done its work: it is not told otherwise
    assert post().content == second.content


def test_a_connection_that_dies_unnoticed_does_not_turn_success_into_failure():
    def act(request):
        with suppress(Error):
            kill_own_session()
        return Response({}, status=201)

    door.act = act
    assert post().status_code == 201
    door.act = answering(201)
    assert post().status_code == 201
    assert door.runs == 2


def test_a_view_that_gives_its_connection_away_leaves_no_lock_in_the_pool():
    def act(request):
        connection.close()
        return Response({"run": door.runs}, status=202)

    door.act = act
    assert post().status_code == 202
    door.act = answering(201)
    assert wait_until(lambda: (answer := post()).status_code != 409 and answer).status_code == 201


def test_a_view_that_leaves_a_transaction_open_is_rolled_back():
    def act(request):
        connection.set_autocommit(False)
        IdempotencyRecord.objects.create(scope="x", key="never committed", fingerprint="")
        raise ZeroDivisionError

    door.act = act
    assert post().status_code == 500
    assert connection.get_autocommit()
    assert not IdempotencyRecord.objects.filter(scope="x").exists()
    door.act = answering(201)
    assert post().status_code == 201


def test_a_failed_statement_inside_the_view_is_survived():
    def act(request):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    door.act = act
    assert post().status_code == 400  # a value that the database refuses is the caller's
    door.act = answering(201)
    assert post().status_code == 201


def test_an_exit_in_the_middle_frees_the_lock():
    def act(request):
        raise SystemExit

    door.act = act
    with pytest.raises(SystemExit):
        post()
    door.act = answering(201)
    assert post().status_code == 201


def test_within_an_outer_transaction_the_lock_ends_with_it():
    with transaction.atomic():
        assert post().status_code == 201
        assert at_once(1, partial(post))[0].status_code == 409
    assert post()["Idempotent-Replayed"] == "true"


def test_a_form_is_no_json():
    client = Client(raise_request_exception=False)
    headers = {"Idempotency-Key": "k", "X-Test-Tenant": "1"}
    door.act = lambda request: Response(dict(request.data))
    assert client.post("/api/pay", {"amount": "1"}, headers=headers).status_code == 415


def test_old_answers_can_be_forgotten():
    post()
    assert forget_before(timezone.now() - timezone.timedelta(days=30)) == 0
    assert forget_before(timezone.now()) == 1
    assert post().status_code == 201
