"""An id in a path, in small letters or in capitals."""

from uuid import UUID

import pytest
from django.test import override_settings
from django.urls import NoReverseMatch, Resolver404, path, resolve, reverse

ID = UUID("0199d5a0-7c1e-7a44-9d3f-2f1c5b7e8a90")

urlpatterns = [path("things/<id:thing_id>", lambda request, thing_id: None, name="thing")]


@pytest.fixture(autouse=True)
def paths():
    with override_settings(ROOT_URLCONF=__name__):
        yield


def test_capitals_name_the_same_thing():
    for spelled in (str(ID), str(ID).upper(), str(ID).title()):
        assert resolve(f"/things/{spelled}").kwargs == {"thing_id": ID}


@pytest.mark.parametrize("wrong", [ID.hex, f"{{{ID}}}", f"urn:uuid:{ID}", str(ID)[:-1], str(ID).replace("0", "\u0660")])
def test_other_spellings_name_nothing(wrong):
    with pytest.raises(Resolver404):
        resolve(f"/things/{wrong}")


def test_addresses_of_ours_are_in_small_letters():
    assert reverse("thing", args=[ID]) == reverse("thing", args=[str(ID).upper()]) == f"/things/{ID}"
    with pytest.raises(NoReverseMatch):
        reverse("thing", args=["7"])
