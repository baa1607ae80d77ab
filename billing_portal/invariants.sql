-- What must hold in the books at all times. Each query gives one row for each breach; no row means it holds.
-- The temporary table legal_move (subject, old, new) holds the declared moves between states; old is null for a first state.

-- I1 Every ledger entry sums to zero, for its tenant and in its currency
SELECT 'entry ' || entry_id || ' is off by ' || sum(amount_minor) || ' ' || currency || ' for tenant ' || tenant_id
FROM payments_ledgerleg
GROUP BY entry_id, tenant_id, currency
HAVING sum(amount_minor) <> 0;

-- I1 The whole ledger sums to zero in each currency
SELECT currency || ' is off by ' || sum(amount_minor)
FROM payments_ledgerleg
GROUP BY currency
HAVING sum(amount_minor) <> 0;

-- I14 No entry mixes currencies, and no money is booked in another currency than the tenant's document
SELECT 'entry ' || entry_id || ' mixes currencies'
FROM payments_ledgerleg
GROUP BY entry_id
HAVING count(DISTINCT currency) > 1
UNION ALL
SELECT 'invoice ' || i.number || ' is in ' || i.currency || ', its line ' || line.position || ' was priced in '
       || (line.derivation ->> 'currency')
FROM payments_invoiceline line
JOIN payments_invoice i ON i.id = line.invoice_id
WHERE line.derivation ->> 'currency' <> i.currency
UNION ALL
SELECT 'refund ' || r.id || ' gives back ' || r.currency || ' of a payment in ' || p.currency
FROM payments_refund r
JOIN payments_payment p ON p.id = r.payment_id
WHERE r.currency <> p.currency
UNION ALL
SELECT 'payment ' || p.id || ' named an invoice in ' || i.currency || ' and brought ' || p.currency
FROM payments_payment p
JOIN payments_invoice i ON i.id = p.invoice_id
WHERE i.currency <> p.currency
UNION ALL
SELECT 'payment ' || p.id || ' is meant for an invoice in ' || i.currency || ' and brought ' || p.currency
FROM payments_paymentshare s
JOIN payments_payment p ON p.id = s.payment_id
JOIN payments_invoice i ON i.id = s.invoice_id
WHERE i.currency <> p.currency
UNION ALL
SELECT 'allocation ' || a.id || ' pays ' || i.currency || ' with ' || p.currency
FROM payments_allocation a
JOIN payments_invoice i ON i.id = a.invoice_id
JOIN payments_payment p ON p.id = a.payment_id
WHERE i.currency <> p.currency;

-- I2 Each tenant's credit balance equals its ledger account
SELECT 'tenant ' || tenant_id || ' holds ' || coalesce(b.amount_minor, 0) || ' ' || currency
       || ' where the ledger says ' || coalesce(l.credit, 0)
FROM payments_creditbalance b
FULL JOIN (
    SELECT tenant_id, currency, -sum(amount_minor) AS credit
    FROM payments_ledgerleg
    WHERE account = 'customer_credit'
    GROUP BY tenant_id, currency
) l USING (tenant_id, currency)
WHERE coalesce(b.amount_minor, 0) <> coalesce(l.credit, 0);

-- I2 Each tenant's credit balance equals what payments and credit notes have left
SELECT 'tenant ' || tenant_id || ' holds ' || coalesce(b.amount_minor, 0) || ' ' || currency
       || ' where its payments and notes have ' || coalesce(s.left_over, 0) || ' left'
FROM payments_creditbalance b
FULL JOIN (
    SELECT tenant_id, currency, sum(left_over) AS left_over
    FROM (
        SELECT p.tenant_id, p.currency,
               p.amount_minor
               - (SELECT coalesce(sum(a.amount_minor), 0) FROM payments_allocation a WHERE a.payment_id = p.id)
               - (SELECT coalesce(sum(part.amount_minor), 0) FROM payments_refundpart part
                  JOIN payments_refund r ON r.id = part.refund_id
                  WHERE r.payment_id = p.id AND part.invoice_id IS NULL
                    AND r.status IN ('awaiting_approval', 'pending', 'succeeded'))
               - p.returned_minor AS left_over
        FROM payments_payment p
        WHERE p.status IN ('clearing', 'succeeded', 'returned')
        UNION ALL
        SELECT n.tenant_id, n.currency,
               n.amount_minor
               - (SELECT coalesce(sum(a.amount_minor), 0) FROM payments_allocation a WHERE a.credit_note_id = n.id)
        FROM payments_creditnote n
        WHERE n.effect = 'credited'
    ) sources
    GROUP BY tenant_id, currency
) s USING (tenant_id, currency)
WHERE coalesce(b.amount_minor, 0) <> coalesce(s.left_over, 0);

-- I2 Credit on its way back is what refunds have reserved of it
SELECT 'tenant ' || tenant_id || ' has ' || coalesce(l.pending, 0) || ' ' || currency || ' of credit on its way back where '
       || coalesce(r.reserved, 0) || ' is reserved'
