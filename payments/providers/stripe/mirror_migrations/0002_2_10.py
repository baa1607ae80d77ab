"""Nothing: 0001 makes the tables as they are by now. The name is upstream's."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("djstripe", "0001_initial")]
