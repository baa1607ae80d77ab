"""What the database itself holds about refunds, disputes and attempts: tenants don't mix, history stays, and nothing is given
back that a bank has taken."""

from django.db import migrations

from billing_portal.kit.guards import append_only, same_tenant

# A new refund counts what banks have taken back or hold; one that moves on was counted when it was made.
REFUND_BOUNDS = """
CREATE OR REPLACE FUNCTION payments_refuse_over_refund() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE held bigint; BEGIN
  PERFORM 1 FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
  held := 0;
  IF TG_OP = 'INSERT' THEN
    SELECT p.returned_minor + coalesce((SELECT sum(d.withdrawn_minor) FROM payments_dispute d
        WHERE d.payment_id = p.id AND d.status IN ('inquiry', 'open')), 0)
      INTO held FROM payments_payment p WHERE p.id = NEW.payment_id;
  END IF;
  IF (SELECT sum(amount_minor) FROM payments_refund
      WHERE payment_id = NEW.payment_id AND status IN ('awaiting_approval', 'pending', 'succeeded')) + held
     > (SELECT amount_minor FROM payments_payment WHERE id = NEW.payment_id) THEN
    RAISE EXCEPTION 'payment % would give back more than it brought', NEW.payment_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_payment';
  END IF;
  RETURN NULL;
END $$;
"""

BEFORE = """
CREATE OR REPLACE FUNCTION payments_refuse_over_refund() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM 1 FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
  IF (SELECT sum(amount_minor) FROM payments_refund
      WHERE payment_id = NEW.payment_id AND status IN ('awaiting_approval', 'pending', 'succeeded'))
     > (SELECT amount_minor FROM payments_payment WHERE id = NEW.payment_id) THEN
    RAISE EXCEPTION 'payment % would give back more than it brought', NEW.payment_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_payment';
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_providers")]

    operations = [
        same_tenant("payments_refundpart", "refund_id", "payments_refund"),
        same_tenant("payments_refundpart", "invoice_id", "payments_invoice"),
        same_tenant("payments_creditnote", "refund_id", "payments_refund"),
        same_tenant("payments_attempt", "payment_id", "payments_payment"),
        same_tenant("payments_attempt", "refund_id", "payments_refund"),
        same_tenant("payments_dispute", "payment_id", "payments_payment"),
        same_tenant("payments_paymentshare", "payment_id", "payments_payment"),
        same_tenant("payments_paymentshare", "invoice_id", "payments_invoice"),
        append_only("payments_refundpart", "payments_attempt", "payments_paymentshare"),
        migrations.RunSQL(REFUND_BOUNDS, BEFORE),
    ]
