"""Settings of dj-stripe, which mirrors Stripe's objects for people to look at. Its key and address: `providers`."""

# Its customers point at our tenants, by the metadata `djstripe_subscriber` that our adapter's caller sends along.
DJSTRIPE_SUBSCRIBER_MODEL = "tenants.Tenant"
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"  # refer to objects by Stripe's ids
# Its own migrations replay years of history at every first start; see docs/adr/0007-dj-stripe-as-a-mirror.md.
MIGRATION_MODULES = {"djstripe": "payments.providers.stripe.mirror_migrations"}
