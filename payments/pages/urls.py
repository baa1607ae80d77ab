"""The paths of invoices, payments and payment methods."""

from django.urls import path

from payments.models import PaymentMethod
from payments.pages.bill import invoice_page
from payments.pages.bills import invoices_page
from payments.pages.confirming import confirm_page, give_up_page, refresh_page
from payments.pages.declaring import declare_page
from payments.pages.methods import (
    add_method_page,
    method_default_page,
    method_remove_page,
    method_saved_page,
    methods_page,
)
from payments.pages.pay import pay_page
from payments.pages.paypal import paypal_cancel_page, paypal_return_page
from payments.pages.pays import payment_page, payments_page

CARD, ACCOUNT = PaymentMethod.Type.CARD.value, PaymentMethod.Type.US_BANK_ACCOUNT.value

urlpatterns = [
    path("invoices", invoices_page, name="invoices-page"),
    path("invoices/<uuid:invoice_id>", invoice_page, name="invoice-page"),
    path("invoices/<uuid:invoice_id>/pay", pay_page, name="invoice-pay-page"),
    path("invoices/<uuid:invoice_id>/declare", declare_page, name="invoice-declare-page"),
    path("payments", payments_page, name="payments-page"),
    path("payments/paypal/return", paypal_return_page, name="paypal-return-page"),
    path("payments/paypal/cancel", paypal_cancel_page, name="paypal-cancel-page"),
    path("payments/<uuid:payment_id>", payment_page, name="payment-page"),
    path("payments/<uuid:payment_id>/confirm", confirm_page, name="payment-confirm-page"),
    path("payments/<uuid:payment_id>/refresh", refresh_page, name="payment-refresh-page"),
    path("payments/<uuid:payment_id>/give-up", give_up_page, name="payment-give-up-page"),
    path("methods", methods_page, name="methods-page"),
    path("methods/add-card", add_method_page, {"kind": CARD}, name="add-card-page"),
    path("methods/add-bank-account", add_method_page, {"kind": ACCOUNT}, name="add-account-page"),
    path("methods/saved", method_saved_page, name="method-saved-page"),
    path("methods/<uuid:method_id>/default", method_default_page, name="method-default-page"),
    path("methods/<uuid:method_id>/remove", method_remove_page, name="method-remove-page"),
]
