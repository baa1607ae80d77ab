"""Sales: what subscriptions are paid by, in the shape of the older API, and what goes back of them."""


def test_a_sale_is_refunded_in_the_older_shape(api, paypal, hook):
    api.subscribed(custom_id="sub-1")
    sale = api.objects("sales")[0]
    path = f"/v1/payments/sale/{sale['id']}"
    part = api.ok("POST", f"{path}/refund", {"amount": {"total": "9.00", "currency": "USD"}}, "ref:1")
    assert (part["state"], part["amount"], part["sale_id"]) == (
        "completed",
        {"total": "9.00", "currency": "USD"},
        sale["id"],
    )
    assert api.ok("POST", f"{path}/refund", {"amount": {"total": "9.00", "currency": "USD"}}, "ref:1") == part
    assert api.ok("GET", path)["state"] == "partially_refunded"
    for amount, name in (
        ({"total": "20.01", "currency": "USD"}, "REFUND_EXCEEDED_TRANSACTION_AMOUNT"),
        ({"total": "1.00", "currency": "EUR"}, "CURRENCY_MISMATCH"),
        ({"total": "1.001", "currency": "USD"}, "VALIDATION_ERROR"),
    ):
        assert api.refused("POST", f"{path}/refund", {"amount": amount}) == (400, name)
    assert api.ok("POST", f"{path}/refund", {})["total_refunded_amount"]["value"] == "29.00"
    assert api.refused("POST", f"{path}/refund", {}) == (400, "TRANSACTION_ALREADY_REFUNDED")
    assert api.refused("GET", "/v1/payments/sale/NONE") == (404, "INVALID_RESOURCE_ID")
    assert api.ok("GET", f"/v1/payments/refund/{part['id']}").items() <= part.items()
    paypal.deliver()
    assert hook.kinds[-2:] == ["PAYMENT.SALE.REFUNDED"] * 2
    assert hook.events[-2]["resource"]["sale_id"] == sale["id"]


def test_a_sale_is_reversed_and_refunded_from_the_panel(api, paypal, hook):
    api.subscribed()
    sale = api.objects("sales")[0]
    api.panel("POST", "refund", {"id": sale["id"], "amount": 900})
    api.panel("POST", "settle", {"id": sale["id"], "outcome": "reversed", "amount": 1000})
    assert api.panel("POST", "settle", {"id": sale["id"], "outcome": "reversed"})["state"] == "refunded"
    paypal.deliver()
    back = ["PAYMENT.SALE.REFUNDED", "PAYMENT.SALE.REVERSED", "PAYMENT.SALE.REVERSED"]
    assert hook.kinds[-3:] == back
    assert [effect["amount"] for effect in api.effects()[-3:]] == [900, 1000, 1000]
