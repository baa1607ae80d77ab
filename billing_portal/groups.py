"""Who of the staff may do what: the groups of the platform's own people, and the permissions of each."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

# Everybody of the staff sees what these apps hold.
SEEN_BY_ALL = ("tenants", "notices", "payments", "subscriptions", "usage", "pghistory", "djstripe", "ipn")

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "clerk": ("payments.record_payment",),
    "finance": (
        "payments.record_payment",
        "payments.verify_payment",
        "payments.refund_payment",
        "payments.pay_for_tenant",
        "payments.add_creditnote",
        "payments.retry_event",
        "payments.close_discrepancy",
        "payments.hold_collection",
        "notices.change_outboxmessage",
        "usage.add_usagerecord",
        "usage.close_month",
        "subscriptions.add_subscription",
        "subscriptions.change_subscription",
        "subscriptions.add_coupon",
        "subscriptions.change_coupon",
    ),
    "auditor": (),
    "support": ("payments.pay_for_tenant",),
}


@transaction.atomic
def sync_groups(using: str = "default") -> None:
    """Make the groups and give each exactly the permissions named here. What a person needs beyond is given to the
    person.

    Permissions of apps that are not migrated yet are left out; the next migrate adds them.
    """
    found = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using).select_related("content_type")
    }
    seen = [
        permission
        for name, permission in found.items()
        if name.startswith(tuple(f"{app}.view_" for app in SEEN_BY_ALL))
    ]
    for group_name, names in PERMISSIONS.items():
        group, _ = Group.objects.using(using).get_or_create(name=group_name)
        group.permissions.set([*seen, *(found[name] for name in names if name in found)])
