"""Log in by password: the right one, the wrong ones, and those who guess."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from rest_framework.test import APIClient

from billing_portal.tenants.actions import logging_in
from billing_portal.tenants.actions.logging_in import MAX_FAILURES, TooManyFailures, WrongCredentials, check_password
from billing_portal.tenants.models import AccessToken, LoginFailure, User
from billing_portal.tenants.tests.people import PASSWORD, a_member, a_tenant, a_user, bearer, client_of
from billing_portal.testing import at_once

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


def ask_for_token(email: str, password: str):
    return APIClient().post("/api/auth/token", {"email": email, "password": password})


@pytest.mark.django_db
def test_a_token_opens_the_door_until_it_is_given_back():
    acme = a_tenant()
    dana = a_member(acme, "billing")
    answer = ask_for_token(dana.email.upper(), PASSWORD)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert set(answer.json()) == {"token", "expiresAt"}

    client = bearer(answer.json()["token"])
    assert client.get("/api/auth/me").json() == {
        "user": {"id": str(dana.id), "email": dana.email, "name": "", "isStaff": False},
        "tenants": [{"id": str(acme.id), "slug": "acme", "name": "Acme", "role": "billing"}],
    }
    assert client.post("/api/auth/logout").status_code == 204
    refused = client.get("/api/auth/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")


@pytest.mark.django_db
def test_a_token_ends_by_itself_and_is_stored_as_a_hash():
    dana = a_user("dana@acme.example")
    with time_machine.travel(NOW, tick=False):
        token = ask_for_token(dana.email, PASSWORD).json()
        assert token["expiresAt"] == "2026-11-01T20:00:00Z"
        assert bearer(token["token"]).get("/api/auth/me").status_code == 200
    with time_machine.travel(NOW + timedelta(hours=12), tick=False):
        assert bearer(token["token"]).get("/api/auth/me").status_code == 401
    assert token["token"] not in str(AccessToken.objects.values().get())


@pytest.mark.django_db
def test_a_new_password_and_a_deactivated_person_end_the_tokens():
    dana, erin = a_user("dana@acme.example"), a_user("erin@acme.example")
    of_dana, of_erin = client_of(dana), client_of(erin)
    dana.set_password("a new one altogether")
    dana.save()
    User.objects.filter(id=erin.id).update(is_active=False)
    assert of_dana.get("/api/auth/me").status_code == 401
    assert of_erin.get("/api/auth/me").status_code == 401


@pytest.mark.django_db
def test_nobody_learns_which_of_the_two_was_wrong():
    a_user("dana@acme.example")
    a_user("gone@acme.example", is_active=False)
    answers = [
        ask_for_token("dana@acme.example", "wrong"),
        ask_for_token("nobody@acme.example", PASSWORD),
        ask_for_token("gone@acme.example", PASSWORD),
    ]
    bodies = [{**answer.json(), "requestId": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "wrong_credentials"
    assert answers[0]["WWW-Authenticate"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "dana@acme.example"}, "password"),
        ({"email": 5, "password": "x"}, "email"),
        ({"email": "x", "password": ""}, "password"),
        ({"email": "x", "password": "x", "role": "owner"}, "role"),
        ({"email": "a\0b", "password": "x"}, "email"),
    ],
)
def test_what_is_no_address_and_password_is_refused_by_field(body: dict, field: str):
    answer = APIClient().post("/api/auth/token", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not LoginFailure.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["dana@acme.example", "nobody@acme.example"])
def test_after_ten_wrong_passwords_nobody_gets_in_for_five_minutes(email: str):
    a_user("dana@acme.example")
    with time_machine.travel(NOW, tick=False) as clock:
        for n in range(MAX_FAILURES):
            clock.move_to(NOW + timedelta(seconds=n))
            assert ask_for_token(email.upper(), "wrong").status_code == 401
        refused = ask_for_token(email, PASSWORD)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_failures")
        assert refused["Retry-After"] == str(300 - 9)

        clock.move_to(NOW + timedelta(seconds=300))  # the first failure counts no more
        expected = 200 if email.startswith("dana") else 401
        assert ask_for_token(email, PASSWORD).status_code == expected


@pytest.mark.django_db
def test_another_account_is_not_held_back_and_the_right_password_clears_the_count():
    a_user("dana@acme.example")
    a_user("erin@acme.example")
    for _ in range(MAX_FAILURES - 1):
        ask_for_token("dana@acme.example", "wrong")
    assert ask_for_token("dana@acme.example", PASSWORD).status_code == 200
    for _ in range(MAX_FAILURES):
        assert ask_for_token("dana@acme.example", "wrong").status_code == 401
    assert ask_for_token("dana@acme.example", PASSWORD).status_code == 429
    assert ask_for_token("erin@acme.example", PASSWORD).status_code == 200


def test_of_guesses_side_by_side_ten_learn_anything(live_db):
    a_user("dana@acme.example")
    outcomes = at_once(40, lambda: check_password(email="dana@acme.example", password="wrong", now=NOW))
    assert outcomes.count(WrongCredentials) == MAX_FAILURES
    assert outcomes.count(TooManyFailures) == 40 - MAX_FAILURES


def test_many_right_passwords_side_by_side_all_get_in(live_db):
    dana = a_user("dana@acme.example")
    outcomes = at_once(20, lambda: check_password(email="dana@acme.example", password=PASSWORD, now=NOW))
    assert outcomes.results == [dana] * 20


@pytest.mark.django_db
def test_the_count_of_guesses_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch):
    for n in range(5):
        with pytest.raises(WrongCredentials):
            check_password(email=f"{n}@example.com", password="x", now=NOW)
    with pytest.raises(WrongCredentials):
        check_password(email="last@example.com", password="x", now=NOW + logging_in.WINDOW)
    assert LoginFailure.objects.count() == 1


@pytest.mark.django_db
def test_the_admins_own_form_counts_too():
    a_user("boss@portal.example", is_staff=True)
    for _ in range(MAX_FAILURES):
        ask_for_token("boss@portal.example", "wrong")
    client = Client()
    page = client.post("/admin/login/", {"username": "boss@portal.example", "password": PASSWORD})
    assert page.status_code == 200
    assert "_auth_user_id" not in client.session
    LoginFailure.objects.all().delete()
    assert client.post("/admin/login/", {"username": "boss@portal.example", "password": PASSWORD}).status_code == 302
    assert "_auth_user_id" in client.session
