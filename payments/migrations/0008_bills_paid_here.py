import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


def mark_bills(apps, schema_editor):
    """Rows of money that a provider collected for a bill of its own are known by their key."""
    apps.get_model("payments", "Payment").objects.filter(client_key__startswith="\N{SECTION SIGN}bill:").update(
        pays_bill=True
    )


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0007_payment_claim'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='invoice',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='invoice',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='payment',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='payment',
            name='update_update',
        ),
        migrations.AddField(
            model_name='invoice',
            name='collection_stopped_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='collection_stopped_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='pays_bill',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='paymentevent',
            name='pays_bill',
            field=models.BooleanField(default=False),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoice',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "payments_invoiceevent" ("billed_to", "billing_reason", "collection_stopped_at", "created_at", "currency", "due_at", "id", "issued_at", "kind", "livemode", "number", "number_sequence", "number_year", "paid_at", "period_end", "period_start", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "provider_number", "provider_ref", "remittance_code", "status", "subscription_ref", "subtotal_minor", "tax_minor", "tenant_id", "total_minor", "usage_month") VALUES (NEW."billed_to", NEW."billing_reason", NEW."collection_stopped_at", NEW."created_at", NEW."currency", NEW."due_at", NEW."id", NEW."issued_at", NEW."kind", NEW."livemode", NEW."number", NEW."number_sequence", NEW."number_year", NEW."paid_at", NEW."period_end", NEW."period_start", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."provider", NEW."provider_number", NEW."provider_ref", NEW."remittance_code", NEW."status", NEW."subscription_ref", NEW."subtotal_minor", NEW."tax_minor", NEW."tenant_id", NEW."total_minor", NEW."usage_month"); RETURN NULL;', hash='a3a36c8d06505c8f83749dbe05cfdd42c8f4ad53', operation='INSERT', pgid='pgtrigger_insert_insert_785fd', table='payments_invoice', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoice',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "payments_invoiceevent" ("billed_to", "billing_reason", "collection_stopped_at", "created_at", "currency", "due_at", "id", "issued_at", "kind", "livemode", "number", "number_sequence", "number_year", "paid_at", "period_end", "period_start", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "provider_number", "provider_ref", "remittance_code", "status", "subscription_ref", "subtotal_minor", "tax_minor", "tenant_id", "total_minor", "usage_month") VALUES (NEW."billed_to", NEW."billing_reason", NEW."collection_stopped_at", NEW."created_at", NEW."currency", NEW."due_at", NEW."id", NEW."issued_at", NEW."kind", NEW."livemode", NEW."number", NEW."number_sequence", NEW."number_year", NEW."paid_at", NEW."period_end", NEW."period_start", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."provider", NEW."provider_number", NEW."provider_ref", NEW."remittance_code", NEW."status", NEW."subscription_ref", NEW."subtotal_minor", NEW."tax_minor", NEW."tenant_id", NEW."total_minor", NEW."usage_month"); RETURN NULL;', hash='eea1ad52c96d365e786980d1b8bdad9710066c9f', operation='UPDATE', pgid='pgtrigger_update_update_52374', table='payments_invoice', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "payments_paymentevent" ("amount_minor", "approval_url", "cancel_url", "capture_ref", "claim", "claimed_until", "client_key", "created_at", "currency", "declared_by_tenant", "decline_code", "description", "failure_code", "failure_message", "fee_minor", "id", "invoice_id", "livemode", "method", "method_brand", "method_last4", "method_ref", "needs_second_person", "next_check_at", "off_session", "outcome_unknown", "pays_bill", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "provider_ref", "received_on", "recorded_by_id", "reference", "return_url", "returned_minor", "saves_method", "spreads", "status", "succeeded_at", "tenant_id", "updated_at", "verified_by_id") VALUES (NEW."amount_minor", NEW."approval_url", NEW."cancel_url", NEW."capture_ref", NEW."claim", NEW."claimed_until", NEW."client_key", NEW."created_at", NEW."currency", NEW."declared_by_tenant", NEW."decline_code", NEW."description", NEW."failure_code", NEW."failure_message", NEW."fee_minor", NEW."id", NEW."invoice_id", NEW."livemode", NEW."method", NEW."method_brand", NEW."method_last4", NEW."method_ref", NEW."needs_second_person", NEW."next_check_at", NEW."off_session", NEW."outcome_unknown", NEW."pays_bill", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."provider", NEW."provider_ref", NEW."received_on", NEW."recorded_by_id", NEW."reference", NEW."return_url", NEW."returned_minor", NEW."saves_method", NEW."spreads", NEW."status", NEW."succeeded_at", NEW."tenant_id", NEW."updated_at", NEW."verified_by_id"); RETURN NULL;', hash='e840dbc86440822985e8e14fbafe899bc000a94c', operation='INSERT', pgid='pgtrigger_insert_insert_24a65', table='payments_payment', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "payments_paymentevent" ("amount_minor", "approval_url", "cancel_url", "capture_ref", "claim", "claimed_until", "client_key", "created_at", "currency", "declared_by_tenant", "decline_code", "description", "failure_code", "failure_message", "fee_minor", "id", "invoice_id", "livemode", "method", "method_brand", "method_last4", "method_ref", "needs_second_person", "next_check_at", "off_session", "outcome_unknown", "pays_bill", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "provider_ref", "received_on", "recorded_by_id", "reference", "return_url", "returned_minor", "saves_method", "spreads", "status", "succeeded_at", "tenant_id", "updated_at", "verified_by_id") VALUES (NEW."amount_minor", NEW."approval_url", NEW."cancel_url", NEW."capture_ref", NEW."claim", NEW."claimed_until", NEW."client_key", NEW."created_at", NEW."currency", NEW."declared_by_tenant", NEW."decline_code", NEW."description", NEW."failure_code", NEW."failure_message", NEW."fee_minor", NEW."id", NEW."invoice_id", NEW."livemode", NEW."method", NEW."method_brand", NEW."method_last4", NEW."method_ref", NEW."needs_second_person", NEW."next_check_at", NEW."off_session", NEW."outcome_unknown", NEW."pays_bill", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."provider", NEW."provider_ref", NEW."received_on", NEW."recorded_by_id", NEW."reference", NEW."return_url", NEW."returned_minor", NEW."saves_method", NEW."spreads", NEW."status", NEW."succeeded_at", NEW."tenant_id", NEW."updated_at", NEW."verified_by_id"); RETURN NULL;', hash='4c18a383d8f16df68eb5a35397587854209c4571', operation='UPDATE', pgid='pgtrigger_update_update_dd546', table='payments_payment', when='AFTER')),
        ),
        migrations.RunPython(mark_bills, migrations.RunPython.noop),
    ]
