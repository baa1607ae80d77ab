from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# Of what is there already the history knows: the first living state of each.
BY_HISTORY = """
UPDATE subscriptions_subscription s SET came_alive_at = alive.at
FROM (
    SELECT DISTINCT ON (subject_id) subject_id, at FROM payments_statuschange
    WHERE subject = 'subscription' AND new IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
    ORDER BY subject_id, id
) alive
WHERE alive.subject_id = s.id AND s.came_alive_at IS NULL
"""


class Migration(migrations.Migration):
    """Filled without keeping anybody from reading. From here on nothing may write that knows no such column: stop the
    old processes first."""

    dependencies = [
        ("payments", "0010_stop_asked"),
        ("subscriptions", "0006_came_alive"),
    ]

    operations = [
        migrations.RunSQL(BY_HISTORY, migrations.RunSQL.noop),
        AddConstraintNotValid(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "canceled"),
                    models.Q(("came_alive_at", None), ("status__in", ("incomplete", "approval_pending"))),
                    models.Q(
                        ("came_alive_at__isnull", False),
                        ("status__in", ("trialing", "active", "past_due", "unpaid", "paused")),
                    ),
                    _connector="OR",
                ),
                name="subscription_live_has_come_alive",
            ),
        ),
    ]