FROM (SELECT tenant_id, currency, -sum(amount_minor) AS pending FROM payments_ledgerleg
      WHERE account = 'refunds_pending' GROUP BY tenant_id, currency) l
FULL JOIN (
    SELECT r.tenant_id, r.currency, sum(part.amount_minor) AS reserved
    FROM payments_refund r
    JOIN payments_refundpart part ON part.refund_id = r.id
    WHERE part.invoice_id IS NULL AND r.status IN ('awaiting_approval', 'pending')
    GROUP BY r.tenant_id, r.currency
) r USING (tenant_id, currency)
WHERE coalesce(l.pending, 0) <> coalesce(r.reserved, 0);

-- I4 No payment gives back or allocates more than it brought
SELECT 'payment ' || p.id || ' of ' || p.amount_minor || ' gave back ' || coalesce(r.total, 0) || ', had '
       || p.returned_minor || ' taken back and allocated ' || coalesce(a.total, 0)
FROM payments_payment p
LEFT JOIN (SELECT payment_id, sum(amount_minor) AS total,
                  coalesce(sum(amount_minor) FILTER (WHERE destination = 'source'), 0) AS to_source
           FROM payments_refund
           WHERE status IN ('awaiting_approval', 'pending', 'succeeded') GROUP BY payment_id) r ON r.payment_id = p.id
LEFT JOIN (SELECT payment_id, sum(amount_minor) AS total FROM payments_allocation
           WHERE payment_id IS NOT NULL GROUP BY payment_id) a ON a.payment_id = p.id
WHERE coalesce(r.total, 0) NOT BETWEEN 0 AND p.amount_minor
   OR coalesce(a.total, 0) NOT BETWEEN 0 AND p.amount_minor
   OR coalesce(r.to_source, 0) + p.returned_minor > p.amount_minor
   OR (p.status NOT IN ('clearing', 'succeeded', 'returned')
       AND coalesce(a.total, 0) + coalesce(r.total, 0) + p.returned_minor <> 0);

-- I4 No payment is meant for more than it brought
SELECT 'payment ' || p.id || ' of ' || p.amount_minor || ' is meant for ' || s.total
FROM payments_payment p
JOIN (SELECT payment_id, sum(amount_minor) AS total FROM payments_paymentshare GROUP BY payment_id) s ON s.payment_id = p.id
WHERE s.total > p.amount_minor
   OR (s.total = p.amount_minor AND p.invoice_id IS NOT NULL);

-- I4 What is undeposited is what the bank has still to collect, and nothing of that has gone back
SELECT 'payment ' || p.id || ' (' || p.status || ') of ' || p.amount_minor || ' has ' || coalesce(l.undeposited, 0)
       || ' undeposited'
FROM payments_payment p
LEFT JOIN (SELECT payment_id, sum(amount_minor) AS undeposited FROM payments_ledgerleg
           WHERE account = 'undeposited' GROUP BY payment_id) l ON l.payment_id = p.id
WHERE coalesce(l.undeposited, 0) <> CASE WHEN p.status = 'clearing' THEN p.amount_minor ELSE 0 END
   OR (p.status = 'clearing' AND (p.returned_minor <> 0 OR EXISTS (
       SELECT 1 FROM payments_refund r WHERE r.payment_id = p.id)));

-- I4 Each payment's cash is what it brought, less its fee, what went back to its source and what banks hold or took
SELECT 'payment ' || p.id || ' (' || p.status || ') of ' || p.amount_minor || ' is worth ' || coalesce(l.cash, 0)
       || ' in cash where ' || expected.cash || ' is left of it'
FROM payments_payment p
LEFT JOIN (SELECT payment_id, sum(amount_minor) AS cash FROM payments_ledgerleg
           WHERE (account LIKE 'cash%' OR account = 'undeposited') AND payment_id IS NOT NULL GROUP BY payment_id) l
    ON l.payment_id = p.id
CROSS JOIN LATERAL (
    SELECT CASE WHEN p.status IN ('clearing', 'succeeded', 'returned') THEN p.amount_minor - coalesce(p.fee_minor, 0) ELSE 0 END
           - (SELECT coalesce(sum(r.amount_minor), 0) FROM payments_refund r
              WHERE r.payment_id = p.id AND r.status = 'succeeded' AND r.destination = 'source')
           - greatest(p.returned_minor, coalesce(sum(d.withdrawn_minor), 0)) - coalesce(sum(d.fee_minor), 0)
           - (SELECT coalesce(sum(b.amount_minor), 0) FROM payments_ledgerleg b
              WHERE b.payment_id = p.id AND b.account = 'bad_debt') AS cash
    FROM payments_dispute d
    WHERE d.payment_id = p.id
) expected
WHERE coalesce(l.cash, 0) <> expected.cash;

