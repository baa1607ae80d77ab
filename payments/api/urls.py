"""Paths of money, as the guide spells them."""

from django.urls import path

from payments.api.invoices import InvoiceDetail, InvoiceList
from payments.api.payments import PaymentDetail, PaymentList

urlpatterns = [
    path("payments", PaymentList.as_view(), name="payments"),
    path("payments/<id:payment_id>", PaymentDetail.as_view(), name="payment"),
    path("invoices", InvoiceList.as_view(), name="invoices"),
    path("invoices/<id:invoice_id>", InvoiceDetail.as_view(), name="invoice"),
]
