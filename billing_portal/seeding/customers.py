"""Who the demo's tenants are: where they sit, what they are on, how much they call and how they pay."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

from billing_portal.seeding.shapes import Customer, End, LeftAlone, Minutes, Part, Periods, Plan, Receipt
from subscriptions.models.subscription import Engine

ACME = Customer(
    slug="acme",
    name="Acme Support Inc.",
    country="US",
    facts={
        "time_zone": "America/New_York",
        "address_lines": "210 Summer Street\nBoston, MA 02210",
        "tax_id": "04-3219876",
        "tax_name": "Sales tax",
        "tax_percent": Decimal("6.25"),
        "payment_terms_days": 30,
    },
    plan=Plan("professional", "monthly", "usd", seats=12, engine=Engine.STRIPE, begins=time(9, 12)),
    usage={
        6: Minutes(6402, 2874, 455),
        5: Minutes(6815, 3010, 512),
        4: Minutes(6966, 3122, 498),
        3: Minutes(6240, 2950, 471),
        2: Minutes(5935, 2788, 530),
        1: Minutes(7412, 3186, 588),
        0: Minutes(4871, 2118, 402),
    },
    receipts={
        6: [Receipt(9, "check", "1102", Part.OVER)],
        5: [Receipt(7, "check", "1117", Part.HALF), Receipt(16, "check", "1124")],
        **{back: [Receipt(11, "check", str(1186 - 14 * back), without_cards=True)] for back in (4, 3, 2, 1)},
    },
    periods=Periods(9, "check", 1203),
    # Until the second of the checks above is there.
    left_alone=LeftAlone(80, "Their purchasing pays overage by check until the new order is signed."),
    in_proportion=False,
    closed_until=1,
    abroad=("CA", "GB"),
)

GLOBEX = Customer(
    slug="globex",
    name="Globex GmbH",
    country="DE",
    facts={
        "time_zone": "Europe/Berlin",
        "address_lines": "Lindenstraße 14\n10969 Berlin",
        "tax_id": "DE293847561",
        "tax_name": "VAT",
        "tax_percent": Decimal(19),
    },
    plan=Plan("starter", "monthly", "eur", seats=12, engine=Engine.PAYPAL, begins=time(10, 40)),
    usage={
        6: Minutes(1541, 690, 60),
        5: Minutes(1388, 702, 72),
        4: Minutes(1655, 731, 81),
        3: Minutes(1590, 670, 64),
        2: Minutes(1712, 715, 70),
        1: Minutes(1834, 750, 92),
        0: Minutes(1610, 720, 84),
    },
    receipts={
        6: [Receipt(6, "wire", "GLOBEX 06-1")],
        5: [Receipt(6, "wire", "GLOBEX 07-1")],
        4: [Receipt(8, "wire", "GLOBEX 08-2")],
        3: [
            Receipt(
                5,
                "wire",
                "GLOBEX 09-1",
                end=End.REJECTED,
                declared=True,
                reason="No wire with this reference reached our account.",
            ),
            Receipt(18, "wire", "GLOBEX 09-2"),
        ],
        2: [Receipt(7, "wire", "GLOBEX 10-1")],
    },
    periods=Periods(7, "wire", 1, "GLOBEX SEATS-"),
    call=10,
    abroad=("AT", "CH"),
)

INITECH = Customer(
    slug="initech",
    name="Initech Corporation",
    country="US",
    facts={
        "time_zone": "America/Chicago",
        "address_lines": "4120 Freidrich Lane\nAustin, TX 78744",
        "tax_id": "74-1836290",
        "payment_terms_days": 90,
    },
    plan=Plan("enterprise", "yearly", "usd", seats=40),
    usage={
        6: Minutes(51_400, 24_100, 5210),
        5: Minutes(58_200, 26_900, 6040),
        4: Minutes(47_300, 22_800, 4980),
        3: Minutes(63_900, 28_400, 6310),
        2: Minutes(55_100, 25_700, 5630),
        1: Minutes(61_250, 27_300, 5870),
        0: Minutes(57_000, 26_000, 5700),
    },
    receipts={
        6: [Receipt(19, "wire", "INITECH AP 40117")],
        4: [Receipt(20, "check", "20764")],
        2: [Receipt(21, "check", "20859", end=End.AWAITING, declared=True)],
    },
    periods=Periods(19, "wire", 40082, "INITECH AP "),
    call=400,
    by_queue=True,
    closing_day=5,
    queues=("Claims", "Dispatch", "Help desk", "Retention"),
    abroad=("MX",),
)

KANTO = Customer(
    slug="kanto",
    name="Kanto Denwa K.K.",
    country="JP",
    facts={
        "time_zone": "Asia/Tokyo",
        "address_lines": "2-11-3 Kanda Jimbocho\nChiyoda-ku, Tokyo 101-0051",
        "tax_id": "T3010001088472",
        "tax_name": "Consumption tax",
        "tax_percent": Decimal(10),
        "payment_terms_days": 30,
    },
    plan=Plan("professional", "monthly", "jpy", seats=4),
    usage={
        6: Minutes(2410, 1205, 210),
        5: Minutes(2288, 1160, 195),
        4: Minutes(2534, 1240, 232),
        3: Minutes(1960, 1010, 188),
        2: Minutes(2617, 1288, 241),
        1: Minutes(2702, 1322, 256),
        0: Minutes(2450, 1200, 220),
    },
    receipts={back: [Receipt(20 + back % 3, "wire", f"KANTO {7120 - back}")] for back in (6, 5, 4, 3, 2)},
    periods=Periods(20, "wire", 6031, "KANTO "),
    call=10,
)

HOOLI = Customer(
    slug="hooli",
    name="Hooli Inc.",
    country="US",
    facts={"time_zone": "America/Los_Angeles", "address_lines": "1401 Page Mill Road\nPalo Alto, CA 94304"},
    plan=Plan("professional", "monthly", "usd", seats=600, engine=Engine.STRIPE, begins=time(11, 5)),
    # The last month, not closed yet, brings a large invoice: one person alone may not verify a check for it.
    usage={
        3: Minutes(264_300, 180_100, 0),
        2: Minutes(301_900, 190_200, 9400),
        1: Minutes(1_164_500, 402_300, 31_250),
        0: Minutes(318_000, 197_500, 12_100),
    },
    receipts={2: [Receipt(13, "check", "558", without_cards=True)]},
    periods=Periods(10, "check", 540),
    call=2500,
    by_queue=True,
    queues=("Orders", "Delivery", "Returns", "Loyalty"),
)

CUSTOMERS = (
    ACME,
    GLOBEX,
    INITECH,
    KANTO,
    HOOLI,
    Customer("umbrella", "Umbrella Ltd.", "US", {"time_zone": "America/New_York", "currency": "usd"}),
    Customer("wonka", "Wonka Industries", "US", {"time_zone": "America/Chicago", "currency": "usd"}),
    Customer("stark", "Stark Enterprises", "US", {"time_zone": "America/New_York", "currency": "usd"}),
    Customer("cyberdyne", "Cyberdyne Systems", "US", {"time_zone": "America/Los_Angeles", "currency": "usd"}),
)