-- I4 What is booked as lost of a payment is what had been refunded of a check when its bank sent it back
SELECT 'payment ' || p.id || ' (' || p.status || ') has ' || coalesce(l.lost, 0) || ' booked as lost'
FROM payments_payment p
LEFT JOIN (SELECT payment_id, sum(amount_minor) AS lost FROM payments_ledgerleg
           WHERE account = 'bad_debt' GROUP BY payment_id) l ON l.payment_id = p.id
WHERE coalesce(l.lost, 0) <> CASE
    WHEN p.status = 'returned' AND p.provider = 'manual' THEN p.amount_minor - p.returned_minor ELSE 0 END;

-- I4 What is booked as disputed is what banks hold, or kept and the books could not take back yet
SELECT 'payment ' || p.id || ' has ' || coalesce(l.disputed, 0) || ' disputed by the ledger and '
       || coalesce(d.withdrawn - p.returned_minor, 0) || ' by its disputes'
FROM payments_payment p
LEFT JOIN (SELECT payment_id, sum(amount_minor) AS disputed FROM payments_ledgerleg
           WHERE account = 'disputed' GROUP BY payment_id) l ON l.payment_id = p.id
LEFT JOIN (SELECT payment_id, sum(withdrawn_minor) AS withdrawn FROM payments_dispute GROUP BY payment_id) d
    ON d.payment_id = p.id
WHERE coalesce(l.disputed, 0) <> coalesce(d.withdrawn - p.returned_minor, 0);

-- I4 Each refund says where it is taken from, and credit notes say it again once it has succeeded
SELECT 'refund ' || r.id || ' (' || r.status || ') of ' || r.amount_minor || ' is taken from places that sum to '
       || part.total || '; ' || part.of_invoices || ' of invoices, and notes over ' || note.total
FROM payments_refund r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_minor), 0) AS total,
           coalesce(sum(amount_minor) FILTER (WHERE invoice_id IS NOT NULL), 0) AS of_invoices
    FROM payments_refundpart WHERE refund_id = r.id
) part
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN effect = 'refund_reversed' THEN -amount_minor ELSE amount_minor END), 0) AS total
    FROM payments_creditnote WHERE refund_id = r.id
) note
WHERE part.total <> r.amount_minor
   OR note.total <> CASE WHEN r.status = 'succeeded' THEN part.of_invoices ELSE 0 END;

-- I4 No refund to a source is taken from an invoice that the payment did not pay
SELECT 'payment ' || p.payment_id || ' refunds ' || p.total || ' of invoice ' || p.invoice_id || ', to which it gave '
       || coalesce(a.total, 0)
FROM (SELECT r.payment_id, part.invoice_id, sum(part.amount_minor) AS total
      FROM payments_refundpart part
      JOIN payments_refund r ON r.id = part.refund_id
      WHERE part.invoice_id IS NOT NULL AND r.destination = 'source'
        AND r.status IN ('awaiting_approval', 'pending', 'succeeded')
      GROUP BY r.payment_id, part.invoice_id) p
LEFT JOIN (SELECT payment_id, invoice_id, sum(amount_minor) AS total FROM payments_allocation
           GROUP BY payment_id, invoice_id) a USING (payment_id, invoice_id)
WHERE p.total > coalesce(a.total, 0);

-- I4 No cash moves without a payment behind it
SELECT 'entry ' || entry_id || ' moves ' || amount_minor || ' ' || currency || ' of ' || account || ' for no payment'
FROM payments_ledgerleg
WHERE (account LIKE 'cash%' OR account = 'undeposited') AND payment_id IS NULL;

-- I5 The periods that a subscription is billed for tile: none overlaps another, but for one that was given back
SELECT 'subscription ' || subscription_ref || ' is billed from ' || period_start || ' while ' || before || ' has not ended'
FROM (
    SELECT id, provider, subscription_ref, period_start,
           lag(period_end) OVER period AS before, lag(id) OVER period AS earlier
    FROM payments_invoice
    WHERE kind = 'subscription' AND billing_reason = 'period' AND status <> 'void'
    WINDOW period AS (PARTITION BY subscription_ref, provider ORDER BY period_start)
) spans
WHERE before > period_start
  -- By a provider the bill of the new cycle gives the unused time back; by ours a credit note, or the bill of the change.
  AND NOT (provider IS NOT NULL AND EXISTS (
      SELECT FROM payments_invoiceline line WHERE line.invoice_id = spans.id AND line.amount_minor < 0))
  AND NOT EXISTS (SELECT FROM payments_creditnote note WHERE note.invoice_id = spans.earlier)
  AND NOT EXISTS (
      SELECT FROM payments_invoiceline line JOIN payments_invoice bill ON bill.id = line.invoice_id
      WHERE bill.subscription_ref = spans.subscription_ref AND bill.billing_reason = 'change'
        AND line.amount_minor < 0 AND line.period_end = spans.before
        AND line.derivation ->> 'kind' IS DISTINCT FROM 'coupon')
  -- With a coupon there may be nothing that was paid for the time that another cycle takes the place of.
  AND NOT EXISTS (
      SELECT FROM subscriptions_subscription s
      JOIN subscriptions_subscriptionterms t ON t.subscription_id = s.id
      JOIN subscriptions_planprice p ON p.id = t.price_id
      JOIN payments_invoice earlier ON earlier.id = spans.earlier
      WHERE s.id = spans.subscription_ref AND s.coupon_id IS NOT NULL
        AND t.effective_from > earlier.period_start AND t.effective_from < spans.before
        AND EXISTS (
            SELECT FROM subscriptions_subscriptionterms was JOIN subscriptions_planprice q ON q.id = was.price_id
            WHERE was.subscription_id = s.id AND was.effective_from < t.effective_from
              AND q.billing_cycle <> p.billing_cycle));

