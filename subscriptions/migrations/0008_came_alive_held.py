from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """Those that were there before are looked at beside everybody else's work."""

    dependencies = [("subscriptions", "0007_came_alive_by_history")]

    operations = [ValidateConstraint(model_name="subscription", name="subscription_live_has_come_alive")]
