"""Usage records stay as they came, and a month's invoice is its own tenant's."""

from django.db import migrations

from billing_portal.kit.guards import append_only, same_tenant


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_initial"), ("payments", "0002_guards")]

    operations = [
        same_tenant("usage_usagemonth", "invoice_id", "payments_invoice"),
        # The parent's triggers do not see statements that name a partition, so each has its own.
        append_only("usage_usagerecord", *(f"usage_usagerecord_p{n}" for n in range(8))),
    ]