-- I5 A coupon takes off its percentage or amount of each line, once in each period that it counts, and no more than there is
SELECT 'invoice ' || i.number || ': ' || (line.derivation ->> 'code') || ' takes ' || -line.amount_minor || ' off'
FROM payments_invoiceline line
JOIN payments_invoice i ON i.id = line.invoice_id
JOIN subscriptions_subscription s ON s.id = i.subscription_ref
LEFT JOIN subscriptions_coupon c ON c.id = s.coupon_id AND c.code = line.derivation ->> 'code'
CROSS JOIN LATERAL (
    SELECT sum((part ->> 'off')::bigint) AS off, sum((part ->> 'amount')::bigint) AS amount,
           bool_and((part ->> 'off')::bigint = sign((part ->> 'amount')::bigint) * CASE
               WHEN c.percent_off IS NOT NULL THEN round(abs((part ->> 'amount')::bigint) * c.percent_off / 100)
               ELSE least(c.amount_off_minor, abs((part ->> 'amount')::bigint)) END) AS agrees
    FROM jsonb_array_elements(line.derivation -> 'of') part
) parts
WHERE line.derivation ->> 'kind' = 'coupon'
  AND (parts.agrees IS NOT TRUE OR parts.off <> -line.amount_minor
       OR coalesce((line.derivation ->> 'period')::int NOT BETWEEN 1 AND coalesce(c.cycles, 1000000), true)
       OR parts.amount <> (
           -- It stands below the lines that it was reckoned from.
           SELECT sum(other.amount_minor) FROM payments_invoiceline other
           WHERE other.invoice_id = line.invoice_id AND other.position < line.position
             AND other.position >= line.position - jsonb_array_length(line.derivation -> 'of')
             AND other.derivation ->> 'kind' IN ('seats', 'proration')));

-- I5 Each period that is billed after another is a later one for its coupon, but for one that was given back
SELECT 'invoice ' || number || ' counts period ' || period || ' of its coupon, after period ' || before
FROM (
    SELECT i.number, i.period_start, (line.derivation ->> 'period')::int AS period,
           lag(i.period_start) OVER earlier AS began, lag((line.derivation ->> 'period')::int) OVER earlier AS before
    FROM payments_invoice i
    JOIN payments_invoiceline line ON line.invoice_id = i.id AND line.derivation ->> 'kind' = 'coupon'
    WHERE i.billing_reason = 'period' AND i.status <> 'void' AND i.provider IS NULL
      AND NOT EXISTS (SELECT FROM payments_creditnote note WHERE note.invoice_id = i.id)
    WINDOW earlier AS (PARTITION BY i.subscription_ref ORDER BY i.period_start)
) counted
WHERE period_start > began AND period <= before;

-- I5 A coupon is redeemed no more often than it may be, once by a tenant, and by whom it is for
SELECT 'coupon ' || c.code || ' is redeemed ' || count(*) || ' times, by ' || count(DISTINCT s.tenant_id) || ' tenants'
FROM subscriptions_coupon c
JOIN subscriptions_subscription s ON s.coupon_id = c.id
WHERE s.came_alive_at IS NOT NULL
GROUP BY c.id
HAVING count(*) > coalesce(c.max_redemptions, count(*)) OR count(*) > count(DISTINCT s.tenant_id)
    OR count(*) FILTER (WHERE s.tenant_id <> c.tenant_id) > 0
    OR count(*) FILTER (WHERE c.currency NOT IN ('', s.currency)) > 0;

-- I5 At most one invoice that is not void for each thing that is billed
SELECT 'tenant ' || tenant_id || ' has ' || count(*) || ' overage invoices for ' || usage_month
FROM payments_invoice
WHERE kind = 'overage' AND status <> 'void'
GROUP BY tenant_id, usage_month
HAVING count(*) > 1
UNION ALL
SELECT 'subscription ' || subscription_ref || ' has ' || count(*) || ' renewals from ' || period_start
FROM payments_invoice
WHERE kind = 'subscription' AND billing_reason = 'period' AND provider IS NULL AND status <> 'void'
GROUP BY subscription_ref, period_start
HAVING count(*) > 1
UNION ALL
SELECT provider || ' ' || provider_ref || ' has ' || count(*) || ' invoices'
FROM payments_invoice
WHERE provider_ref IS NOT NULL
GROUP BY provider, livemode, provider_ref
HAVING count(*) > 1;

