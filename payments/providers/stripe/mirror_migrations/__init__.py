"""The tables of dj-stripe, made in one step; see docs/adr/0007-dj-stripe-as-a-mirror.md before an upgrade."""
