"""Paths of money, as the guide spells them."""

from django.urls import path, register_converter

from payments.api.invoices import InvoiceDetail, InvoiceList, InvoicePay
from payments.api.methods import MethodDefault, MethodDetail, MethodList, MethodRefConverter, SetupIntent
from payments.api.payments import PaymentCancel, PaymentDetail, PaymentList, PaymentRefresh
from payments.api.paypal import OrderConverter, PayPalCapture
from payments.api.refunds import PaymentRefund

register_converter(MethodRefConverter, "method")
register_converter(OrderConverter, "order")

urlpatterns = [
    path("payments", PaymentList.as_view(), name="payments"),
    path("payments/<id:payment_id>", PaymentDetail.as_view(), name="payment"),
    path("payments/<id:payment_id>/cancel", PaymentCancel.as_view(), name="payment-cancel"),
    path("payments/<id:payment_id>/refresh", PaymentRefresh.as_view(), name="payment-refresh"),
    path("payments/<id:payment_id>/refund", PaymentRefund.as_view(), name="payment-refund"),
    path("payments/setup-intent", SetupIntent.as_view(), name="setup-intent"),
    path("payments/methods/list", MethodList.as_view(), name="methods"),
    path("payments/methods/<method:method_ref>", MethodDetail.as_view(), name="method"),
    path("payments/methods/<method:method_ref>/default", MethodDefault.as_view(), name="method-default"),
    path("payments/paypal/capture/<order:order_id>", PayPalCapture.as_view(), name="paypal-capture"),
    path("invoices", InvoiceList.as_view(), name="invoices"),
    path("invoices/<id:invoice_id>", InvoiceDetail.as_view(), name="invoice"),
    path("invoices/<id:invoice_id>/pay", InvoicePay.as_view(), name="invoice-pay"),
]