-- I5 Each invoice's total is the sum of its lines and tax, and its entry
SELECT 'invoice ' || i.number || ' of ' || i.total_minor || ' has lines of ' || coalesce(l.amount, 0)
       || ', tax of ' || coalesce(t.amount, 0) || ' and an entry of ' || coalesce(e.amount, 0)
FROM payments_invoice i
LEFT JOIN (SELECT invoice_id, sum(amount_minor) AS amount, sum(tax_minor) AS tax FROM payments_invoiceline
           GROUP BY invoice_id) l ON l.invoice_id = i.id
LEFT JOIN (SELECT invoice_id, sum(amount_minor) AS amount FROM payments_taxline GROUP BY invoice_id) t
    ON t.invoice_id = i.id
LEFT JOIN (SELECT invoice_id, -sum(amount_minor) AS amount FROM payments_ledgerleg
           WHERE (account LIKE 'revenue%' OR account = 'tax_payable') AND memo = 'Invoice ' || (
               SELECT number FROM payments_invoice n WHERE n.id = invoice_id) GROUP BY invoice_id) e ON e.invoice_id = i.id
WHERE i.status <> 'draft'
  AND (coalesce(l.amount, 0) <> i.subtotal_minor
    OR coalesce(t.amount, 0) <> i.tax_minor
    OR coalesce(l.tax, 0) <> i.tax_minor
    OR coalesce(e.amount, 0) <> i.total_minor);

-- I5 Each line is its quantity times its price, rounded half-up once
SELECT 'invoice ' || i.number || ', line ' || line.position || ' asks for ' || line.amount_minor || ' where '
       || line.quantity || ' × ' || line.unit_amount || ' is ' || round(line.quantity * line.unit_amount)
FROM payments_invoiceline line
JOIN payments_invoice i ON i.id = line.invoice_id
WHERE line.amount_minor <> round(line.quantity * line.unit_amount);

-- I5 An invoice is paid when, and only when, allocations and reducing notes cover it; none is over-allocated
SELECT 'invoice ' || i.number || ' is ' || i.status || ' with ' || coalesce(a.total, 0) || ' allocated and '
       || coalesce(n.total, 0) || ' credited of ' || i.total_minor
FROM payments_invoice i
LEFT JOIN (SELECT invoice_id, sum(amount_minor) AS total FROM payments_allocation GROUP BY invoice_id) a
    ON a.invoice_id = i.id
LEFT JOIN (SELECT invoice_id, sum(amount_minor) AS total FROM payments_creditnote
           WHERE effect = 'reduces_due' GROUP BY invoice_id) n ON n.invoice_id = i.id
WHERE coalesce(a.total, 0) < 0
   OR coalesce(a.total, 0) + coalesce(n.total, 0) > i.total_minor
   OR (i.status = 'paid') <> (i.status <> 'draft' AND i.status <> 'void'
                              AND coalesce(a.total, 0) + coalesce(n.total, 0) = i.total_minor);

-- I5 No invoice gives back more than it asked for, nor more tax, by credit notes and refunds that are on their way
SELECT 'invoice ' || i.number || ' of ' || i.total_minor || ' (tax ' || i.tax_minor || ') is credited with '
       || note.total || ' (tax ' || note.tax || '), and ' || coming.total || ' is on its way'
FROM payments_invoice i
CROSS JOIN LATERAL (
    SELECT coalesce(sum(sign * amount_minor), 0) AS total, coalesce(sum(sign * tax_minor), 0) AS tax
    FROM (SELECT amount_minor, tax_minor, CASE WHEN effect = 'refund_reversed' THEN -1 ELSE 1 END AS sign
          FROM payments_creditnote n WHERE n.invoice_id = i.id) notes
) note
CROSS JOIN LATERAL (
    SELECT coalesce(sum(part.amount_minor), 0) AS total
    FROM payments_refundpart part
    JOIN payments_refund r ON r.id = part.refund_id
    WHERE part.invoice_id = i.id AND r.status IN ('awaiting_approval', 'pending')
) coming
WHERE note.total + coming.total NOT BETWEEN 0 AND i.total_minor
   OR note.tax NOT BETWEEN 0 AND i.tax_minor;

-- I5 The receivable of each tenant is what its invoices still ask for
SELECT 'tenant ' || tenant_id || ' owes ' || coalesce(r.receivable, 0) || ' ' || currency
       || ' by the ledger and ' || coalesce(o.open, 0) || ' by its invoices'
FROM (SELECT tenant_id, currency, sum(amount_minor) AS receivable FROM payments_ledgerleg
      WHERE account = 'receivable' GROUP BY tenant_id, currency) r
