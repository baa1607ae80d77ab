"""The table of idempotency records."""

import uuid

import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("scope", models.CharField(max_length=80)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(help_text="SHA-256 of method, path and raw body, in hex.", max_length=64)),
                ("status_code", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("body", models.TextField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="idempotency_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "key"), name="idempotency_once_per_scope_and_key"),
                    models.CheckConstraint(
                        condition=Q(completed_at__isnull=True, status_code__isnull=True, body__isnull=True)
                        | Q(completed_at__isnull=False, status_code__isnull=False, body__isnull=False),
                        name="idempotency_answer_whole_or_absent",
                    ),
                ],
            },
        ),
    ]
