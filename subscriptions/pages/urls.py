"""The paths of the subscription's pages."""

from django.urls import path

from subscriptions.pages.change import change_page
from subscriptions.pages.confirming import confirm_page, confirmed_page, give_up_page, secret_page
from subscriptions.pages.ending import cancel_page, keep_page
from subscriptions.pages.pausing import pause_page, resume_page
from subscriptions.pages.paypal import change_agreed_page, change_left_page, paypal_agreed_page, paypal_left_page
from subscriptions.pages.start import start_page
from subscriptions.pages.subscription import subscription_page

urlpatterns = [
    path("subscription", subscription_page, name="subscription-page"),
    path("subscription/start", start_page, name="subscription-start-page"),
    path("subscription/change", change_page, name="subscription-change-page"),
    path("subscription/cancel", cancel_page, name="subscription-cancel-page"),
    path("subscription/keep", keep_page, name="subscription-keep-page"),
    path("subscription/pause", pause_page, name="subscription-pause-page"),
    path("subscription/resume", resume_page, name="subscription-resume-page"),
    path("subscription/<uuid:begun_id>/confirm", confirm_page, name="subscription-confirm-page"),
    path("subscription/<uuid:begun_id>/secret", secret_page, name="subscription-secret-page"),
    path("subscription/<uuid:begun_id>/confirmed", confirmed_page, name="subscription-confirmed-page"),
    path("subscription/<uuid:begun_id>/give-up", give_up_page, name="subscription-give-up-page"),
    path("subscription/paypal/change/return", change_agreed_page, name="subscription-change-return-page"),
    path("subscription/paypal/change/cancel", change_left_page, name="subscription-change-cancel-page"),
    path("subscription/paypal/return", paypal_agreed_page, name="subscription-paypal-return-page"),
    path("subscription/paypal/cancel", paypal_left_page, name="subscription-paypal-cancel-page"),
]