FULL JOIN (
    SELECT i.tenant_id, i.currency, sum(
        i.total_minor
        - (SELECT coalesce(sum(a.amount_minor), 0) FROM payments_allocation a WHERE a.invoice_id = i.id)
        - (SELECT coalesce(sum(n.amount_minor), 0) FROM payments_creditnote n
           WHERE n.invoice_id = i.id AND n.effect = 'reduces_due')) AS open
    FROM payments_invoice i
    WHERE i.status NOT IN ('draft', 'void')
    GROUP BY i.tenant_id, i.currency
) o USING (tenant_id, currency)
WHERE coalesce(r.receivable, 0) <> coalesce(o.open, 0);

-- I6 Raw usage equals its rollup: nothing lost, nothing doubled
SELECT 'tenant ' || tenant_id || ', ' || meter || ' ' || rate_class || ' ' || usage_month || ': '
       || coalesce(raw.records, 0) || ' records of ' || coalesce(raw.quantity, 0)
       || ', rolled up ' || coalesce(up.records, 0) || ' of ' || coalesce(up.quantity, 0)
FROM (
    SELECT tenant_id, meter, rate_class, usage_month, billed_in, coalesce(segment_start, '-infinity') AS segment,
           sum(quantity) AS quantity, sum(billable_quantity) AS billable, count(*) AS records
    FROM usage_usagerecord
    GROUP BY 1, 2, 3, 4, 5, 6
) raw
FULL JOIN (
    SELECT tenant_id, meter, rate_class, usage_month, billed_in, coalesce(segment_start, '-infinity') AS segment,
           sum(quantity) AS quantity, sum(billable_quantity) AS billable, sum(records) AS records
    FROM usage_usagerollup
    GROUP BY 1, 2, 3, 4, 5, 6
) up USING (tenant_id, meter, rate_class, usage_month, billed_in, segment)
WHERE raw.quantity IS DISTINCT FROM up.quantity
   OR raw.billable IS DISTINCT FROM up.billable
   OR raw.records IS DISTINCT FROM up.records;

-- I6 A metered line says how its quantity came about, and the rollups hold the use it names
SELECT 'invoice ' || i.number || ', line ' || line.position || ' counts ' || coalesce(why.used::text, 'nothing')
       || ' used and bills ' || line.quantity || ', where the rollups hold ' || coalesce(up.minutes, 0)
FROM payments_invoiceline line
JOIN payments_invoice i ON i.id = line.invoice_id
CROSS JOIN LATERAL (
    SELECT (line.derivation ->> 'used')::numeric AS used,
           (line.derivation ->> 'included')::numeric AS included,
           coalesce((line.derivation ->> 'billedBefore')::numeric, 0) AS billed_before,
           (line.derivation ->> 'amount')::bigint AS amount
) why
LEFT JOIN LATERAL (
    SELECT round(sum(u.billable_quantity) / 60000, 6) AS minutes
    FROM usage_usagerollup u
    WHERE u.tenant_id = line.tenant_id
      AND u.meter = line.derivation ->> 'meter'
      AND u.rate_class = line.derivation ->> 'rateClass'
      AND u.usage_month = line.derivation ->> 'month'
      AND u.segment_start = (line.derivation ->> 'termsSince')::timestamptz
      AND (u.billed_in = i.usage_month OR (line.derivation ->> 'kind' = 'adjustment' AND u.billed_in < i.usage_month))
) up ON true
WHERE line.meter = 'call_minutes'
  AND (why.used IS DISTINCT FROM coalesce(up.minutes, 0)
    OR line.quantity IS DISTINCT FROM greatest(0, why.used - why.included) - why.billed_before
    OR line.amount_minor IS DISTINCT FROM why.amount);

