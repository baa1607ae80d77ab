"""Plan versions and terms never change once written, and an invoice's subscription is its own tenant's."""

from django.db import migrations

from billing_portal.kit.guards import append_only, same_tenant


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial"), ("payments", "0002_guards")]

    operations = [
        same_tenant("subscriptions_subscriptionterms", "subscription_id", "subscriptions_subscription"),
        same_tenant("payments_invoice", "subscription_ref", "subscriptions_subscription"),
        append_only(
            "subscriptions_planversion",
            "subscriptions_planallowance",
            "subscriptions_planoverageprice",
            "subscriptions_planprice",
            "subscriptions_subscriptionterms",
        ),
    ]
