"""The paths of invoices and payments."""

from django.urls import path

from payments.pages.bill import invoice_page
from payments.pages.bills import invoices_page
from payments.pages.pays import payment_page, payments_page

urlpatterns = [
    path("invoices", invoices_page, name="invoices-page"),
    path("invoices/<uuid:invoice_id>", invoice_page, name="invoice-page"),
    path("payments", payments_page, name="payments-page"),
    path("payments/<uuid:payment_id>", payment_page, name="payment-page"),
]