-- I6 What each closed month owed, rated here anew from rollups and terms, is on its invoice to the cent, and nothing else
WITH term AS (
    SELECT t.tenant_id, t.effective_from, t.seats, s.currency, s.trial_end, p.version_id, v.bills_trial_usage,
           least(s.ended_at, (
               SELECT min(later.effective_from) FROM subscriptions_subscriptionterms later
               WHERE later.subscription_id = t.subscription_id AND later.effective_from > t.effective_from
           )) AS stopped
    FROM subscriptions_subscriptionterms t
    JOIN subscriptions_subscription s ON s.id = t.subscription_id
    JOIN subscriptions_planprice p ON p.id = t.price_id
    JOIN subscriptions_planversion v ON v.id = p.version_id
), segment AS (
    -- The terms of a segment, for the part of the usage month that they cover. A trial's end begins another one.
    SELECT m.tenant_id, m.label, part.since, t.seats, t.currency, t.version_id,
           part.is_trial AND NOT t.bills_trial_usage AS is_free,
           floor(extract(epoch FROM m.ends_at - m.starts_at)) AS month_seconds,
           floor(extract(epoch FROM least(m.ends_at, part.until) - greatest(m.starts_at, part.since))) AS covered_seconds
    FROM usage_usagemonth m
    JOIN term t ON t.tenant_id = m.tenant_id AND t.effective_from < m.ends_at
    CROSS JOIN LATERAL (
        SELECT t.effective_from AS since, (t.trial_end > t.effective_from) IS TRUE AS is_trial,
               CASE WHEN t.trial_end > t.effective_from THEN least(t.trial_end, t.stopped) ELSE t.stopped END AS until
        UNION ALL
        SELECT t.trial_end, false, t.stopped WHERE t.trial_end > t.effective_from
    ) part
), used AS (
    -- By the month that bills: what was counted by then, and what had been counted before.
    SELECT u.tenant_id, u.meter, u.rate_class, u.usage_month, u.segment_start, u.billed_in,
           sum(u.billable_quantity) OVER so_far AS after,
           sum(u.billable_quantity) OVER so_far - u.billable_quantity AS before
    FROM usage_usagerollup u
    WHERE u.segment_start IS NOT NULL
    WINDOW so_far AS (
        PARTITION BY u.tenant_id, u.meter, u.rate_class, u.usage_month, u.segment_start ORDER BY u.billed_in
    )
), owed AS (
    SELECT m.invoice_id, m.tenant_id, m.label, u.meter, u.rate_class, u.usage_month, u.segment_start,
           round((greatest(0, round(u.after / 60000, 6) - free.included)
                - greatest(0, round(u.before / 60000, 6) - free.included))
               * CASE WHEN g.is_free THEN 0 ELSE coalesce(o.unit_amount, 0) END) AS amount
    FROM usage_usagemonth m
    JOIN used u ON u.tenant_id = m.tenant_id AND u.billed_in = m.label
    JOIN segment g
        ON g.tenant_id = u.tenant_id AND g.label = u.usage_month AND g.since = u.segment_start
    LEFT JOIN subscriptions_planallowance a
        ON a.version_id = g.version_id AND a.meter = u.meter AND a.rate_class = u.rate_class
    LEFT JOIN subscriptions_planoverageprice o
        ON o.version_id = g.version_id AND o.meter = u.meter AND o.rate_class = u.rate_class
       AND o.currency = g.currency
    CROSS JOIN LATERAL (
        -- No row includes nothing; a row without a number includes everything.
        SELECT CASE WHEN a.id IS NULL THEN 0 WHEN a.per_seat IS NULL THEN 'Infinity'::numeric
               ELSE round(a.per_seat * g.seats * g.covered_seconds / g.month_seconds, 6) END AS included
    ) free
    WHERE m.closed_at IS NOT NULL
), billed AS (
    SELECT i.tenant_id, i.usage_month AS label, line.meter, line.derivation ->> 'rateClass' AS rate_class,
           line.derivation ->> 'month' AS usage_month, (line.derivation ->> 'termsSince')::timestamptz AS segment_start,
           sum(line.amount_minor) AS amount
    FROM payments_invoiceline line
    JOIN payments_invoice i ON i.id = line.invoice_id
    WHERE i.kind = 'overage' AND i.status <> 'void'
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT 'tenant ' || tenant_id || ' owed ' || coalesce(owed.amount, 0) || ' for ' || coalesce(rate_class, 'unknown use')
       || ' of ' || coalesce(usage_month, 'an unknown month') || ' in ' || label || ' and was billed '
       || coalesce(billed.amount, 0)
FROM (SELECT * FROM owed WHERE amount <> 0) owed
FULL JOIN billed USING (tenant_id, label, meter, rate_class, usage_month, segment_start)
WHERE coalesce(owed.amount, 0) <> coalesce(billed.amount, 0);

-- I6 Usage months of a tenant do not overlap
SELECT 'tenant ' || a.tenant_id || ': ' || a.label || ' ends at ' || a.ends_at || ' and ' || b.label || ' begins at '
       || b.starts_at
FROM usage_usagemonth a
JOIN usage_usagemonth b ON b.tenant_id = a.tenant_id AND b.label > a.label AND b.starts_at < a.ends_at;

-- I6 Every record names a month that bills it, no earlier than the month it happened in
SELECT 'record ' || r.event_key || ' of ' || r.usage_month || ' is billed in ' || r.billed_in
FROM usage_usagerecord r
LEFT JOIN usage_usagemonth m ON m.tenant_id = r.tenant_id AND m.label = r.billed_in
WHERE m.id IS NULL OR r.billed_in < r.usage_month;

-- I8 Status only moves along the declared graph
SELECT change.subject || ' ' || change.subject_id || ' went from ' || coalesce(change.old, 'nothing') || ' to ' || change.new
FROM payments_statuschange change
LEFT JOIN legal_move move
    ON move.subject = change.subject AND move.new = change.new AND move.old IS NOT DISTINCT FROM change.old
WHERE move.subject IS NULL;

-- I8 Each move starts where the one before ended
SELECT subject || ' ' || subject_id || ' was ' || coalesce(before, 'nothing') || ' when it left ' || coalesce(old, 'nothing')
FROM (
    SELECT subject, subject_id, old, lag(new) OVER (PARTITION BY subject, subject_id ORDER BY id) AS before
    FROM payments_statuschange
) moves
WHERE before IS DISTINCT FROM old;

-- I8 Each state shown is the last one in its history
SELECT state.subject || ' ' || state.id || ' is ' || state.status || ' where its history ends with '
       || coalesce(last.new, 'nothing')
FROM (
    SELECT 'payment' AS subject, id, status FROM payments_payment
    UNION ALL SELECT 'invoice', id, status FROM payments_invoice
    UNION ALL SELECT 'refund', id, status FROM payments_refund
    UNION ALL SELECT 'dispute', id, status FROM payments_dispute
    UNION ALL SELECT 'subscription', id, status FROM subscriptions_subscription
) state
LEFT JOIN LATERAL (
    SELECT new FROM payments_statuschange c
    WHERE c.subject = state.subject AND c.subject_id = state.id ORDER BY c.id DESC LIMIT 1
) last ON true
WHERE last.new IS DISTINCT FROM state.status;

-- I8 A subscription has come alive when its history says so
SELECT 'subscription ' || s.id || ' came alive at ' || coalesce(s.came_alive_at::text, 'no time') || ', by its history at '
       || coalesce(first.at::text, 'no time')
FROM subscriptions_subscription s
LEFT JOIN LATERAL (
    SELECT c.at FROM payments_statuschange c
    WHERE c.subject = 'subscription' AND c.subject_id = s.id
      AND c.new IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
    ORDER BY c.id LIMIT 1
) first ON true
WHERE first.at IS DISTINCT FROM s.came_alive_at;

-- I9 No row's tenant differs from its parents' tenant
SELECT child || ' ' || id || ' belongs to another tenant than its parent'
FROM (
    SELECT 'payment' AS child, c.id::text AS id FROM payments_payment c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'payment share', c.id::text FROM payments_paymentshare c
    JOIN payments_payment p ON p.id = c.payment_id WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'payment share', c.id::text FROM payments_paymentshare c
    JOIN payments_invoice p ON p.id = c.invoice_id WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'line', c.id::text FROM payments_invoiceline c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'tax line', c.id::text FROM payments_taxline c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'credit note', c.id::text FROM payments_creditnote c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'allocation', c.id::text FROM payments_allocation c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'allocation', c.id::text FROM payments_allocation c JOIN payments_payment p ON p.id = c.payment_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'refund', c.id::text FROM payments_refund c JOIN payments_payment p ON p.id = c.payment_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'refund part', c.id::text FROM payments_refundpart c JOIN payments_refund p ON p.id = c.refund_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'refund part', c.id::text FROM payments_refundpart c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'credit note', c.id::text FROM payments_creditnote c JOIN payments_refund p ON p.id = c.refund_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'dispute', c.id::text FROM payments_dispute c JOIN payments_payment p ON p.id = c.payment_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'hold', c.id::text FROM payments_collectionhold c
    JOIN payments_invoice p ON p.id = c.invoice_id WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'attempt', c.id::text FROM payments_attempt c JOIN payments_payment p ON p.id = c.payment_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'ledger leg', c.id::text FROM payments_ledgerleg c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'ledger leg', c.id::text FROM payments_ledgerleg c JOIN payments_payment p ON p.id = c.payment_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'ledger entry', entry_id::text FROM payments_ledgerleg GROUP BY entry_id
    HAVING count(DISTINCT tenant_id) > 1
    UNION ALL SELECT 'usage month', c.id::text FROM usage_usagemonth c JOIN payments_invoice p ON p.id = c.invoice_id
    WHERE p.tenant_id <> c.tenant_id
    UNION ALL SELECT 'terms', c.id::text FROM subscriptions_subscriptionterms c
    JOIN subscriptions_subscription p ON p.id = c.subscription_id WHERE p.tenant_id <> c.tenant_id
) mixed;

-- I13 Invoice numbers are unique, without a gap and rising with their dates, per year
SELECT 'INV-' || number_year || '-' || number_sequence || ' follows ' || coalesce(before, 0) || ', issued ' || issued_at
FROM (
    SELECT number_year, number_sequence, issued_at,
           lag(number_sequence) OVER years AS before, lag(issued_at) OVER years AS issued_before
    FROM payments_invoice
    WHERE number IS NOT NULL
    WINDOW years AS (PARTITION BY number_year ORDER BY number_sequence)
) numbers
WHERE number_sequence <> coalesce(before, 0) + 1 OR issued_at < issued_before;

-- I13 Each series stands at its last number
SELECT s.document || '-' || s.year || ' stands at ' || s.last || ' where the last number given is ' || coalesce(n.last, 0)
FROM payments_numberseries s
LEFT JOIN (SELECT number_year AS year, max(number_sequence) AS last FROM payments_invoice GROUP BY 1) n USING (year)
WHERE s.document = 'INV' AND s.last <> coalesce(n.last, 0);
