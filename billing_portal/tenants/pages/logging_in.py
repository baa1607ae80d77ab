"""Log in and out of the pages, by session."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from billing_portal.tenants.actions.logging_in import TooManyFailures, WrongCredentials, check_password
from billing_portal.tenants.models import User
from billing_portal.tenants.pages.demo_accounts import demo_accounts
from billing_portal.tenants.pages.forms import LoginForm
from billing_portal.tenants.pages.redirecting import safe_next

KEPT_SECONDS = 14 * 24 * 60 * 60


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST starts a session. Neither words nor time tell whether an account exists."""
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request, _home(request.user)))
        return _form(request, LoginForm())
    form = LoginForm(_of_the_demo(request.POST.get("demo")) or request.POST)
    if not form.is_valid():
        return _form(request, form, status=400)
    try:
        user = check_password(
            email=form.cleaned_data["email"], password=form.cleaned_data["password"], now=timezone.now()
        )
    except WrongCredentials as error:
        form.add_error(None, error.detail)
        return _form(request, form, status=401)
    except TooManyFailures as error:
        form.add_error(None, error.detail)
        response = _form(request, form, status=429)
        response["Retry-After"] = str(error.retry_after)
        return response
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.set_expiry(KEPT_SECONDS if form.cleaned_data["keep"] else 0)  # 0: until the browser is closed
    return HttpResponseRedirect(safe_next(request, _home(user)))


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session. By POST only, so that no picture on another site can do it."""
    logout(request)
    return HttpResponseRedirect("/login")


def _of_the_demo(email: str | None) -> dict[str, str] | None:
    """What the button of a demo's account stands for: its address and password. None outside of the demo."""
    people = [account for group in demo_accounts() for account in group.accounts] if email else []
    return next(({"email": one.email, "password": one.password} for one in people if one.email == email), None)


def _home(user: Any) -> str:
    """Members go to their bills, staff who are no members to the desk."""
    is_member = isinstance(user, User) and user.memberships.exists()
    return "/admin/" if user.is_staff and not is_member else settings.LOGIN_REDIRECT_URL


def _form(request: HttpRequest, form: LoginForm, status: int = 200) -> HttpResponse:
    facts = {"form": form, "next": safe_next(request, ""), "demo": demo_accounts()}
    return render(request, "tenants/login.html", facts, status=status)
